"""What AWS adds to the sections of other features: kinds of storage, and its secret store."""
