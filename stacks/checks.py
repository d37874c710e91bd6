"""The checks of a stack: each line names a function, and says which parts of the file its arguments are.

How a line is read is in `stacks.language.checking`. From these parts alone follows which check has to be silent because
something that it reads has a fault of its own, so they are as small as what the function looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from stacks.clouds.aws import checks as aws
from stacks.environment.config import Environment
from stacks.external_secrets import checks as external_secrets
from stacks.gateway import checks as gateway
from stacks.gpu import checks as gpu
from stacks.language.checking import Check, faults_of
from stacks.language.checking import check as line
from stacks.language.faults import Fault
from stacks.language.validation import read
from stacks.logging import checks as logging
from stacks.monitoring import checks as monitoring
from stacks.priorities import checks as priorities
from stacks.queueing import checks as queueing
from stacks.storage import checks as storage
from stacks.storage import use_checks as storage_use
from stacks.team_stack.config import TeamStack
from stacks.teams import checks as teams
from stacks.teams import secret_checks

M = TypeVar("M", bound=BaseModel)

_ENTRIES = ("training[j]", "serving[j]", "batch[j]")
_TRAINED = "training: [*].modelName"
_USES = (
    "training[*].data, training[*].model, training[*].checkpoint, serving[*].storage, serving[*].backup.storage, "
    "batch[*].data, batch[*].output, batch[*].storage"
)
_VOLUMES = "serving[*].volume.size, serving[*].replicas"
_USERS = (
    "training, serving[*].model, serving[*].storage, serving[*].replicas, serving[*].autoscaling, serving[*].rollout, "
    "serving[*].backup.storage, batch[*].model, batch[*].storage, batch[*].data, batch[*].output, batch[*].shards, "
    "batch[*].parallelism"
)
_POOLS = (
    "cluster: simulatedNodes[*].gpuProduct, simulatedNodes[*].dedicatedTo, nodePools[*].instanceTypes, "
    "nodePools[*].scaler, nodePools[*].dedicatedTo"
)


def _of_team(team: str) -> tuple[Check, ...]:
    """The checks of one team and of the storages that it uses, in any stack. team: its path."""
    return (
        line(teams.trainer_faults, training=f"{team}.training: [?].modelName"),
        *(
            line(teams.model_faults, server=f"{team}.{entry}: storage", training=f"{team}.{_TRAINED}")
            for entry in ("serving[j]", "batch[j]")
        ),
        *(
            line(teams.neighbour_faults, affinity=f"{team}.{entry}.affinity?", serving=f"{team}.serving: [*].name")
            for entry in _ENTRIES
        ),
        line(
            teams.network_faults,
            network=f"{team}.network?",
            training=f"{team}.training: [*].name",
            serving=f"{team}.serving: [*].name",
            batch=f"{team}.batch: [*].name",
        ),
        line(
            teams.quota_faults,
            quota=f"{team}.quota?",
            training=f"{team}.training",
            serving=f"{team}.serving",
            batch=f"{team}.batch",
        ),
        line(secret_checks.login_faults, logins=f"{team}.imagePull?"),
        line(secret_checks.secret_faults, secrets=f"{team}.secrets?", logins=f"{team}.imagePull?"),
        line(storage_use.name_faults, team=f"{team}?", storage="storage: [*].name"),
        line(storage_use.quota_faults, team=f"{team}: {_USES}, {_VOLUMES}", storage="storage: [*].size, [*].access"),
        line(
            storage_use.writer_faults,
            entry=f"{team}.training[j]: preprocess",
            storage="storage: [*].access, [*].accessMode",
        ),
        line(
            storage_use.folder_storage_faults,
            team=f"{team}: training[*].model, training[*].modelName, serving[*].model, serving[*].storage",
            storage="storage: [*].access",
        ),
        line(
            storage_use.backup_faults,
            server=f"{team}.serving[j]: backup.storage",
            storage="storage: [*].access, [*].accessMode",
        ),
        line(storage_use.writer_faults, entry=f"{team}.batch[j]?", storage="storage: [*].access, [*].accessMode"),
        line(storage_use.client_faults, entry=f"{team}.training[j]?", storage="storage"),
        line(storage_use.batch_client_faults, team=f"{team}: batch, training[*].modelName", storage="storage"),
    )


_ENVIRONMENT = (
    line(teams.namespace_faults, teams="teams: [?].namespace"),
    *_of_team("teams[i]"),
    line(storage_use.folder_faults, storage="storage[i]", teams="teams: [?].name"),
    line(
        storage_use.mode_faults,
        storage="storage[i]: accessMode",
        team=f"teams[j]: {_USERS}",
        one_node="cluster.oneNode",
    ),
    line(storage.file_system_faults, storage="storage[i]", cluster="cluster: sharedFiles, lustre"),
    line(storage.bucket_faults, storage="storage[i]", cluster="cluster: buckets[*].name"),
    line(storage.object_store_faults, storage="storage[i]: bucket", store="objectStore"),
    line(storage.mount_faults, storage="storage[i]: access", cluster="cluster: addons"),
    line(
        storage.nfs_faults, storage="storage[i]: provisioning", drivers="storageDrivers", lacking="cluster.bringsNoNfs"
    ),
    line(storage.driver_faults, drivers="storageDrivers?", problem="cluster.driverProblem"),
    line(aws.resource_faults, cluster="cluster?", teams="teams: [*].name"),
    line(aws.role_faults, cluster="cluster: name", name="teams[i].name"),
    line(gateway.domain_faults, gateway="gateway: domain", route="teams[i].serving[j].route?"),
    line(
        gateway.place_faults,
        gateway="gateway: domain",
        teams="teams: [?].serving[?].route.host, [?].serving[?].route.path",
    ),
    line(gateway.mesh_faults, mesh="mesh", joins="teams[i].mesh?"),
    line(logging.mirror_faults, logging="logging?", embedded="cluster.embedded", mirror="catalog.mirror"),
    line(queueing.absence_faults, queueing="queueing", queue="teams[i].queue?"),
    *(
        line(
            queueing.priority_faults,
            queueing="queueing: priorities[*].name",
            priority=f"teams[i].{entry}.queuePriority?",
        )
        for entry in ("training[j]", "batch[j]")
    ),
    line(queueing.flavor_faults, queueing="queueing?", cluster=_POOLS, gpu="gpu"),
    line(
        queueing.queue_faults,
        team="teams[i]: queue, quota, serving, training[*].resources, batch[*].resources, batch[*].shards, "
        "batch[*].parallelism",
        cluster=_POOLS,
        gpu="gpu",
        queueing="queueing: flavors, cohort",
    ),
    line(
        queueing.capacity_faults,
        teams="teams: [?].queue, [?].quota, [?].serving",
        cluster=_POOLS,
        gpu="gpu",
        queueing="queueing: flavors, cohort",
    ),
    line(gpu.driver_faults, driver="gpu.driver", cluster="cluster: autoMode"),
    line(gpu.dedication_faults, cluster="cluster?", teams="teams: [*].name"),
    line(gpu.pool_faults, gpu="gpu?", cluster=_POOLS),
    line(gpu.sharing_faults, gpu="gpu: driver, sharing, pools", cluster=_POOLS),
    *(line(gpu.claim_faults, entry=f"teams[i].{entry}?", claims="gpu.dra") for entry in _ENTRIES),
    *(
        line(
            gpu.workload_faults,
            entry=f"teams[i].{entry}: pool, nodeSelector, resources, preprocess",
            team="teams[i].name",
            cluster=_POOLS,
            gpu="gpu",
        )
        for entry in _ENTRIES
    ),
    *(
        line(
            priorities.workload_faults,
            priority=f"teams[i].{entry}.priority?",
            priorities="priorities: [*].name",
            ours="cluster.allIsOurs",
        )
        for entry in _ENTRIES
    ),
    line(monitoring.slo_faults, monitoring="monitoring", slo="teams[i].serving[j].slo?"),
    line(monitoring.route_faults, alerting="monitoring.alerting?", teams="teams: [*].name"),
    line(monitoring.grafana_faults, monitoring="monitoring: install", default="cluster.monitoringInstall"),
    line(external_secrets.section_faults, section="externalSecrets", team="teams[i]?"),
    line(aws.absence_faults, section="externalSecrets", credentials="teams[i].awsCredentials?"),
    line(aws.endpoint_faults, endpoint="externalSecrets.endpoint?", kind="cluster.kind"),
    line(aws.store_faults, section="externalSecrets: region", cluster="cluster?"),
    line(
        aws.key_faults,
        section="externalSecrets: credentials",
        team="teams[i]: awsCredentials",
        secrets="teams[i].secrets?",
        cluster="cluster?",
    ),
    line(aws.credentials_faults, cluster="cluster?", credentials="externalSecrets.credentials"),
    line(aws.credentials_faults, cluster="cluster?", credentials="teams[i].awsCredentials"),
    line(aws.region_faults, cluster="cluster: region", region="externalSecrets.region"),
    line(
        aws.entry_faults,
        cluster="cluster: name",
        section="externalSecrets?",
        name="teams[i].name",
        secrets="teams[i].secrets?",
    ),
)

_TEAM_STACK = (
    *_of_team("team"),
    line(storage_use.mode_faults, storage="storage[i]: accessMode", team=f"team: {_USERS}", one_node="cluster.oneNode"),
    line(storage.team_stack_faults, storage="storage[i]"),
)

CHECKS: Mapping[type[BaseModel], tuple[Check, ...]] = {Environment: _ENVIRONMENT, TeamStack: _TEAM_STACK}


def check(model: type[M], value: Any) -> tuple[M | None, list[Fault]]:
    """The model, or None and every fault of the value, one for each path."""
    reading = read(model, value)
    for fault in faults_of(CHECKS[model], reading) if reading.model else ():
        reading.faults.setdefault(fault.path, fault)
    return (None, list(reading.faults.values())) if reading.faults else (reading.model, [])
