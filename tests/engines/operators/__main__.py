"""The operators of the training engines on the embedded cluster, from its mirror."""

import os

import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.platform.connection import Connection
from components.platform.sources import Sources
from components.training.operators.kubeflow_v1 import TrainingOperator, TrainingOperatorArgs
from components.training.operators.mpi import MpiOperator, MpiOperatorArgs
from components.training.operators.ray import KubeRay, KubeRayArgs
from components.training.operators.trainer import Trainer, TrainerArgs
from stacks.catalog.config import EMBEDDED_IMAGES, EMBEDDED_VARIABLE

kubeconfig = os.environ["ML_PLATFORM_KUBECONFIG"]
sources = Sources(charts=os.environ[EMBEDDED_VARIABLE], images=EMBEDDED_IMAGES)
connection = Connection(kubeconfig=kubeconfig)
provider = k8s.Provider("cluster", kubeconfig=kubeconfig, enable_server_side_apply=True)
opts = ResourceOptions(providers={"kubernetes": provider})

Trainer("trainer", TrainerArgs(sources=sources, connection=connection), opts)
TrainingOperator("training-operator", TrainingOperatorArgs(sources=sources, connection=connection), opts)
MpiOperator("mpi-operator", MpiOperatorArgs(sources=sources, connection=connection), opts)
KubeRay("kuberay", KubeRayArgs(sources=sources, connection=connection), opts)
