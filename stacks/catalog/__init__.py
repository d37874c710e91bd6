"""Where an environment takes charts, manifests and images from."""
