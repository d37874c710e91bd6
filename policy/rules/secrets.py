"""Secrets are in Secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from components.secret_patterns import holds_secret, names_secret
from policy.graph.pods import object_spec, parts
from policy.graph.resources import Resource
from policy.graph.values import each, get, mappings
from policy.rules.model import Level, ResourceRule, Setting, Settings, StackRule, resource_rule

# Fields of Ray's objects whose text holds runtime environments, with variables under `env_vars`.
RAY_TEXTS = ("runtimeEnvYAML", "serveConfigV2")


def is_plain(name: str, value: object, harmless: tuple[str, ...]) -> bool:
    """Whether a variable or key holds a secret in plain text, by its name or by its value."""
    if not isinstance(value, str) or not value:
        return False
    return holds_secret(value) or (names_secret(name) and name not in harmless)


def ray_variables(spec: object) -> Iterator[tuple[str, object]]:
    """Names and values of the variables in the runtime environments of a RayJob or RayService."""
    for field in RAY_TEXTS:
        text = get(spec, field)
        try:
            document = yaml.safe_load(text) if isinstance(text, str) else None
        except yaml.YAMLError:
            # Ray refuses it too.
            continue
        for mapping in mappings(document):
            variables = mapping.get("env_vars")
            yield from variables.items() if isinstance(variables, dict) else ()


@resource_rule(
    "no-plain-secret",
    types=(),
    level=Level.MANDATORY,
    reason="it is readable in the object, the state's history and every crash report",
    remedy="Use a secret reference (secretKeyRef), or a mounted file. Put names that only look like secrets into "
    "`names` of the policy configuration.",
    settings={"names": Setting(default=(), description="names of variables and keys that only look like secrets")},
)
def no_plain_secret(resource: Resource, settings: Settings) -> Iterator[str]:
    """No variable and no ConfigMap holds a secret in plain text."""
    harmless = tuple(settings["names"])
    # The value is never part of the message.
    for container, part in parts(resource):
        for variable in each(part.get("env")):
            name = str(get(variable, "name"))
            if is_plain(name, get(variable, "value"), harmless):
                yield f"variable {name} of container {container} looks like a secret."
    for name, value in ray_variables(object_spec(resource)):
        if is_plain(str(name), value, harmless):
            yield f"variable {name} of the runtime environment looks like a secret."
    if resource.type == "kubernetes:core/v1:ConfigMap":
        data: dict[str, Any] = get(resource.props, "data") or {}
        for key in [key for key in data if is_plain(key, data[key], harmless)] if isinstance(data, dict) else []:
            yield f"key {key} looks like a secret."


RULES: tuple[ResourceRule | StackRule, ...] = (no_plain_secret,)
