"""One team of an environment: its place on the cluster and its workloads."""

from __future__ import annotations

import pulumi

from components.cluster import Cluster
from components.external_secrets.team import TeamExternalSecrets
from components.gateway.route import ServerRoute, ServerRouteArgs
from components.gpu.claims import claim_template
from components.labels import Owner
from components.monitoring.team import ServerObjectives, ServerObjectivesArgs, TeamMonitoring, TeamMonitoringArgs
from components.pods import Program
from components.queueing.team_queue import LocalQueue, LocalQueueArgs
from components.serving.deployment import ModelServer, ModelServerArgs, Probes
from components.serving.deployment import service_account_name as serving_service_account
from components.serving.disruption import Disruption
from components.serving.rollout import Rollout
from components.teams.reference import TeamReference
from components.teams.secrets import IMAGE_PULL_SECRET, TeamSecrets, TeamSecretsArgs
from components.teams.team import Team, TeamArgs
from components.training.job import Queued, TrainingJob, TrainingJobArgs
from components.training.job import service_account_name as training_service_account
from stacks.environment import config
from stacks.environment.config import Environment
from stacks.external_secrets.build import build_team_external_secrets
from stacks.external_secrets.config import aws_secrets
from stacks.monitoring.build import objectives_of
from stacks.outputs import ServingOutput, TeamOutput, TrainingOutput
from stacks.queueing.build import build_cluster_queue, queued_by_another_stack, queued_in_environment
from stacks.services import Services
from stacks.serving.config import Serving
from stacks.storage.build import TeamStorages
from stacks.team_stack.config import TeamStack
from stacks.teams.secret_values import logins_of, secret_values, secrets_of
from stacks.teams.secrets import PulumiSecret
from stacks.training.config import Training
from stacks.workloads import arguments


