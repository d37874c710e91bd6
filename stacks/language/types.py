"""The annotated types that several features use. Those of one feature are in its own `types` module.

A check takes what the file says and returns the value to keep, or raises ValueError with what is wrong and
what is allowed.
"""

from __future__ import annotations

import ipaddress
import re
from fractions import Fraction
from typing import Annotated

from components.quantities import parse_quantity
from stacks.language.model import Rule, shown


def text_of(value: object, what: str) -> str:
    """A value that is a text, `what` it should be. ValueError for a number or the like, which YAML made of it."""
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not {what}; put the value in quotes")
    return value


# --- quantities -----------------------------------------------------------------------------------


def _quantity(value: object, remedy: str) -> tuple[str, Fraction]:
    # `cpu: 2` and `cpu: 0.5` are natural in YAML, and Kubernetes takes them too.
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise ValueError(f"{shown(value)} is not a quantity; {remedy}")
    try:
        return text, parse_quantity(text)
    except ValueError as error:
        raise ValueError(f"{shown(value)} is {error}; {remedy}") from None


def check_cpu(value: object) -> str:
    remedy = 'write cores or millicores, such as "2" or "500m"'
    text, cores = _quantity(value, remedy)
    if cores <= 0 or (cores * 1000).denominator != 1:
        raise ValueError(f"{shown(value)} is not a whole number of millicores above 0; {remedy}")
    if cores > 1024:
        raise ValueError(f"{shown(value)} is {int(cores)} cores, more than any node has; {remedy}")
    return text


def _check_bytes(value: object, least: int, least_text: str) -> str:
    remedy = 'write a size with a binary suffix, such as "512Mi" or "4Gi"'
    text, size = _quantity(value, remedy)
    if size < least:
        # "400m" is a slip of "400Mi" that only its meaning shows.
        meaning = f"is {float(size):g} bytes, the least is" if 0 < size < 1024 else "is below the least,"
        raise ValueError(f"{shown(value)} {meaning} {least_text}; {remedy}")
    if size.denominator != 1:
        raise ValueError(f"{shown(value)} is not a whole number of bytes; {remedy}")
    return text


def check_memory(value: object) -> str:
    # Below this no container starts: the runtime itself needs a few MiB inside the memory limit.
    return _check_bytes(value, 6 * 1024**2, "6Mi")


def check_size(value: object) -> str:
    return _check_bytes(value, 1024**2, "1Mi")


def check_group(value: object) -> str:
    text = text_of(value, "a group")
    if not _GROUP.fullmatch(text) or len(text) > 253:
        raise ValueError(f"{shown(value)} is not a group; write its name as the identity provider spells it")
    if text.startswith("system:"):
        # system:masters would make members administrators, system:authenticated would let everybody in.
        raise ValueError(f"{shown(value)} is a group of Kubernetes itself; name a group of your identity provider")
    return text


Group = Annotated[
    str, Rule("group", check_group, "a group as the identity provider spells it; none that begins with `system:`")
]
Cpu = Annotated[str, Rule("CPU quantity", check_cpu, "cores or millicores: `2`, `0.5`, `500m`")]
Memory = Annotated[str, Rule("memory quantity", check_memory, "bytes with a suffix, at least 6Mi: `512Mi`, `4Gi`")]
Size = Annotated[str, Rule("size quantity", check_size, "bytes with a suffix, at least 1Mi: `500Mi`, `5Gi`, `2Ti`")]

# --- times ----------------------------------------------------------------------------------------

_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?")
_GROUP = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?")
_LONGEST = 366 * 86400


def check_duration(value: object) -> int:
    """Seconds of `90`, "90s", "1h30m" or "7d"; from one second to 366 days."""
    remedy = 'write seconds as a number, or a duration such as "90s", "1h30m" or "7d"'
    seconds = -1
    if isinstance(value, int) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and value and (match := _DURATION.fullmatch(value)):
        parts = zip(match.groups(), (86400, 3600, 60, 1), strict=True)
        seconds = sum(int(number or 0) * unit for number, unit in parts)
    if not 0 < seconds <= _LONGEST:
        raise ValueError(f"{shown(value)} is not a duration between 1 second and 366 days; {remedy}")
    return seconds


Duration = Annotated[
    int,
    Rule(
        "duration", check_duration, "seconds as a number, or days, hours, minutes, seconds: `90`, `90s`, `1h30m`, `7d`"
    ),
]
# --- names ----------------------------------------------------------------------------------------

# A child's name is at most 63 characters. The longest suffix now is "-prepare-v0123456789" (20); distributed
# training adds "-v0123456789-worker-127" (23).
LONGEST_NAME = 40
_NAME = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?")
DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(rf"{DNS_LABEL.pattern}(?:\.{DNS_LABEL.pattern})*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LABEL_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")


