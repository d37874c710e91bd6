"""The sample predictor: serves one model over HTTP, in a plain form and in TensorFlow Serving's REST form."""
