"""The namespaces of the platform. Each is named here and nowhere else, so that teams can take none of them."""

from __future__ import annotations

PLATFORM = "ml-platform"
# What the embedded cluster's provisioner, and many a cluster's, runs in.
LOCAL_PATH = "local-path-storage"

EXTERNAL_SECRETS = "external-secrets"
ROTATION = "secret-rotation"
GATEWAY = "gateway-system"
GPU = "gpu-operator"
GPU_CLAIMS = "gpu-dra-driver"
JOBSET = "jobset-system"
TRAINER = "kubeflow-trainer"
TRAINING_OPERATOR = "training-operator"
MPI = "mpi-operator"
KUBERAY = "kuberay-system"
LOGGING = "logging"
LOGGING_NODES = "logging-nodes"
MONITORING = "monitoring"
MONITORING_NODES = "monitoring-nodes"
QUEUEING = "kueue-system"
STORAGE = "storage-system"
STORAGE_DRIVERS = "storage-drivers"

# No team may have one of these.
RESERVED = tuple(sorted(("default", *(value for name, value in vars().items() if name.isupper()))))
