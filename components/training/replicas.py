"""Pods as the jobs of kubeflow.org have them: a number of replicas and a template for each role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from components.api_names import api_names
from components.training.recipe import Role, Stored, TrainingArgs, pod_template


def replicas(
    args: TrainingArgs,
    role: Role,
    *,
    storages: Sequence[Stored],
    variables: Mapping[str, str],
    container_name: str | None = None,
) -> dict[str, Any]:
    """The pods of a role. Their restart policy is beside the template, where the operators look for it."""
    template = api_names(
        pod_template(args, role, step="train", storages=storages, variables=variables, container_name=container_name)
    )
    del template["spec"]["restartPolicy"]
    return {"replicas": role.count, "template": template}


def queue_fields(key: str, roles: Iterable[str]) -> tuple[str, ...]:
    """Where Kueue has the pods of an admitted job run: fields of the replicas at `key` of its spec."""
    templates = [f"spec.{key}.{role}.template.spec" for role in roles]
    return tuple(f"{template}.{field}" for template in templates for field in ("nodeSelector", "tolerations"))