class TeamWorkloads:
    """Makes the workloads of one team. They share the namespace, the claims, and the team as their parent.

    `environment` is where they are said: an environment's stack, or one of the team's own.
    """

    def __init__(
        self,
        environment: Environment | TeamStack,
        team: config.Team,
        cluster: Cluster,
        tenancy: Team | TeamReference,
        services: Services,
    ) -> None:
        self.environment = environment
        self.team = team
        self.cluster = cluster
        self.registry = environment.images.registry
        self.owner = Owner(team=team.name, labels=team.labels)
        self.tenancy = tenancy
        self.services = services
        # A team stack does not see the monitoring of its environment.
        self.monitoring = environment.monitoring if isinstance(environment, Environment) else None
        # Workloads are children of the team: they inherit the provider, and the tree of a preview shows whose
        # they are.
        self.child = pulumi.ResourceOptions(parent=self.tenancy)
        self.queue = self.local_queue()
        self.secrets = self.team_secrets()
        # Known when all Secrets are there: a pod without the one that it names would not start.
        self.namespace = self.secrets.namespace if self.secrets else tenancy.namespace
        if synced := self.external_secrets():
            self.namespace = synced.namespace
        self.storages = TeamStorages(
            environment=environment,
            cluster=cluster,
            owner=self.owner,
            tenancy=tenancy,
            services=services.storage,
        ).build(tuple(environment.storage_named(name) for name in team.storage_names()))
        if environment.claims_gpus:
            for number in arguments.claimed_gpus(team):
                claim_template(
                    f"{team.name}-gpus-{number}",
                    number,
                    owner=self.owner,
                    namespace=tenancy.namespace,
                    opts=self.child,
                )

    def team_secrets(self) -> TeamSecrets | None:
        """The Secrets of the team's config, if it has any."""
        if not self.team.image_pull and not any(isinstance(secret, PulumiSecret) for secret in self.team.secrets):
            return None
        values = secret_values()
        return TeamSecrets(
            f"{self.team.name}-secrets",
            TeamSecretsArgs(
                owner=self.owner,
                namespace=self.tenancy.namespace,
                secrets=secrets_of(self.team, values),
                logins=logins_of(self.team, values),
            ),
            self.child,
        )

    def external_secrets(self) -> TeamExternalSecrets | None:
        """The Secrets of the team's config that External Secrets makes, where it is installed and the team has any."""
        installed = self.services.external_secrets
        if installed is None or not isinstance(self.environment, Environment):
            return None
        return build_team_external_secrets(
            self.environment, self.team, self.cluster, installed, self.namespace, self.child
        )

    @property
    def image_pull_secret(self) -> str | None:
        return IMAGE_PULL_SECRET if self.team.image_pull else None

    def secret_versions(self, program: Program) -> dict[str, pulumi.Input[str]]:
        """The versions of the Secrets that a program reads, of those that this stack makes."""
        made = self.secrets.versions if self.secrets else {}
        return {name: made[name] for name in program.secrets if name in made}

    def changing_secrets(self, program: Program) -> tuple[str, ...]:
        """The Secrets that a program reads and that may change outside of this stack, of those that are known to.

        A team stack knows none: there it is all Secrets that it does not make. Where nobody looks after them, that
        they are named changes nothing.
        """
        if isinstance(self.environment, TeamStack):
            made = self.secrets.versions if self.secrets else {}
            return tuple(name for name in program.secrets if name not in made)
        known = {secret.name for secret in aws_secrets(self.team)}
        return tuple(name for name in program.secrets if name in known)

    def local_queue(self) -> LocalQueue | None:
        """The way into the team's queue, where there are queues and this stack makes them."""
        if self.services.queueing is None:
            return None
        return LocalQueue(
            f"{self.team.name}-local-queue",
            LocalQueueArgs(owner=self.owner, namespace=self.tenancy.namespace),
            self.child,
        )

    def queued(self, entry: Training) -> Queued | None:
        if isinstance(self.environment, TeamStack):
            return queued_by_another_stack(entry)
        if self.environment.queueing is None or self.queue is None:
            return None
        return queued_in_environment(self.environment.queueing, entry, [self.queue])

    def program(self, program: Program) -> Program:
        """The program as this environment hands out GPUs."""
        return arguments.by_claim(program) if self.environment.claims_gpus else program

    def training(self, entry: Training) -> TrainingJob:
        prepare = arguments.prepare_program(entry, self.registry)
        return TrainingJob(
            f"{self.team.name}-training-{entry.name}",
            TrainingJobArgs(
                owner=self.owner,
                namespace=self.namespace,
                entry=entry.name,
                model=entry.trained_model,
                train=self.program(arguments.train_program(entry, self.registry)),
                prepare=self.program(prepare) if prepare else None,
                data=self.storages[entry.data],
                models=self.storages[entry.model],
                train_placement=arguments.training_placement(entry, self.team.name),
                prepare_placement=arguments.prepare_placement(entry, self.team.name),
                rerun=entry.rerun,
                retries=entry.retries,
                timeout_seconds=entry.timeout,
                queued=self.queued(entry),
                image_pull_secret=self.image_pull_secret,
            ),
            self.child,
        )

    def serving(self, entry: Serving, trained: TrainingJob | None) -> ModelServer:
        """The server of a model. `trained` is the training of that model, where this team has one."""
        version = entry.version or (trained.version if trained else None)
        if version is None:
            raise LookupError(f"teams[{self.team.name}].serving[{entry.name}]: nobody trains {entry.model!r}")
        program = self.program(arguments.server_program(entry, self.registry))
        return ModelServer(
            f"{self.team.name}-serving-{entry.name}",
            ModelServerArgs(
                cluster=self.cluster,
                owner=self.owner,
                namespace=self.namespace,
                entry=entry.name,
                program=program,
                model=entry.model,
                version=version,
                models=self.storages[self.team.model_storage(entry)],
                port=entry.port,
                replicas=entry.replicas or 1,
                autoscaling=arguments.autoscaling_of(entry),
                probes=Probes(**entry.probes.model_dump(by_alias=False)),
                rollout=Rollout(max_surge=entry.rollout.max_surge, max_unavailable=entry.rollout.max_unavailable),
                disruption=Disruption(**entry.disruption.model_dump(by_alias=False)),
                drain_seconds=entry.drain_seconds,
                placement=arguments.serving_placement(entry, self.team.name),
                # A server that is rolled back does not wait for a training that it does not use, least of all
                # for one that fails.
                after=[trained] if trained and version == trained.version else [],
                secret_versions=self.secret_versions(program),
                changing_secrets=self.changing_secrets(program),
                image_pull_secret=self.image_pull_secret,
            ),
            self.child,
        )

    def route(self, entry: Serving, server: ModelServer) -> ServerRoute | None:
        """The way from outside to the server, where the entry has one."""
        gateway = self.services.gateway
        if entry.route is None or gateway is None:
            return None
        return ServerRoute(
            f"{self.team.name}-route-{entry.name}",
            ServerRouteArgs(
                gateway=gateway,
                owner=self.owner,
                namespace=self.tenancy.namespace,
                entry=entry.name,
                service=server.service,
                host=entry.route.host or f"{self.team.name}.{gateway.domain}",
                path=entry.route.path or f"/{entry.name}",
                strip_path=entry.route.strip_path,
                timeout_seconds=entry.route.timeout_seconds,
            ),
            self.child,
        )

    def objectives(self, entry: Serving) -> ServerObjectives | None:
        """What the server promises, where somebody keeps an eye on it."""
        monitoring, config = self.services.monitoring, self.monitoring
        if monitoring is None or config is None:
            return None
        return ServerObjectives(
            f"{self.team.name}-slo-{entry.name}",
            ServerObjectivesArgs(
                monitoring=monitoring,
                owner=self.owner,
                namespace=self.tenancy.namespace,
                namespace_name=self.team.namespace_name,
                entry=entry.name,
                objectives=objectives_of(config.slo, entry.slo),
            ),
            self.child,
        )


