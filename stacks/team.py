"""One team of an environment: its place on the cluster and its workloads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pulumi

from components.cluster import Cluster
from components.labels import Owner
from components.platform.storage import VolumeClaim, VolumeClaimArgs
from components.pods import GPU, GPU_TOLERATION, Placement, Program, Resources, SecretKey
from components.serving.autoscaling import Autoscaling
from components.serving.deployment import Disruption, ModelServer, ModelServerArgs, Probes
from components.serving.rollout import Rollout
from components.tenancy.access import Role
from components.tenancy.team import Team, TeamArgs
from components.training.job import TrainingJob, TrainingJobArgs
from stacks import config
from stacks.image_names import resolve_image
from stacks.outputs import ServingOutput, TeamOutput, TrainingOutput
from stacks.serving_config import Serving
from stacks.storage_config import Storage
from stacks.training_config import Preprocess, Training
from stacks.workload_config import Container
from stacks.workload_config import Placement as PlacementConfig
from stacks.workload_config import Resources as ResourcesConfig

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core


class TeamStack:
    """Makes the objects of one team. Its parts share the namespace, the claims and the team as their parent."""

    def __init__(self, environment: config.Environment, team: config.Team, cluster: Cluster) -> None:
        self.environment = environment
        self.team = team
        self.cluster = cluster
        self.owner = Owner(team=team.name, labels=team.labels)
        storages = [environment.storage_named(name) for name in team.storage_names()]
        self.tenancy = Team(
            team.name,
            TeamArgs(
                owner=self.owner,
                namespace=team.namespace_name,
                quota=quota_hard(team.quota),
                groups=groups_of(team),
                protect=any(is_protected(storage, environment) for storage in storages),
                retain=any(is_retained(storage, environment) for storage in storages),
            ),
            pulumi.ResourceOptions(providers=[cluster.provider]),
        )
        # Workloads are children of the team: they inherit the provider, and the tree of a preview shows whose
        # they are.
        self.child = pulumi.ResourceOptions(parent=self.tenancy)
        self.claims = {storage.name: self.claim(storage) for storage in storages}

    def claim(self, storage: Storage) -> VolumeClaim:
        return VolumeClaim(
            f"{self.team.name}-storage-{storage.name}",
            VolumeClaimArgs(
                owner=self.owner,
                namespace=self.tenancy.namespace,
                storage=storage.name,
                size=storage.size,
                storage_class=storage.storage_class or self.cluster.storage_class,
                access_mode=storage.access_mode,
                protect=is_protected(storage, self.environment),
                retain=is_retained(storage, self.environment),
            ),
            self.child,
        )

    def program(
        self,
        image: str,
        container: Container,
        resources: ResourcesConfig,
        *,
        command: Sequence[str],
        args: Sequence[str],
    ) -> Program:
        required = resources.kubernetes()
        return Program(
            image=resolve_image(image, self.environment.images.registry),
            resources=Resources(requests=required["requests"], limits=required["limits"]),
            command=command,
            args=args,
            env=container.env,
            secret_env={
                name: SecretKey(secret=source.secret, key=source.key)
                for name, source in container.secret_env.items()
            },
        )

    def preparation(self, entry: Training, preprocess: Preprocess) -> Program:
        return self.program(
            preprocess.image or entry.image,
            preprocess,
            entry.preprocess_resources,
            command=preprocess.command,
            args=preprocess.args,
        )

    def training(self, entry: Training) -> TrainingJob:
        return TrainingJob(
            f"{self.team.name}-training-{entry.name}",
            TrainingJobArgs(
                owner=self.owner,
                namespace=self.tenancy.namespace,
                entry=entry.name,
                model=entry.trained_model,
                train=self.program(
                    entry.image, entry, entry.resources, command=entry.command, args=entry.args
                ),
                prepare=self.preparation(entry, entry.preprocess) if entry.preprocess else None,
                data_volume=self.claims[entry.data],
                model_volume=self.claims[entry.model],
                train_placement=placement_of(entry),
                prepare_placement=prepare_placement(entry),
                rerun=entry.rerun,
                retries=entry.retries,
                timeout_seconds=entry.timeout,
            ),
            self.child,
        )

    def serving(self, entry: Serving, trained: TrainingJob | None) -> ModelServer:
        """The server of a model. `trained` is the training of that model, where this team has one."""
        version = entry.version or (trained.version if trained else None)
        if version is None:
            raise LookupError(f"teams[{self.team.name}].serving[{entry.name}]: nobody trains {entry.model!r}")
        # A server that is rolled back does not wait for a training that it does not use, least of all a
        # failing one.
        waits = trained is not None and version == trained.version
        return ModelServer(
            f"{self.team.name}-serving-{entry.name}",
            ModelServerArgs(
                cluster=self.cluster,
                owner=self.owner,
                namespace=self.tenancy.namespace,
                entry=entry.name,
                program=self.program(
                    entry.image, entry, entry.resources, command=entry.command, args=entry.args
                ),
                model=entry.model,
                version=version,
                model_volume=self.claims[self.team.model_storage(entry)],
                port=entry.port,
                replicas=entry.replicas or 1,
                autoscaling=autoscaling_of(entry),
                probes=Probes(**entry.probes.model_dump(by_alias=False)),
                rollout=Rollout(
                    max_surge=entry.rollout.max_surge, max_unavailable=entry.rollout.max_unavailable
                ),
                disruption=Disruption(**entry.disruption.model_dump(by_alias=False)),
                drain_seconds=entry.drain_seconds,
                placement=placement_of(entry),
                after=[trained] if trained is not None and waits else [],
            ),
            self.child,
        )


def build_team(environment: config.Environment, team: config.Team, cluster: Cluster) -> TeamOutput:
    """All objects of a team, and what its part of the stack outputs says."""
    stack = TeamStack(environment, team, cluster)
    trained = {entry.name: stack.training(entry) for entry in team.training}
    by_model = {training.model: training for training in trained.values()}
    served = {entry.name: stack.serving(entry, by_model.get(entry.model)) for entry in team.serving}
    return {
        "namespace": stack.tenancy.namespace,
        "training": {name: training_output(stack, training) for name, training in trained.items()},
        "serving": {name: serving_output(stack, server) for name, server in served.items()},
    }


def training_output(stack: TeamStack, training: TrainingJob) -> TrainingOutput:
    return {
        "namespace": stack.tenancy.namespace,
        "job": training.job,
        "model": {"name": training.model, "version": training.version, "path": training.model_path},
    }


def serving_output(stack: TeamStack, server: ModelServer) -> ServingOutput:
    return {
        "namespace": stack.tenancy.namespace,
        "deployment": server.deployment,
        "service": server.service,
        "autoscaler": server.autoscaler,
        "url": server.url,
    }


def is_retained(storage: Storage, environment: config.Environment) -> bool:
    """Whether claim and data stay on the cluster when the stack drops the storage."""
    if storage.reclaim is None:
        return environment.protects_data
    return storage.reclaim == "Retain"


def is_protected(storage: Storage, environment: config.Environment) -> bool:
    """Whether Pulumi refuses to delete the claim. A storage that says `reclaim: Delete` asks for the opposite."""
    return environment.protects_data and storage.reclaim != "Delete"


def quota_hard(quota: config.Quota | None) -> dict[str, str]:
    """The `hard` of a ResourceQuota: quantities by resource name, without what is not limited."""
    if quota is None:
        return {}
    limits = {
        "requests.cpu": quota.cpu,
        "requests.memory": quota.memory,
        f"requests.{GPU}": quota.gpus,
        "pods": quota.pods,
        "requests.storage": quota.storage,
    }
    return {name: str(limit) for name, limit in limits.items() if limit is not None}


def groups_of(team: config.Team) -> dict[Role, Sequence[str]]:
    return {"viewer": team.viewers, "developer": team.developers, "owner": team.owners}


def placement_of(entry: PlacementConfig) -> Placement:
    tolerations: list[core.TolerationArgsDict] = []
    for wanted in entry.tolerations:
        toleration: core.TolerationArgsDict = {"operator": wanted.operator}
        if wanted.key is not None:
            toleration["key"] = wanted.key
        if wanted.value is not None:
            toleration["value"] = wanted.value
        if wanted.effect is not None:
            toleration["effect"] = wanted.effect
        tolerations.append(toleration)
    return Placement(node_selector=entry.node_selector, tolerations=tolerations, priority=entry.priority)


def prepare_placement(entry: Training) -> Placement:
    """Where the Job that prepares data runs: where the entry says.

    An entry that trains on GPUs and chooses its nodes most likely chose GPU nodes. Preparing data needs no
    GPU, so that pod would not bear their taint and wait for ever; here it bears it.
    """
    placement = placement_of(entry)
    if not (entry.resources.gpus and entry.node_selector):
        return placement
    return Placement(
        node_selector=placement.node_selector,
        tolerations=[*placement.tolerations, GPU_TOLERATION],
        priority=placement.priority,
    )


def autoscaling_of(entry: Serving) -> Autoscaling | None:
    wanted = entry.autoscaling
    if wanted is None:
        return None
    return Autoscaling(
        min_replicas=wanted.min,
        max_replicas=wanted.max,
        cpu=wanted.cpu,
        memory=wanted.memory,
        scale_down_after=wanted.scale_down_after,
    )
