"""What a stack file is made of: model base, types, messages, reading, schema. Knows no feature."""
