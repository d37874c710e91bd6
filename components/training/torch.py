"""Distributed PyTorch as a TrainJob of Kubeflow Trainer: https://www.kubeflow.org/docs/components/trainer/"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.api_names import api_names
from components.gpu.resources import GPU
from components.labels import object_labels, platform_labels
from components.quantities import canonical_quantities
from components.training.engines import TRAIN_JOB
from components.training.gang import GangTraffic, GangTrafficArgs
from components.training.job import make_ground
from components.training.outcome import Outcome, OutcomeArgs
from components.training.recipe import (
    COMPONENT,
    QUEUE_FIELDS,
    OperatedArgs,
    TrainingArgs,
    model_folder,
    model_variables,
    pod_template,
    train_storages,
)
from components.training.trained import Trained
from components.training.versioning import version_of
from components.workload import Workload

# The container that Trainer gives the addresses of the others (PET_*, what torchrun reads).
CONTAINER = "node"
STEP_LABEL = "trainer.kubeflow.org/trainjob-ancestor-step"
# What Kueue writes into an admitted TrainJob: the nodes of its pods.
QUEUE_TRAIN_JOB_FIELDS = (*QUEUE_FIELDS, "spec.runtimePatches")


@dataclass(frozen=True, kw_only=True)
class PlannedRuntime:
    """The runtime of one version of a model: all that a TrainJob of it runs. `name` is that of both objects."""

    name: str
    version: str
    spec: dict[str, Any]


def runtime_spec(args: TrainingArgs, variables: dict[str, str]) -> dict[str, Any]:
    """The spec of a TrainingRuntime: one JobSet of `count` pods that start together and are restarted together."""
    workers = args.roles[0]
    template = pod_template(
        args, workers, step="train", storages=train_storages(args), variables=variables, container_name=CONTAINER
    )
    return {
        "mlPolicy": {"numNodes": workers.count, "torch": {}},
        "template": {
            "spec": {
                # One lost worker ends the others, too: all of them start again, from their last checkpoint.
                "failurePolicy": {"maxRestarts": args.retries},
                "replicatedJobs": [
                    {
                        "name": CONTAINER,
                        "template": {
                            "metadata": {"labels": {STEP_LABEL: "trainer"}},
                            "spec": {"backoffLimit": 0, "template": api_names(template)},
                        },
                    }
                ],
            }
        },
    }


def plan(args: TrainingArgs, data_dir: str) -> PlannedRuntime:
    """The runtime whose pods read `data_dir` and write `<model root>/<model>/<version>`."""
    variables = {"DATA_DIR": data_dir, "MODEL_NAME": args.model}
    version = version_of({"spec": runtime_spec(args, variables), "model": args.model, "rerun": args.rerun})
    spec = runtime_spec(args, {**variables, **model_variables(args, version)})
    return PlannedRuntime(name=f"{args.entry}-{version}", version=version, spec=spec)


class TorchTraining(Trained):
    """A model that several PyTorch processes trained together: they ended well when this component is there."""

    def __init__(self, name: str, args: OperatedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:training:TorchTraining", name, None, opts)
        training = args.training
        ground = make_ground(name, training, self)
        planned = plan(training, ground.data_dir)
        instance = f"{training.entry}-train"
        labels = object_labels(training.owner, name=training.entry, component=COMPONENT, instance=instance)
        needed = [*ground.needed, *args.after]
        traffic = GangTraffic(
            f"{name}-traffic",
            GangTrafficArgs(
                namespace=training.namespace,
                name=f"{training.entry}-gang",
                labels=labels,
                pods=platform_labels(training.owner, name=training.entry, component=COMPONENT, instance=instance),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        metadata = {"name": planned.name, "namespace": training.namespace, "labels": labels}
        runtime = k8s.apiextensions.CustomResource(
            f"{name}-runtime-{planned.version}",
            api_version=TRAIN_JOB.api_version,
            kind="TrainingRuntime",
            metadata=metadata,
            spec=planned.spec,
            opts=pulumi.ResourceOptions(parent=self, depends_on=needed),
        )
        workers = training.roles[0]
        asked = workers.program.resources
        spec: dict[str, Any] = {
            "runtimeRef": {"apiGroup": TRAIN_JOB.group, "kind": "TrainingRuntime", "name": planned.name},
            # As in the runtime: whoever looks at the TrainJob alone sees what it takes.
            "trainer": {
                "numNodes": workers.count,
                # One process a GPU. Else Trainer starts as many as the pod has CPUs.
                "numProcPerNode": int(asked.limits.get(GPU, 1)),
                "resourcesPerNode": {
                    "requests": canonical_quantities(asked.requests),
                    "limits": canonical_quantities(asked.limits),
                },
            },
            "activeDeadlineSeconds": training.timeout_seconds,
        }
        job = k8s.apiextensions.CustomResource(
            f"{name}-train-{planned.version}",
            api_version=TRAIN_JOB.api_version,
            kind=TRAIN_JOB.kind,
            metadata={**metadata, "labels": {**labels, **training.queue_labels}},
            spec={**spec, "suspend": True} if training.waits_in_queue else spec,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[runtime, traffic], ignore_changes=list(QUEUE_TRAIN_JOB_FIELDS)
            ),
        )
        patience = f"{training.patience_seconds + 60}s"
        Outcome(
            f"{name}-outcome-{planned.version}",
            OutcomeArgs(
                connection=args.connection,
                facts=TRAIN_JOB,
                namespace=training.namespace,
                name=planned.name,
                patience_seconds=training.patience_seconds,
            ),
            pulumi.ResourceOptions(
                parent=self, depends_on=[job], custom_timeouts=pulumi.CustomTimeouts(create=patience)
            ),
        )
        self.version = planned.version
        self.model = training.model
        self.model_path = model_folder(training, planned.version)
        self.workload = Workload(kind=TRAIN_JOB.kind, name=pulumi.Output.from_input(planned.name))
        self.register_outputs({"job": self.workload.name, "version": self.version})
