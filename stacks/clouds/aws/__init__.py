"""An environment in AWS: EKS and all that belongs to it."""
