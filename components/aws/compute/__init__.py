"""EKS: control plane, add-ons, node pools and Karpenter."""
