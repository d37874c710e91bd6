"""What the platform knows of EC2 instance types: CPUs, memory, GPUs, EFA interfaces, local disks.

Figures: EC2's DescribeInstanceTypes. A test compares them with an independent copy of that API's answers.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
from typing import Literal

Architecture = Literal["x86_64", "arm64"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class InstanceType:
    """One type. memory: GiB. local_disk: GB of NVMe instance store. efa: most EFA interfaces, one a network
    card.
    """

    name: str
    vcpus: int
    memory: int
    architecture: Architecture
    gpus: int = 0
    gpu_model: str = ""
    efa: int = 0
    local_disk: int = 0

    @property
    def capacity_blocks(self) -> bool:
        """Whether EC2 sells capacity blocks of it."""
        return self.name.startswith(("p4", "p5", "p6"))


# name, vCPUs, memory GiB, GPU, GPUs, EFA interfaces, local disk GB. All are x86_64. Left out on purpose:
# parts of a GPU (g6f, gr6f), which the device plugin does not count, and g5g, whose driver image EKS has only
# for x86_64.
_GPU_TYPES = (
    ("g4dn.xlarge", 4, 16, "T4", 1, 0, 125),
    ("g4dn.2xlarge", 8, 32, "T4", 1, 0, 225),
    ("g4dn.4xlarge", 16, 64, "T4", 1, 0, 225),
    ("g4dn.8xlarge", 32, 128, "T4", 1, 1, 900),
    ("g4dn.12xlarge", 48, 192, "T4", 4, 1, 900),
    ("g4dn.16xlarge", 64, 256, "T4", 1, 1, 900),
    ("g4dn.metal", 96, 384, "T4", 8, 1, 1800),
    ("g5.xlarge", 4, 16, "A10G", 1, 0, 250),
    ("g5.2xlarge", 8, 32, "A10G", 1, 0, 450),
    ("g5.4xlarge", 16, 64, "A10G", 1, 0, 600),
    ("g5.8xlarge", 32, 128, "A10G", 1, 1, 900),
    ("g5.12xlarge", 48, 192, "A10G", 4, 1, 3800),
    ("g5.16xlarge", 64, 256, "A10G", 1, 1, 1900),
    ("g5.24xlarge", 96, 384, "A10G", 4, 1, 3800),
    ("g5.48xlarge", 192, 768, "A10G", 8, 1, 7600),
    ("g6.xlarge", 4, 16, "L4", 1, 0, 250),
    ("g6.2xlarge", 8, 32, "L4", 1, 0, 450),
    ("g6.4xlarge", 16, 64, "L4", 1, 0, 600),
    ("g6.8xlarge", 32, 128, "L4", 1, 1, 900),
    ("g6.12xlarge", 48, 192, "L4", 4, 1, 3760),
    ("g6.16xlarge", 64, 256, "L4", 1, 1, 1880),
    ("g6.24xlarge", 96, 384, "L4", 4, 1, 3760),
    ("g6.48xlarge", 192, 768, "L4", 8, 1, 7520),
    ("g6e.xlarge", 4, 32, "L40S", 1, 0, 250),
    ("g6e.2xlarge", 8, 64, "L40S", 1, 0, 450),
    ("g6e.4xlarge", 16, 128, "L40S", 1, 0, 600),
    ("g6e.8xlarge", 32, 256, "L40S", 1, 1, 900),
    ("g6e.12xlarge", 48, 384, "L40S", 4, 1, 3800),
    ("g6e.16xlarge", 64, 512, "L40S", 1, 1, 1900),
    ("g6e.24xlarge", 96, 768, "L40S", 4, 2, 3800),
    ("g6e.48xlarge", 192, 1536, "L40S", 8, 4, 7600),
    ("p3dn.24xlarge", 96, 768, "V100", 8, 1, 1800),
    ("p4d.24xlarge", 96, 1152, "A100", 8, 4, 8000),
    ("p4de.24xlarge", 96, 1152, "A100", 8, 4, 8000),
    ("p5.4xlarge", 16, 256, "H100", 1, 1, 3800),
    ("p5.48xlarge", 192, 2048, "H100", 8, 32, 30400),
    ("p5e.48xlarge", 192, 2048, "H200", 8, 32, 30400),
    ("p5en.48xlarge", 192, 2048, "H200", 8, 16, 30400),
    ("p6-b200.48xlarge", 192, 2048, "B200", 8, 8, 30400),
)

# General, compute and memory optimised families: GiB of memory for each vCPU, and the sizes that all of them
# have.
_MEMORY_PER_VCPU = {"m": 4, "c": 2, "r": 8}
_FAMILIES = (
    *("m5", "m6a", "m6i", "m6g", "m7a", "m7i", "m7g", "m8g"),
    *("c5", "c6a", "c6i", "c6g", "c7a", "c7i", "c7g", "c8g"),
    *("r5", "r6a", "r6i", "r6g", "r7a", "r7i", "r7g", "r8g"),
)
_SIZES = {"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "12xlarge": 48}
# c5 is the one that goes another way: it has 9xlarge where others have 8xlarge.
_MISSING = {"c5.8xlarge"}
_GRAVITON = re.compile(r"[a-z]\dg")


@functools.cache
def known() -> dict[str, InstanceType]:
    """All types that a node pool may name, by name."""
    types = [
        InstanceType(
            name=name,
            vcpus=vcpus,
            memory=memory,
            architecture="x86_64",
            gpus=gpus,
            gpu_model=model,
            efa=efa,
            local_disk=disk,
        )
        for name, vcpus, memory, model, gpus, efa, disk in _GPU_TYPES
    ]
    for family in _FAMILIES:
        arch: Architecture = "arm64" if _GRAVITON.fullmatch(family) else "x86_64"
        for size, vcpus in _SIZES.items():
            name, memory = f"{family}.{size}", vcpus * _MEMORY_PER_VCPU[family[0]]
            if name not in _MISSING:
                types.append(InstanceType(name=name, vcpus=vcpus, memory=memory, architecture=arch))
    return {t.name: t for t in types}


def named(name: str) -> InstanceType:
    """The type of that name. LookupError names the nearest known ones."""
    types = known()
    if name not in types:
        near = difflib.get_close_matches(name, types, n=3, cutoff=0.5)
        hint = f"near to it: {', '.join(near)}" if near else "its module lists them"
        raise LookupError(f"{name!r} is not an instance type that this platform knows; {hint}")
    return types[name]