def build_team(
    environment: Environment, team: config.Team, tenancy: Team, cluster: Cluster, services: Services
) -> TeamOutput:
    """The workloads of a team in its place on the cluster, and what its part of the stack outputs says."""
    if services.monitoring is not None:
        TeamMonitoring(
            f"{team.name}-monitoring",
            TeamMonitoringArgs(
                monitoring=services.monitoring,
                owner=Owner(team=team.name, labels=team.labels),
                namespace=tenancy.namespace,
            ),
            pulumi.ResourceOptions(parent=tenancy),
        )
    return team_output(TeamWorkloads(environment, team, cluster, tenancy, services))


def build_tenancy(environment: Environment, team: config.Team, cluster: Cluster, services: Services) -> Team:
    """The place of a team on a cluster, without its workloads."""
    # The API server refuses a pod whose PriorityClass is not there.
    before: list[pulumi.Resource] = [services.priorities] if services.priorities else []
    if environment.queueing is not None and services.queueing is not None:
        before.append(build_cluster_queue(environment, environment.queueing, team, cluster, services.queueing))
    storages = [environment.storage_named(name) for name in team.storage_names()]
    # A team without workloads here has them in a stack of its own, and data with them.
    elsewhere = not team.training and not team.serving and environment.protects_data
    return Team(
        team.name,
        TeamArgs(
            owner=Owner(team=team.name, labels=team.labels),
            namespace=team.namespace_name,
            quota=arguments.quota_hard(team.quota, dra=environment.claims_gpus),
            groups=arguments.groups_of(team),
            protect=elsewhere or any(arguments.is_protected(storage, environment) for storage in storages),
            retain=elsewhere or any(arguments.is_retained(storage, environment) for storage in storages),
            mesh=arguments.mesh_of(environment, team),
            after=before,
            traffic=(*cluster.pod_traffic, *arguments.traffic_of(team)),
        ),
        pulumi.ResourceOptions(providers=[cluster.provider]),
    )


def team_output(stack: TeamWorkloads) -> TeamOutput:
    """Makes a team's training and serving entries, and says what its part of the stack outputs is."""
    trained = {entry.name: stack.training(entry) for entry in stack.team.training}
    by_model = {training.model: training for training in trained.values()}
    served = {entry.name: stack.serving(entry, by_model.get(entry.model)) for entry in stack.team.serving}
    for entry in stack.team.serving:
        stack.objectives(entry)
    routes = {entry.name: stack.route(entry, served[entry.name]) for entry in stack.team.serving}
    return {
        "namespace": stack.tenancy.namespace,
        "training": {name: training_output(stack, training) for name, training in trained.items()},
        "serving": {name: serving_output(stack, server, routes[name]) for name, server in served.items()},
    }


def service_accounts(team: config.Team) -> tuple[str, ...]:
    """Names of the service accounts that the team's workloads run as."""
    return (
        *(training_service_account(entry.name) for entry in team.training),
        *(serving_service_account(entry.name) for entry in team.serving),
    )


def training_output(stack: TeamWorkloads, training: TrainingJob) -> TrainingOutput:
    return {
        "namespace": stack.tenancy.namespace,
        "job": training.job,
        "model": {"name": training.model, "version": training.version, "path": training.model_path},
    }


def serving_output(stack: TeamWorkloads, server: ModelServer, route: ServerRoute | None) -> ServingOutput:
    return {
        "namespace": stack.tenancy.namespace,
        "deployment": server.deployment,
        "service": server.service,
        "autoscaler": server.autoscaler,
        "url": server.url,
        "route": route.url if route else None,
    }
