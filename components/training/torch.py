"""Distributed PyTorch as a TrainJob of Kubeflow Trainer: https://www.kubeflow.org/docs/components/trainer/"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.api_names import api_names
from components.gpu_resources import GPU
from components.quantities import canonical_quantities
from components.training.engines import TRAIN_JOB
from components.training.operated import OperatedEngine, OperatedTraining, Planned
from components.training.recipe import TrainingArgs, pod_template, train_storages

# The container that Trainer gives the addresses of the others (PET_*, what torchrun reads).
CONTAINER = "node"
STEP_LABEL = "trainer.kubeflow.org/trainjob-ancestor-step"


def runtime_spec(args: TrainingArgs, variables: Mapping[str, str]) -> dict[str, Any]:
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


def job_spec(args: TrainingArgs, planned: Planned) -> dict[str, Any]:
    """The spec of a TrainJob, which refers to its runtime."""
    workers = args.roles[0]
    resources = workers.program.resources
    return {
        "runtimeRef": {"apiGroup": TRAIN_JOB.group, "kind": "TrainingRuntime", "name": planned.name},
        # The same as in the runtime: whoever looks at the TrainJob alone sees what it takes.
        "trainer": {
            "numNodes": workers.count,
            # One process a GPU. Otherwise Trainer starts as many as the pod has CPUs.
            "numProcPerNode": int(resources.limits.get(GPU, 1)),
            "resourcesPerNode": {
                "requests": canonical_quantities(resources.requests),
                "limits": canonical_quantities(resources.limits),
            },
        },
        "activeDeadlineSeconds": args.timeout_seconds,
    }


class TorchTraining(OperatedTraining):
    """A model that several PyTorch processes trained together."""

    engine = OperatedEngine(
        facts=TRAIN_JOB,
        recipe=runtime_spec,
        job=job_spec,
        runtime="TrainingRuntime",
        # The nodes of its pods.
        queue_fields=("spec.runtimePatches",),
    )
