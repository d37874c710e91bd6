"""Serving as a Deployment: any HTTP predictor that loads one version of one model from a volume or a bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.pods import Mount, container
from components.serving import server
from components.serving.autoscaling import Autoscaling, autoscaler_spec
from components.serving.rollout import Rollout, deployment_strategy, rollout_timeout_seconds
from components.serving.served import Served
from components.storage.access import TeamStorage
from components.workload import Workload

if TYPE_CHECKING:
    from pulumi_kubernetes.apps import v1 as apps
    from pulumi_kubernetes.core import v1 as core

MODEL_ROOT = "/models"


@dataclass(frozen=True, kw_only=True)
class ModelServerArgs(server.ServerArgs):
    """A server of a version of a model, which is in `models`. With `autoscaling`, `replicas` is not used."""

    model: str
    version: str
    models: TeamStorage
    autoscaling: Autoscaling | None = None
    rollout: Rollout = field(default_factory=Rollout)

    @property
    def most_replicas(self) -> int:
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas


def predictor_container(args: ModelServerArgs, mounts: Sequence[Mount]) -> core.ContainerArgsDict:
    """The predictor, which is told its model by variables."""
    main = container(
        "server",
        args.program,
        variables={
            **args.models.access.variables,
            "MODEL_NAME": args.model,
            "MODEL_VERSION": args.version,
            "MODEL_ROOT": args.models.access.root(MODEL_ROOT),
            "PORT": str(args.port),
        },
        secrets=args.models.access.secrets,
        mounts=mounts,
    )
    server.answer_and_drain(main, args)
    return main


def deployment_spec(args: ModelServerArgs, pods: core.PodTemplateSpecArgsDict) -> apps.DeploymentSpecArgsDict:
    """The Deployment. With autoscaling it names no number of replicas: that field is the autoscaler's alone.

    Such a Deployment starts with one replica, and the autoscaler raises that to its minimum.
    """
    spec: apps.DeploymentSpecArgsDict = {
        "selector": {"match_labels": args.selector},
        "strategy": deployment_strategy(args.rollout),
        "min_ready_seconds": server.MIN_READY_SECONDS,
        "progress_deadline_seconds": args.probes.startup_seconds + server.PROGRESS_MARGIN_SECONDS,
        "revision_history_limit": 3,
        "template": pods,
    }
    if args.autoscaling is None:
        spec["replicas"] = args.replicas
    return spec


def deployment(
    name: str, args: ModelServerArgs, pods: core.PodTemplateSpecArgsDict, opts: pulumi.ResourceOptions
) -> k8s.apps.v1.Deployment:
    patience = rollout_timeout_seconds(
        args.rollout,
        replicas=args.most_replicas,
        first=args.probes.startup_seconds + server.PROGRESS_MARGIN_SECONDS,
    )
    timeouts = pulumi.CustomTimeouts(create=f"{patience}s", update=f"{patience}s", delete="10m")
    return k8s.apps.v1.Deployment(
        f"{name}-deployment",
        metadata=server.rotated_metadata(args),
        spec=deployment_spec(args, pods),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(custom_timeouts=timeouts)),
    )


def autoscaler(
    name: str, args: ModelServerArgs, target: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> pulumi.Output[str] | None:
    """The autoscaler of a Deployment by its name, where the entry asks for one."""
    if args.autoscaling is None:
        return None
    made = k8s.autoscaling.v2.HorizontalPodAutoscaler(
        f"{name}-autoscaler",
        metadata=args.metadata(),
        spec=autoscaler_spec(args.autoscaling, target),
        opts=opts,
    )
    return made.metadata.name


class ModelServer(Served):
    """A model behind an HTTP address: replicas that come and go without a failed request."""

    def __init__(self, name: str, args: ModelServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:serving:ModelServer", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        account = server.service_account(name, args, child)
        service = server.service(name, args, child)
        mounts = args.models.access.mounts(MODEL_ROOT, read_only=True)
        pods = server.pod_template(args, predictor_container(args, mounts), mounts, revisions=True)
        # Named as plain text in the pods (the account, the claim), or not at all (the training).
        after = pulumi.ResourceOptions(parent=self, depends_on=[account, args.models, *args.after])
        made = deployment(name, args, pods, after)
        self.workload = Workload(kind="Deployment", name=made.metadata.name)
        self.service = service.metadata.name
        self.autoscaler = autoscaler(name, args, self.workload.name, child)
        server.disruption_budget(name, args, child)
        self.url = args.cluster.exposure.url(service)
        self.register_outputs({"url": self.url})
