"""Files that programs of the platform read once, when they start."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s


def settings_file(
    resource: str,
    name: str,
    *,
    file: str,
    text: str,
    namespace: pulumi.Input[str],
    labels: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """A ConfigMap with one file; returns its name, which is another one for another text: so pods become new ones."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    made = k8s.core.v1.ConfigMap(
        resource,
        metadata={"name": f"{name}-{digest}", "namespace": namespace, "labels": dict(labels)},
        data={file: text},
        immutable=True,
        opts=opts,
    )
    return made.metadata.name
