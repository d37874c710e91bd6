"""How GPUs are shared and what they are called: labels, taint, resource names. Pure functions.

Names and rules of time-slicing are those of NVIDIA's device plugin (https://github.com/NVIDIA/k8s-device-plugin), of
MIG those of NVIDIA's MIG user guide (https://docs.nvidia.com/datacenter/tesla/mig-user-guide/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

GPU = "nvidia.com/gpu"
SHARED_GPU = "nvidia.com/gpu.shared"
MIG_PREFIX = "nvidia.com/mig-"
PRESENT_LABEL = "nvidia.com/gpu.present"
# Read by NVIDIA's operator: which partitions the MIG manager makes, which settings the device plugin takes.
MIG_LABEL = "nvidia.com/mig.config"
PLUGIN_LABEL = "nvidia.com/device-plugin.config"
# The MIG manager's word for GPUs that are not cut.
MIG_DISABLED = "all-disabled"
# Of resource.k8s.io: the class of whole GPUs that NVIDIA's DRA driver makes.
DEVICE_CLASS = "gpu.nvidia.com"
# Slices of compute that a GPU has at most.
COMPUTE_SLICES = 7

_PROFILE = re.compile(r"([1-7])g\.(\d{1,3})gb(?:\+me)?")


@dataclass(frozen=True, kw_only=True)
class Exclusive:
    """Each GPU belongs to one pod at a time."""

    kind: Literal["exclusive"] = "exclusive"


@dataclass(frozen=True, kw_only=True)
class TimeSlicing:
    """Each GPU is offered `replicas` times; pods on it take turns and share its memory without any protection.

    `rename`: the slices are called `nvidia.com/gpu.shared`, so that nobody takes one for a GPU.
    """

    replicas: int
    rename: bool = True
    kind: Literal["time-slicing"] = "time-slicing"


@dataclass(frozen=True, kw_only=True)
class Mig:
    """Each GPU is cut into partitions with compute and memory of their own: their number by profile.

    Strategy `single`: all partitions are alike, and are called `nvidia.com/gpu`. `mixed`: each profile has a name of
    its own, such as `nvidia.com/mig-1g.5gb`.
    """

    strategy: Literal["single", "mixed"]
    profiles: Mapping[str, int]
    kind: Literal["mig"] = "mig"


Sharing = Exclusive | TimeSlicing | Mig


def mig_resource(profile: str) -> str:
    """Resource name of partitions: `nvidia.com/mig-1g.5gb`; a `+me` (media engines) is written `.me` there."""
    return MIG_PREFIX + profile.replace("+", ".")


def node_resources(gpus: int, sharing: Sharing) -> dict[str, int]:
    """What a node with `gpus` GPUs offers the scheduler: amounts by resource name."""
    match sharing:
        case Exclusive():
            return {GPU: gpus}
        case TimeSlicing(replicas=replicas, rename=rename):
            return {SHARED_GPU if rename else GPU: gpus * replicas}
        case Mig(strategy="single", profiles=profiles):
            return {GPU: gpus * sum(profiles.values())}
        case Mig(profiles=profiles):
            return {mig_resource(profile): gpus * number for profile, number in profiles.items()}


def is_gpu_resource(name: str) -> bool:
    """Whether a resource is a GPU or a part of one."""
    return name in (GPU, SHARED_GPU) or name.startswith(MIG_PREFIX)


# --- MIG --------------------------------------------------------------------------------------------------------


def _family(one: int, double: int, half: int, whole: int) -> dict[str, int]:
    """The profiles of a GPU of seven slices, from the gigabytes of its partitions."""
    return {
        f"1g.{one}gb": 7,
        f"1g.{one}gb+me": 1,
        f"1g.{double}gb": 4,
        f"2g.{double}gb": 3,
        f"3g.{half}gb": 2,
        f"4g.{half}gb": 1,
        f"7g.{whole}gb": 1,
    }


# Partitions that the models know, and how many of each fit on one GPU at most: MIG user guide, "Supported MIG
# profiles". The first pattern that is in a product's name decides.
_MODELS: tuple[tuple[str, Mapping[str, int]], ...] = (
    (r"A100.*80GB|p4de\.", _family(10, 20, 40, 80)),
    (r"A100", _family(5, 10, 20, 40)),
    (r"A30\b", {"1g.6gb": 4, "1g.6gb+me": 1, "2g.12gb": 2, "2g.12gb+me": 1, "4g.24gb": 1}),
    (r"H200", _family(18, 35, 71, 141)),
    (r"H100", _family(10, 20, 40, 80)),
    (r"B200", _family(23, 45, 90, 180)),
    # Models without MIG.
    (r"T4|A10G|A10\b|L4\b|L40|V100|K80|P100", {}),
)


def mig_profiles(product: str) -> Mapping[str, int] | None:
    """The partitions that a product knows, by profile: how many fit on a GPU. None where the product is not known.

    `product` is a label `nvidia.com/gpu.product`, a model, or one after its instance type (`p4de.24xlarge A100`).
    """
    return next((profiles for pattern, profiles in _MODELS if re.search(pattern, product)), None)


def is_mig_profile(text: str) -> bool:
    """Whether the text has the form of a profile: compute slices, `g.`, gigabytes, `gb`."""
    return _PROFILE.fullmatch(text) is not None


def mig_overflow(profiles: Mapping[str, int], product: str) -> str | None:
    """Why these partitions do not fit on one GPU, None when nothing speaks against them.

    Compute and memory are summed up; where on the GPU partitions can lie is not looked at, so a layout that this
    lets pass can still be refused by the driver. Of a product that is not known, only its seven slices are.
    """
    known = mig_profiles(product)
    for profile, number in profiles.items():
        if known is not None and number > known.get(profile, number):
            return f"{number} x {profile}, and at most {known[profile]} fit on a GPU"
    slices = sum(number * _parts(profile)[0] for profile, number in profiles.items())
    most = max((_parts(profile)[0] for profile in known), default=COMPUTE_SLICES) if known else COMPUTE_SLICES
    if slices > most:
        return f"they take {slices} slices of compute, and a GPU has {most}"
    if known:
        memory = sum(number * _parts(profile)[1] for profile, number in profiles.items())
        whole = max(_parts(profile)[1] for profile in known)
        # Names round up: the halves of an H200's 141 GB are called 71gb.
        if memory > whole * 1.02:
            return f"they take {memory} GB, and a GPU has {whole}"
    return None


def _parts(profile: str) -> tuple[int, int]:
    """Slices of compute and gigabytes of a profile."""
    match = _PROFILE.fullmatch(profile)
    if match is None:
        raise ValueError(f"{profile!r} is not a MIG profile")
    return int(match[1]), int(match[2])
