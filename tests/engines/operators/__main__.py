"""The operators of the training engines on the embedded cluster, from its mirror."""

import os

import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.platform.connection import Connection
from components.platform.sources import Sources
from components.training.operators.operator import EngineOperatorArgs
from stacks.catalog.config import EMBEDDED_IMAGES, EMBEDDED_VARIABLE
from stacks.training.operators import OPERATORS

kubeconfig = os.environ["ML_PLATFORM_KUBECONFIG"]
sources = Sources(charts=os.environ[EMBEDDED_VARIABLE], images=EMBEDDED_IMAGES)
connection = Connection(kubeconfig=kubeconfig)
provider = k8s.Provider("cluster", kubeconfig=kubeconfig, enable_server_side_apply=True)
opts = ResourceOptions(providers={"kubernetes": provider})

for name, operator in OPERATORS.items():
    operator(name, EngineOperatorArgs(sources=sources, connection=connection), opts)
