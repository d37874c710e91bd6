"""The services under the teams: one line each, in the order in which they need each other.

What `make mirror` and `make up` have to have (`stacks.environment.installed`), what a stack builds, and what a destroy
drains follow from these lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from components import namespaces
from components.cluster import Cluster
from components.external_secrets import operator as external_secrets
from components.external_secrets.operator import ExternalSecrets
from components.gpu.support import GpuSupport
from components.monitoring.service import Monitoring
from components.platform.drain import Drain, DrainArgs, Drained
from components.queueing import kueue
from components.queueing.kueue import Queueing
from components.training.engines import OPERATORS as OPERATOR_ENTRIES
from components.training.engines import operators_of
from components.training.operators.operator import EngineOperator
from stacks.clouds.pools import PoolFacts
from stacks.environment.config import Environment
from stacks.environment.service import Service, Site
from stacks.external_secrets.build import build_external_secrets
from stacks.external_secrets.config import ExternalSecretsConfig
from stacks.gateway.build import build_gateway
from stacks.gateway.config import GatewayConfig
from stacks.gpu.build import build_gpu_support
from stacks.gpu.config import Gpu
from stacks.logging.build import build_logs
from stacks.logging.config import Logging
from stacks.monitoring.build import build_monitoring
from stacks.monitoring.config import MonitoringConfig
from stacks.monitoring.dashboards import build_dashboards
from stacks.priorities.build import build_priorities
from stacks.queueing.build import build_queueing
from stacks.queueing.config import QueueingConfig
from stacks.queueing.quotas import gpu_pools
from stacks.storage.config import ObjectStoreConfig
from stacks.storage.services import NFS_DRIVER, build_nfs_driver, build_object_stores
from stacks.training.operators import OPERATORS, build_operator


def gpu_pools_of(environment: Environment) -> tuple[PoolFacts, ...]:
    """The pools whose GPUs the environment's queues share out."""
    return gpu_pools(environment.cluster, environment.gpu, environment.queueing)


def _queueing(config: QueueingConfig, site: Site) -> Queueing:
    environment = site.environment
    pools, kinds = gpu_pools_of(environment), environment.training_kinds
    return build_queueing(config, pools, environment.teams, kinds, site.cluster)


def _monitoring(config: MonitoringConfig, site: Site) -> Monitoring:
    environment, queueing, gpu = site.environment, site.of(Queueing), site.of(GpuSupport)
    monitoring = build_monitoring(
        config,
        environment.teams,
        site.cluster,
        install=config.install_on(environment.cluster.kind),
        protects_data=environment.protects_data,
        verify_kubelets=environment.cluster.verifies_kubelets,
        kueue_namespace=queueing.namespace if queueing else None,
        gpu_namespace=gpu.metrics_namespace if gpu else None,
        training_kinds=environment.training_kinds,
    )
    build_dashboards(environment.teams, monitoring, queueing=queueing is not None)
    return monitoring


def _external_secrets(config: ExternalSecretsConfig, site: Site) -> ExternalSecrets:
    environment = site.environment
    return build_external_secrets(config, environment.teams, site.cluster, registry=environment.images.registry)


def _operator(name: str, kind: type[EngineOperator]) -> Service[str]:
    """The operator of an engine, which an environment has if its trainings need it."""
    return Service(
        name=name,
        section=lambda environment: name if name in operators_of(environment.training_kinds) else None,
        build=lambda name, site: build_operator(name, site.cluster),
        installs=lambda name, _: OPERATOR_ENTRIES[name],
        namespaces=tuple(dict.fromkeys(drained.namespace for drained in kind.drained)),
        drained=kind.drained,
    )


SERVICES: tuple[Service[Any], ...] = (
    Service(
        name="queueing",
        section=lambda environment: environment.queueing,
        build=_queueing,
        installs=QueueingConfig.installs,
        namespaces=(namespaces.QUEUEING,),
        drained=(Drained(name="queueing", namespace=namespaces.QUEUEING, group=kueue.GROUP),),
    ),
    Service(
        name="gpu",
        section=lambda environment: environment.gpu,
        build=lambda config, site: build_gpu_support(config, site.cluster),
        installs=Gpu.installs,
        namespaces=(namespaces.GPU, namespaces.GPU_CLAIMS),
    ),
    # After the services whose metrics it reads: it looks for them in their namespaces.
    Service(
        name="monitoring",
        section=lambda environment: environment.monitoring,
        build=_monitoring,
        installs=MonitoringConfig.installs,
        namespaces=(namespaces.MONITORING, namespaces.MONITORING_NODES),
    ),
    Service(
        name="priorities",
        section=lambda environment: environment.priorities,
        build=lambda added, site: build_priorities(added, site.cluster),
    ),
    Service(
        name="gateway",
        section=lambda environment: environment.gateway,
        build=lambda config, site: build_gateway(config, site.cluster),
        installs=GatewayConfig.installs,
        namespaces=(namespaces.GATEWAY,),
    ),
    Service(
        name="logging",
        section=lambda environment: environment.logging,
        build=lambda config, site: build_logs(config, site.cluster),
        installs=Logging.installs,
        namespaces=(namespaces.LOGGING, namespaces.LOGGING_NODES),
    ),
    *(_operator(name, kind) for name, kind in OPERATORS.items()),
    Service(
        name="external-secrets",
        section=lambda environment: environment.external_secrets,
        build=_external_secrets,
        installs=ExternalSecretsConfig.installs,
        namespaces=(namespaces.EXTERNAL_SECRETS, namespaces.ROTATION),
        drained=(
            Drained(name="external-secrets", namespace=namespaces.EXTERNAL_SECRETS, group=external_secrets.GROUP),
        ),
    ),
    Service(
        name="nfs",
        section=lambda environment: environment.storage_drivers or None,
        build=lambda _, site: build_nfs_driver(site.cluster),
        installs=lambda *_: (NFS_DRIVER,),
        namespaces=(namespaces.STORAGE_DRIVERS,),
    ),
    Service(
        name="object-store",
        section=lambda environment: environment.object_store,
        build=lambda _, site: build_object_stores(site.cluster, protects_data=site.environment.protects_data),
        installs=ObjectStoreConfig.installs,
        namespaces=(namespaces.STORAGE,),
    ),
)


def build_services(environment: Environment, cluster: Cluster) -> Site:
    """Builds the services that the environment asks for."""
    site = Site(environment=environment, cluster=cluster)
    for service in SERVICES:
        service.build_on(site)
    return site


def build_drains(site: Site, after: Sequence[pulumi.Resource]) -> None:
    """What a destroy deletes first, so that it works while an operator is down. `after` is all that operators serve."""
    for service in SERVICES:
        built: Any = site.built.get(service.name)
        for drained in service.drained if built else ():
            Drain(
                f"{drained.name}-drain",
                DrainArgs(namespace=drained.namespace, groups=[drained.group], connection=site.cluster.connection),
                pulumi.ResourceOptions(parent=built, depends_on=[*built.ready, *after]),
            )
