"""Trains the digits with TensorFlow: with parameter servers, or data-parallel without."""
