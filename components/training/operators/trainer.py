"""Kubeflow Trainer v2, which runs TrainJobs as JobSets, and JobSet, which runs these as Jobs that start together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components import catalog, namespaces
from components.platform.connection import Connection
from components.platform.definitions import Definitions, DefinitionsArgs
from components.platform.operator import Operator, OperatorArgs
from components.platform.sources import Sources
from components.pods import USER

JOBSET = "jobset"
JOBSET_NAMESPACE = namespaces.JOBSET
TRAINER = "kubeflow-trainer"
TRAINER_NAMESPACE = namespaces.TRAINER


@dataclass(frozen=True, kw_only=True)
class TrainerArgs:
    """Where charts, images and definitions come from, and the cluster that gets them."""

    sources: Sources
    connection: Connection


def _image(chart: str, sources: Sources) -> tuple[str, str]:
    """The name and the tag of a chart's one image."""
    repository, _, tag = catalog.load().chart(chart).images[0].rpartition(":")
    return sources.mirrored(repository), tag


def _resources(memory: str) -> dict[str, Any]:
    return {"requests": {"cpu": "50m", "memory": memory}, "limits": {"cpu": "1", "memory": memory}}


def jobset_values(sources: Sources) -> dict[str, Any]:
    """Values of JobSet's chart."""
    repository, tag = _image(JOBSET, sources)
    return {
        "image": {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
        "controller": {
            "resources": _resources("256Mi"),
            "podSecurityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        },
    }


def trainer_values(sources: Sources) -> dict[str, Any]:
    """Values of Trainer's chart."""
    repository, tag = _image(TRAINER, sources)
    return {
        "crds": {"enabled": False},
        "jobset": {"install": False},
        "dataCache": {"enabled": False},
        # Docker Hub is the registry that the chart leaves out of the image's name, and the name has one already.
        "image": {"registry": "docker.io", "repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
        "manager": {
            "resources": _resources("256Mi"),
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "runAsUser": USER,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        },
    }


class Trainer(pulumi.ComponentResource):
    """Trainer and JobSet that are ready, their webhooks too, with the kinds that they serve."""

    # What a TrainJob or a runtime depends on.
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: TrainerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:training:Trainer", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)

        def definitions(chart: str) -> Definitions:
            return Definitions(
                f"{name}-{chart}-definitions",
                DefinitionsArgs(manifest=f"{chart}-crds", sources=args.sources, connection=args.connection),
                child,
            )

        jobset = Operator(
            f"{name}-{JOBSET}",
            OperatorArgs(
                chart=JOBSET,
                namespace=JOBSET_NAMESPACE,
                sources=args.sources,
                connection=args.connection,
                values=jobset_values(args.sources),
                skip_definitions=True,
                after=[jobset_kinds := definitions(JOBSET)],
            ),
            child,
        )
        trainer = Operator(
            f"{name}-{TRAINER}",
            OperatorArgs(
                chart=TRAINER,
                namespace=TRAINER_NAMESPACE,
                sources=args.sources,
                connection=args.connection,
                values=trainer_values(args.sources),
                # It watches JobSets from its start.
                after=[trainer_kinds := definitions(TRAINER), jobset],
            ),
            child,
        )
        self.ready = [jobset_kinds, trainer_kinds, jobset, trainer]
        self.register_outputs({})
