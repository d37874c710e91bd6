"""A stand-in for TensorFlow Serving, where its own program cannot be had: its flags, its protocols, its metrics."""
