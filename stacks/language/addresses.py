"""Annotated types of hosts, folders and buckets."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from stacks.language.model import Rule, shown
from stacks.language.types import text_of

# What stands for the name of the team that uses a storage.
TEAM = "{team}"

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_PART = re.compile(r"[A-Za-z0-9._-]+")
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]")
_OPTION = re.compile(r"[A-Za-z][\w.-]*(?:=[^\s,]+)?")


def _check_parts(text: str, parts: list[str], remedy: str) -> None:
    """Each part of a path is a name, and may have `{team}` in it."""
    for part in parts:
        plain = part.replace(TEAM, "team")
        if "{" in plain or "}" in plain:
            raise ValueError(f"{shown(text)} has braces that are not {TEAM}, and nothing else is filled in; {remedy}")
        if not _PART.fullmatch(plain) or plain in (".", ".."):
            raise ValueError(f"{shown(text)} is not a plain path; {remedy}")


def check_host(value: object) -> str:
    text = text_of(value, "a host")
    if not _HOST.fullmatch(text) or ".." in text or len(text) > 253:
        raise ValueError(f'{shown(value)} is not a host; write a name or an address, such as "nfs.example.com"')
    return text


def check_export(value: object) -> str:
    """An absolute path on a file server."""
    remedy = f'write an absolute path, such as "/exports/{TEAM}/datasets"'
    text = text_of(value, "a path")
    if not text.startswith("/") or text == "/":
        raise ValueError(f"{shown(value)} is not an absolute path below the root; {remedy}")
    _check_parts(text, text[1:].split("/"), remedy)
    return text


def check_prefix(value: object) -> str:
    """The part of a bucket, without a slash at either end."""
    remedy = f'write the names between slashes, such as "{TEAM}/datasets"'
    text = text_of(value, "a prefix")
    if text.startswith("/") or text.endswith("/"):
        raise ValueError(f"{shown(value)} has a slash at an end; {remedy}")
    _check_parts(text, text.split("/"), remedy)
    return text


def check_bucket(value: object) -> str:
    text = text_of(value, "a bucket")
    if text.startswith("s3:"):
        raise ValueError(f"{shown(value)} is a URI; write the bucket's name alone, and prefix: beside it")
    if not _BUCKET.fullmatch(text) or ".." in text:
        raise ValueError(f"{shown(value)} is not a bucket; write 3 to 63 lower-case letters, digits, '-' and '.'")
    return text


def check_endpoint(value: object) -> str:
    """The URL of an S3 server: scheme, host and port."""
    remedy = 'write scheme, host and port, such as "https://s3.example.com:9000"'
    text = text_of(value, "a URL")
    url = urlsplit(text)
    try:
        port = url.port
    except ValueError:
        port = -1
    if url.scheme not in ("http", "https") or not _HOST.fullmatch(url.hostname or "") or port == -1:
        raise ValueError(f"{shown(value)} is not the URL of an S3 server; {remedy}")
    if url.username or url.password:
        # Not shown: it is a password.
        raise ValueError(f"the URL has a user in it, and this file is not secret; {remedy}, and credentials beside it")
    if url.path or url.query or url.fragment:
        raise ValueError(f"{shown(value)} goes on after the port; {remedy}")
    return text


def check_bucket_region(value: object) -> str:
    """A region as the S3 server calls it."""
    text = text_of(value, "a region")
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", text):
        raise ValueError(f'{shown(value)} is not a region; write one such as "eu-west-1"')
    return text


def check_mount_option(value: object) -> str:
    text = text_of(value, "a mount option")
    if not _OPTION.fullmatch(text):
        raise ValueError(f'{shown(value)} is not a mount option; write one an entry, such as "nfsvers=4.1"')
    return text


Host = Annotated[str, Rule("host", check_host, "a host name or address: `nfs.example.com`")]
ExportPath = Annotated[
    str,
    Rule("path", check_export, "an absolute path, in which `{team}` is the team's name: `/exports/{team}/datasets`"),
]
Prefix = Annotated[
    str, Rule("prefix", check_prefix, "names between slashes, in which `{team}` is the team's name: `{team}/datasets`")
]
BucketName = Annotated[str, Rule("bucket", check_bucket, "3 to 63 lower-case letters, digits, `-` and `.`")]
Endpoint = Annotated[str, Rule("S3 endpoint", check_endpoint, "scheme, host and port: `https://s3.example.com:9000`")]
BucketRegion = Annotated[str, Rule("bucket region", check_bucket_region, "a region: `eu-west-1`")]
MountOption = Annotated[str, Rule("mount option", check_mount_option, "an option of mount(8): `nfsvers=4.1`")]
