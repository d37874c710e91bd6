"""One team of a stack: its place on the cluster, its workloads, and its part of the stack outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.batch.inference import BatchInference
from components.batch.inference import service_account_name as batch_service_account
from components.gateway.mesh import NamespaceMesh
from components.gateway.route import ServerRoute
from components.labels import Owner
from components.monitoring.team import TeamMonitoring, TeamMonitoringArgs
from components.serving.served import Served
from components.serving.server import service_account_name as serving_service_account
from components.teams.team import Team, TeamArgs
from components.training.recipe import service_account_name as training_service_account
from components.training.trained import Trained
from stacks.batch.build import build_batch
from stacks.batch.config import BatchEntry
from stacks.outputs import BatchOutput, ServingOutput, TeamOutput, TrainingOutput
from stacks.serving.build import ServedModel, build_objectives, build_route, build_serving
from stacks.serving.config import Serving
from stacks.serving.entry import ModelServing
from stacks.storage.classes import is_protected, is_retained
from stacks.teams.config import TeamConfig
from stacks.tenancy.arguments import groups_of, quota_hard, traffic_of
from stacks.tenancy.scope import Scope
from stacks.training.build import build_training
from stacks.workloads.place import TeamPlace


def build_tenancy(scope: Scope, team: TeamConfig, *, mesh: NamespaceMesh, after: Sequence[pulumi.Resource]) -> Team:
    """The namespace of a team with its members and limits, without workloads."""
    storages = scope.storages_of(team)
    # A team without workloads here has them in a stack of its own, and data with them.
    elsewhere = not team.entries and scope.protects_data
    return Team(
        team.name,
        TeamArgs(
            owner=Owner(team=team.name, labels=team.labels),
            namespace=team.namespace_name,
            quota=quota_hard(team.quota, dra=scope.claims_gpus),
            groups=groups_of(team),
            protect=elsewhere or any(is_protected(one, protects_data=scope.protects_data) for one in storages),
            retain=elsewhere or any(is_retained(one, protects_data=scope.protects_data) for one in storages),
            mesh=mesh,
            after=after,
            traffic=(*scope.cluster.pod_traffic, *traffic_of(team)),
        ),
        pulumi.ResourceOptions(providers=[scope.cluster.provider]),
    )


def build_monitoring(scope: Scope, team: TeamConfig, tenancy: Team) -> None:
    """What the environment's monitoring needs in the team's namespace."""
    if scope.monitoring is not None:
        TeamMonitoring(
            f"{team.name}-monitoring",
            TeamMonitoringArgs(
                monitoring=scope.monitoring,
                owner=Owner(team=team.name, labels=team.labels),
                namespace=tenancy.namespace,
            ),
            pulumi.ResourceOptions(parent=tenancy),
        )


@dataclass(frozen=True, kw_only=True)
class Workloads:
    """What a team trains, serves and answers in batches, by the names of the entries."""

    trained: dict[str, Trained]
    served: dict[str, Served]
    answered: dict[str, BatchInference]
    routes: dict[str, ServerRoute | None]


def build_workloads(place: TeamPlace, team: TeamConfig) -> Workloads:
    """The team's training, serving and batch entries."""
    trained = {entry.name: build_training(place, entry) for entry in team.training}
    by_model = {training.model: training for training in trained.values()}
    served = {entry.name: _serve(place, team, entry, by_model) for entry in team.serving}
    for entry in team.serving:
        build_objectives(place, entry)
    routes = {entry.name: build_route(place, entry, served[entry.name]) for entry in team.serving}
    answered = {entry.name: _answer(place, team, entry, by_model.get(entry.model)) for entry in team.batch}
    return Workloads(trained=trained, served=served, answered=answered, routes=routes)


def _serve(place: TeamPlace, team: TeamConfig, entry: Serving, by_model: Mapping[str, Trained]) -> Served:
    """The server of an entry. `by_model`: the trainings of this team by their models."""
    if not isinstance(entry, ModelServing):
        return build_serving(place, entry, None)
    trained = by_model.get(entry.model)
    version, after = _version(team, entry, trained)
    return build_serving(place, entry, ServedModel(version=version, storage=team.model_storage(entry), after=after))


def _answer(place: TeamPlace, team: TeamConfig, entry: BatchEntry, trained: Trained | None) -> BatchInference:
    """The answers of a model. `trained` is the training of that model, where this team has one."""
    version, after = _version(team, entry, trained)
    trainer = team.trainer_of(entry.model)
    prepared = trained.data_path if trained and trainer and trainer.data == entry.data else None
    storage = team.model_storage(entry)
    return build_batch(place, entry, version=version, storage=storage, prepared=prepared, after=after)


def _version(
    team: TeamConfig, entry: ModelServing | BatchEntry, trained: Trained | None
) -> tuple[str, list[pulumi.Resource]]:
    """The version of its model that an entry uses, and what must be there before."""
    version = entry.version or (trained.version if trained else None)
    if version is None:
        raise LookupError(f"teams[{team.name}], {entry.name}: nobody trains {entry.model!r}")
    # A server that is rolled back does not wait for a training that it does not use, least of all for one that fails.
    return version, [trained] if trained and version == trained.version else []


def service_accounts(team: TeamConfig) -> tuple[str, ...]:
    """Names of the service accounts that the team's workloads run as."""
    return (
        *(training_service_account(entry.name) for entry in team.training),
        *(serving_service_account(entry.name) for entry in team.serving),
        *(batch_service_account(entry.name) for entry in team.batch),
    )


def team_output(namespace: pulumi.Output[str], workloads: Workloads) -> TeamOutput:
    """The part of a team in the stack outputs."""
    routes = workloads.routes
    return {
        "namespace": namespace,
        "training": {name: _training_output(namespace, one) for name, one in workloads.trained.items()},
        "serving": {name: _serving_output(namespace, one, routes[name]) for name, one in workloads.served.items()},
        "batch": {name: _batch_output(namespace, one) for name, one in workloads.answered.items()},
    }


def _training_output(namespace: pulumi.Output[str], training: Trained) -> TrainingOutput:
    return {
        "namespace": namespace,
        "workload": {"kind": training.workload.kind, "name": training.workload.name},
        "model": {"name": training.model, "version": training.version, "path": training.model_path},
    }


def _serving_output(namespace: pulumi.Output[str], server: Served, route: ServerRoute | None) -> ServingOutput:
    return {
        "namespace": namespace,
        "workload": {"kind": server.workload.kind, "name": server.workload.name},
        "service": server.service,
        "autoscaler": server.autoscaler,
        "url": server.url,
        "route": route.url if route else None,
    }


def _batch_output(namespace: pulumi.Output[str], answers: BatchInference) -> BatchOutput:
    return {
        "namespace": namespace,
        "workload": {"kind": answers.workload.kind, "name": answers.workload.name},
        "version": answers.version,
        "path": answers.output,
    }
