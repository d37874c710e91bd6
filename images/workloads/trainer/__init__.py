"""The sample trainer: prepares scikit-learn's handwritten digits and trains a classifier on them."""
