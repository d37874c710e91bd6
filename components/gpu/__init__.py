"""What makes the GPUs of nodes something that pods can ask for."""
