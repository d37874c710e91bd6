"""The `gpu` section: what offers GPUs to pods, and how they are shared."""
