"""What a stack is made of: the typed config of each feature, the rules over a file, and the builders."""