def check_name(value: object) -> str:
    """A name that objects' names begin with: a DNS label that starts with a letter, as Services need it."""
    rule = f"write lower-case letters, digits and '-', a letter first, at most {LONGEST_NAME} characters"
    text = text_of(value, "a name")
    if not _NAME.fullmatch(text) or len(text) > LONGEST_NAME:
        raise ValueError(f"{shown(value)} is not a name; {rule}")
    return text


def check_object_name(value: object) -> str:
    """The name of an object that is in the cluster already, such as a StorageClass or a Secret."""
    text = text_of(value, "an object's name")
    if not _DNS_SUBDOMAIN.fullmatch(text) or len(text) > 253:
        raise ValueError(f"{shown(value)} is not an object's name; write lower-case letters, digits, '-' and '.'")
    return text


def check_label_key(value: object) -> str:
    text = text_of(value, "a label key")
    prefix, slash, name = text.rpartition("/")
    good_prefix = not slash or (_DNS_SUBDOMAIN.fullmatch(prefix) and len(prefix) <= 253)
    if not good_prefix or not _LABEL_NAME.fullmatch(name) or len(name) > 63:
        raise ValueError(f"{shown(value)} is not a label key; write a name, or a DNS prefix, '/' and a name")
    return text


def check_own_label_key(value: object) -> str:
    """A label key that a user may set. Those of Kubernetes have effects, such as the pod security level."""
    text = check_label_key(value)
    prefix = text.rpartition("/")[0]
    if re.search(r"(^|\.)(kubernetes\.io|k8s\.io|ml-platform)$", prefix):
        raise ValueError(f"{shown(value)} belongs to Kubernetes or the platform; use a prefix of your own")
    return text


def check_label_value(value: object) -> str:
    text = text_of(value, "a label value")
    if text and (not _LABEL_NAME.fullmatch(text) or len(text) > 63):
        rule = "write letters, digits, '-', '_' and '.', at most 63 characters"
        raise ValueError(f"{shown(value)} is not a label value; {rule}")
    return text


def check_filled_label_value(value: object) -> str:
    """A label value that selects something: Kubernetes allows an empty one, which names nothing."""
    return check_label_value(check_filled(value))


def check_secret_key(value: object) -> str:
    text = text_of(value, "a key of a Secret")
    if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", text):
        raise ValueError(f"{shown(value)} is not a key of a Secret; write letters, digits, '-', '_' and '.'")
    return text


def check_filled(value: object) -> str:
    text = text_of(value, "a text")
    if not text.strip() or "\x00" in text:
        raise ValueError(f"{shown(value)} is empty; write a value, or remove the key")
    return text


Name = Annotated[
    str, Rule("name", check_name, "lower-case letters, digits and `-`, a letter first, at most 40 characters")
]
ObjectName = Annotated[
    str,
    Rule(
        "object name",
        check_object_name,
        "the name of an object in the cluster: lower-case letters, digits, `-` and `.`",
    ),
]
LabelKey = Annotated[
    str, Rule("label key", check_label_key, "a name of at most 63 characters, with or without a DNS prefix and `/`")
]
OwnLabelKey = Annotated[
    str,
    Rule("own label key", check_own_label_key, "a label key, but none of `kubernetes.io`, `k8s.io` or `ml-platform`"),
]
LabelValue = Annotated[
    str, Rule("label value", check_label_value, "letters, digits, `-`, `_` and `.`, at most 63 characters")
]
FilledLabelValue = Annotated[
    str,
    Rule(
        "label value that is not empty",
        check_filled_label_value,
        "letters, digits, `-`, `_` and `.`, at least one and at most 63 characters",
    ),
]
SecretKeyName = Annotated[str, Rule("Secret's key", check_secret_key, "letters, digits, `-`, `_` and `.`")]
Filled = Annotated[str, Rule("text", check_filled, "any text that is not empty")]

# --- networks -------------------------------------------------------------------------------------


def check_email(value: object) -> str:
    """An address that budgets can write to."""
    text = text_of(value, "an e-mail address")
    if not _EMAIL.fullmatch(text):
        raise ValueError(f'{shown(value)} is not an e-mail address; write one such as "team@example.com"')
    return text


def check_cidr(value: object) -> str:
    text = text_of(value, "a CIDR block")
    try:
        ipaddress.IPv4Network(text)
    except ValueError:
        remedy = 'write an IPv4 network, such as "10.20.0.0/16"'
        try:
            widened = ipaddress.IPv4Network(text, strict=False)
        except ValueError:
            raise ValueError(f"{shown(value)} is not a CIDR block; {remedy}") from None
        raise ValueError(f"{shown(value)} has host bits set; did you mean {str(widened)!r}?") from None
    if "/" not in text:
        raise ValueError(f"{shown(value)} has no prefix length; did you mean {text + '/32'!r}?")
    return text


Email = Annotated[str, Rule("e-mail address", check_email, "an address: `team@example.com`")]
Cidr = Annotated[str, Rule("CIDR block", check_cidr, "an IPv4 network: `10.20.0.0/16`")]
