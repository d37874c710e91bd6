"""`kind: mpi`: ranks of MPI train together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import rule
from stacks.training.entry import TRAINING_VARIABLES, TrainingEntry
from stacks.workloads.config import ResourcesConfig
from stacks.workloads.pod_sets import PodSet


class MpiTrainingConfig(TrainingEntry):
    """An MPIJob of mpi-operator: a launcher starts the ranks on the workers, which it reaches by ssh."""

    platform_variables: ClassVar[frozenset[str]] = TRAINING_VARIABLES | {
        "K_MPI_JOB_ROLE",
        "OMPI_MCA_orte_default_hostfile",
        "OMPI_MCA_orte_keep_fqdn_hostnames",
        "OMPI_MCA_orte_set_default_slots",
        "OMPI_MCA_plm_rsh_args",
    }

    kind: Literal["mpi"] = Field(description="Ranks of MPI on several pods, started by `mpirun` over ssh.")
    workers: int = Field(default=1, ge=1, le=1000, description="Number of pods that train together.")
    slots: int = Field(default=1, ge=1, le=256, description="Number of ranks in each worker.")
    resources: ResourcesConfig = Field(default=ResourcesConfig(), description="Resources of each worker.")
    launcher_resources: ResourcesConfig = Field(
        default=ResourcesConfig(cpu="500m", memory="512Mi"),
        description="Resources of the launcher, which starts the ranks and computes nothing.",
    )

    @rule("launcher_resources")
    def _launcher_without_gpus(self) -> Iterator[Fault]:
        if self.launcher_resources.gpu_resources:
            message = "asks for GPUs, which the launcher does not use; ask for them in resources, for the workers"
            yield Fault(path=("launcherResources",), message=message)

    def train_sets(self) -> tuple[PodSet, ...]:
        return (
            PodSet(role="worker", count=self.workers, resources=self.resources, placement=self),
            PodSet(
                role="launcher",
                count=1,
                resources=self.launcher_resources,
                placement=self,
                path=("launcherResources",),
            ),
        )
