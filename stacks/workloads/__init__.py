"""What training and serving entries have in common: containers and placement."""
