"""What the rules look at: resources, their values, and the pods and images in them."""
