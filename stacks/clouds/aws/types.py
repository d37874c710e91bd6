"""The annotated types of the AWS part of the stack config, beside those of `stacks.language.types`."""

from __future__ import annotations

import re
from typing import Annotated

from components import catalog
from components.aws.compute import instance_types
from stacks.language.model import Rule, did_you_mean, shown
from stacks.language.types import text_of

_REGION = re.compile(r"(?:af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d")
_ZONE = re.compile(rf"({_REGION.pattern})[a-f]")
_ACCOUNT = re.compile(r"\d{12}")
_ROLE = re.compile(r"arn:aws:iam::\d{12}:role/[\w+=,.@/-]{1,512}")
_TAG = re.compile(r"[\w .:/=+@-]{1,128}")


def check_region(value: object) -> str:
    """A region of the commercial partition."""
    text = text_of(value, "a region")
    if not _REGION.fullmatch(text):
        raise ValueError(f'{shown(value)} is not a region; write one such as "eu-west-1"')
    return text


def check_zone(value: object) -> str:
    """An availability zone by its name, not by its id."""
    text = text_of(value, "an availability zone")
    if re.fullmatch(r"[a-z]{3,4}\d-az\d", text):
        raise ValueError(f'{shown(value)} is a zone id; write the name, such as "eu-west-1a"')
    if not _ZONE.fullmatch(text):
        raise ValueError(f'{shown(value)} is not an availability zone; write one such as "eu-west-1a"')
    return text


def check_account(value: object) -> str:
    """An account id. As a bare number, YAML would drop leading zeros."""
    text = text_of(value, "an account id")
    if not _ACCOUNT.fullmatch(text):
        raise ValueError(f"{shown(value)} is not an account id; write its 12 digits")
    return text


def check_role(value: object) -> str:
    """An IAM role, as a person or a workflow assumes it."""
    text = text_of(value, "a role's ARN")
    if ":assumed-role/" in text:
        raise ValueError(f"{shown(value)} is a session of a role; write the role's own ARN, arn:aws:iam::…:role/…")
    if text.endswith(":root"):
        raise ValueError(f"{shown(value)} is a whole account; name a role of it")
    if not _ROLE.fullmatch(text):
        raise ValueError(f'{shown(value)} is not a role; write "arn:aws:iam::<account>:role/<name>"')
    return text


def check_instance_type(value: object) -> str:
    """An instance type that the platform knows, since pools are reasoned about by GPUs, CPUs and disks."""
    text = text_of(value, "an instance type")
    try:
        return instance_types.named(text).name
    except LookupError as error:
        raise ValueError(str(error.args[0])) from None


def check_kubernetes_version(value: object) -> str:
    """A version that the catalog has add-on versions for."""
    known = sorted(catalog.load().eks.kubernetes)
    if isinstance(value, float):
        # 1.30 and 1.3 are the same number in YAML.
        raise ValueError(f'{value} is a number; put the version in quotes, such as "{known[-1]}"')
    text = text_of(value, "a Kubernetes version")
    if text not in known:
        allowed = ", ".join(known)
        raise ValueError(f"{shown(value)} has no add-on versions in catalog.yaml; write one of {allowed}")
    return text


def check_tag(value: object) -> str:
    """A tag's key or value, by AWS's rules for most services."""
    text = text_of(value, "a tag")
    if not _TAG.fullmatch(text):
        raise ValueError(f"{shown(value)} is not a tag; write letters, digits, spaces and . : / = + @ - _")
    if text.lower().startswith("aws:"):
        raise ValueError(f"{shown(value)} begins with aws:, which AWS keeps for itself; choose another")
    return text


def identifier(prefix: str, what: str) -> Rule:
    pattern = re.compile(rf"{prefix}-[0-9a-f]{{8,17}}")

    def check(value: object) -> str:
        text = text_of(value, what)
        if not pattern.fullmatch(text):
            raise ValueError(f'{shown(value)} is not {what}; write one such as "{prefix}-0123456789abcdef0"')
        return text

    return Rule(f"{what.removeprefix('a ').removeprefix('an ')} id", check, f"its id: `{prefix}-0123456789abcdef0`")


def check_database_version(value: object) -> str:
    """Major and minor version of PostgreSQL: a restore must find the version it was written by."""
    if not isinstance(value, str) or not re.fullmatch(r"1[4-8]\.\d{1,2}", value):
        raise ValueError(f'{shown(value)} is not a version of PostgreSQL; write one such as "17.6", in quotes')
    return value


def check_database_class(value: object) -> str:
    """An instance class of RDS."""
    text = text_of(value, "a database class")
    if not re.fullmatch(r"db\.[a-z]\d+[a-z]*\.(?:micro|small|medium|\d*x?large)", text):
        hint = did_you_mean(text, (f"db.{text}",)) if not text.startswith("db.") else ""
        raise ValueError(f'{shown(value)} is not a database class; write one such as "db.t4g.medium"{hint}')
    return text


Region = Annotated[str, Rule("AWS region", check_region, "a region: `eu-west-1`")]
Zone = Annotated[str, Rule("availability zone", check_zone, "a zone by its name: `eu-west-1a`")]
AccountId = Annotated[str, Rule("AWS account id", check_account, 'twelve digits in quotes: `"111122223333"`')]
RoleArn = Annotated[
    str, Rule("ARN of an IAM role", check_role, "a role: `arn:aws:iam::111122223333:role/platform-admin`")
]
InstanceTypeName = Annotated[
    str,
    Rule(
        "EC2 instance type",
        check_instance_type,
        "a type that `components/aws/compute/instance_types.py` knows: `g6.xlarge`",
    ),
]
KubernetesVersion = Annotated[
    str,
    Rule(
        "Kubernetes version",
        check_kubernetes_version,
        'a version with add-on versions in `catalog.yaml`: `"1.35"`, in quotes',
    ),
]
TagText = Annotated[str, Rule("tag", check_tag, "up to 128 letters, digits, spaces and `. : / = + @ - _`")]
VpcId = Annotated[str, identifier("vpc", "a VPC")]
SubnetId = Annotated[str, identifier("subnet", "a subnet")]
SecurityGroupId = Annotated[str, identifier("sg", "a security group")]
EfsId = Annotated[str, identifier("fs", "an EFS file system")]
FsxId = Annotated[str, identifier("fs", "an FSx file system")]
ReservationId = Annotated[str, identifier("cr", "a capacity reservation")]
DatabaseVersion = Annotated[
    str, Rule("PostgreSQL version", check_database_version, 'major and minor version: `"17.6"`, in quotes')
]
DatabaseClass = Annotated[
    str, Rule("RDS instance class", check_database_class, "an instance class of RDS: `db.t4g.medium`")
]
