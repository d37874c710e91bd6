"""Kubeflow Trainer v2, which runs TrainJobs as JobSets, and JobSet, which runs these as Jobs that start together."""

from __future__ import annotations

from typing import Any

import pulumi

from components import catalog, namespaces
from components.platform.definitions import Definitions, DefinitionsArgs
from components.platform.drain import Drained
from components.platform.operator import Operator, OperatorArgs
from components.platform.sources import Sources
from components.pods import USER
from components.training.engines import TRAIN_JOB
from components.training.operators.operator import EngineOperator, EngineOperatorArgs

JOBSET = "jobset"
JOBSET_NAMESPACE = namespaces.JOBSET
TRAINER = "kubeflow-trainer"
TRAINER_NAMESPACE = namespaces.TRAINER


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


class Trainer(EngineOperator):
    """Trainer and JobSet that are ready, their webhooks too, with the kinds that they serve."""

    drained = (
        Drained(name="trainer", namespace=TRAINER_NAMESPACE, group=TRAIN_JOB.group),
        Drained(name=JOBSET, namespace=JOBSET_NAMESPACE, group="jobset.x-k8s.io"),
    )

    def install(self, name: str, args: EngineOperatorArgs, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        def definitions(chart: str) -> Definitions:
            return Definitions(
                f"{name}-{chart}-definitions",
                DefinitionsArgs(manifest=f"{chart}-crds", sources=args.sources, connection=args.connection),
                opts,
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
            opts,
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
            opts,
        )
        return [jobset_kinds, trainer_kinds, jobset, trainer]
