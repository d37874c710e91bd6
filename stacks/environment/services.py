"""The services under the teams, each there only when the stack config asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.cluster import Cluster
from components.external_secrets import operator as external_secrets
from components.external_secrets.operator import ExternalSecrets
from components.gateway.gateway import Gateway
from components.gpu.support import GpuSupport
from components.logging.logs import Logs
from components.monitoring.service import Monitoring
from components.platform.drain import Drain, DrainArgs
from components.priorities.classes import Priorities
from components.queueing import kueue as queueing
from components.queueing.kueue import Queueing
from components.training.operators.operator import EngineOperator
from stacks.clouds.pools import PoolFacts
from stacks.environment.config import Environment
from stacks.external_secrets.build import build_external_secrets
from stacks.gateway.build import build_gateway
from stacks.gpu.build import build_gpu_support
from stacks.logging.build import build_logs
from stacks.monitoring.build import build_monitoring
from stacks.monitoring.dashboards import build_dashboards
from stacks.priorities.build import build_priorities
from stacks.queueing.build import build_queueing
from stacks.queueing.quotas import gpu_pools
from stacks.storage.build import StorageServices, build_storage_services
from stacks.training.operators import build_operators


@dataclass(frozen=True, kw_only=True)
class Services:
    """What teams and workloads may build on. None is a service that this environment does not have."""

    gateway: Gateway | None = None
    priorities: Priorities | None = None
    logs: Logs | None = None
    queueing: Queueing | None = None
    operators: Mapping[str, EngineOperator] = field(default_factory=dict[str, EngineOperator])
    gpu: GpuSupport | None = None
    monitoring: Monitoring | None = None
    external_secrets: ExternalSecrets | None = None
    storage: StorageServices = field(default_factory=StorageServices)


def gpu_pools_of(environment: Environment) -> tuple[PoolFacts, ...]:
    """The pools whose GPUs the environment's queues share out."""
    return gpu_pools(environment.cluster, environment.gpu, environment.queueing)


def build_services(environment: Environment, cluster: Cluster) -> Services:
    """Installs what the environment asks for, in the order in which the services need each other."""
    config, pools = environment.queueing, gpu_pools_of(environment)
    queueing = build_queueing(config, pools, environment.teams, environment.training_kinds, cluster) if config else None
    gpu = build_gpu_support(environment.gpu, cluster) if environment.gpu else None
    # After the services whose metrics it reads: it looks for them in their namespaces.
    monitoring = None
    if environment.monitoring is not None:
        monitoring = build_monitoring(
            environment.monitoring,
            environment.teams,
            cluster,
            install=environment.monitoring.install_on(environment.cluster.kind),
            protects_data=environment.protects_data,
            verify_kubelets=environment.cluster.verifies_kubelets,
            kueue_namespace=queueing.namespace if queueing else None,
            gpu_namespace=gpu.metrics_namespace if gpu else None,
            training_kinds=environment.training_kinds,
        )
        build_dashboards(environment.teams, monitoring, queueing=config is not None)
    return Services(
        priorities=build_priorities(environment.priorities, cluster),
        gateway=build_gateway(environment.gateway, cluster) if environment.gateway else None,
        logs=build_logs(environment.logging, cluster) if environment.logging else None,
        gpu=gpu,
        queueing=queueing,
        operators=build_operators(environment.training_kinds, cluster),
        monitoring=monitoring,
        external_secrets=(
            build_external_secrets(
                environment.external_secrets, environment.teams, cluster, registry=environment.images.registry
            )
            if environment.external_secrets
            else None
        ),
        storage=build_storage_services(
            environment.storage,
            cluster,
            drivers=environment.storage_drivers,
            object_store=environment.object_store,
            protects_data=environment.protects_data,
        ),
    )


def build_drains(services: Services, cluster: Cluster, after: Sequence[pulumi.Resource]) -> None:
    """What a destroy deletes first, so that it works while an operator is down. `after` is all that operators serve."""
    operators: dict[str, tuple[Queueing | ExternalSecrets | EngineOperator | None, str, str]] = {
        **{
            drained.name: (operator, drained.namespace, drained.group)
            for operator in services.operators.values()
            for drained in operator.drained
        },
        "queueing": (services.queueing, queueing.NAMESPACE, queueing.GROUP),
        "external-secrets": (services.external_secrets, external_secrets.NAMESPACE, external_secrets.GROUP),
    }
    for name, (service, namespace, group) in operators.items():
        if service is not None:
            Drain(
                f"{name}-drain",
                DrainArgs(namespace=namespace, groups=[group], connection=cluster.connection),
                pulumi.ResourceOptions(parent=service, depends_on=[*service.ready, *after]),
            )
