"""The pack: the rules, wired to the policy SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policy.graph.resources import Resource, Stack
from policy.graph.values import UNKNOWN
from policy.rules import RULES
from policy.rules.model import Level, ResourceRule, Setting, StackRule

NAME = "ml-platform"
LEVELS = {Level.MANDATORY: EnforcementLevel.MANDATORY, Level.ADVISORY: EnforcementLevel.ADVISORY}


def without_proxies(value: Any) -> Any:
    """A value without the SDK's proxies, which raise where it is not known yet: it becomes `UNKNOWN`."""
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        return {key: known(lambda key=key: mapping[key]) for key in mapping}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        sequence = cast("Sequence[Any]", value)
        return [known(lambda index=index: sequence[index]) for index in range(len(sequence))]
    return value


class Inputs(Mapping[str, Any]):
    """The inputs of a resource as plain values, each made when a rule first looks at it.

    The SDK hands all resources to every rule of a stack, and most rules look at few of them.
    """

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        self._inputs = inputs
        self._made: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._made:
            self._made[key] = known(lambda: self._inputs[key])
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._inputs)

    def __len__(self) -> int:
        return len(self._inputs)


def known(read: Callable[[], Any]) -> Any:
    try:
        return without_proxies(read())
    except UnknownValueError:
        return UNKNOWN


def resource_of(args: Any) -> Resource:
    """A rule's view of what the SDK hands over: `ResourceValidationArgs` or `PolicyResource`."""
    references = getattr(args, "property_dependencies", None) or {}
    return Resource(
        type=args.resource_type,
        urn=args.urn,
        name=args.name,
        props=Inputs(args.props),
        protect=bool(args.opts.protect),
        references={key: [target.urn for target in targets] for key, targets in references.items()},
        provider=Inputs(args.provider.props) if args.provider else {},
    )


def schema(settings: Mapping[str, Setting]) -> PolicyConfigSchema | None:
    """What a policy configuration may say about a rule."""
    if not settings:
        return None
    return PolicyConfigSchema(properties={key: _schema(setting) for key, setting in settings.items()})


def _schema(setting: Setting) -> dict[str, Any]:
    shared = {"description": setting.description}
    if isinstance(setting.default, int):
        return {**shared, "type": "integer", "default": setting.default}
    return {**shared, "type": "array", "items": {"type": "string"}, "default": list(setting.default)}


def resource_policy(rule: ResourceRule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if rule.types and args.resource_type not in rule.types:
            return
        resource = resource_of(args)
        for fault in rule.check(resource, rule.with_defaults(args.get_config())):
            report(f"{resource.label}: {fault} {rule.remedy}", None)

    return ResourceValidationPolicy(
        name=rule.name,
        description=rule.description,
        enforcement_level=LEVELS[rule.level],
        config_schema=schema(rule.settings),
        remediation_steps=rule.remedy,
        validate=validate,
    )


def stack_policy(rule: StackRule) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        stack = Stack([resource_of(resource) for resource in args.resources])
        for resource, fault in rule.check(stack, rule.with_defaults(args.get_config())):
            report(f"{resource.label}: {fault} {rule.remedy}", resource.urn)

    return StackValidationPolicy(
        name=rule.name,
        description=rule.description,
        enforcement_level=LEVELS[rule.level],
        config_schema=schema(rule.settings),
        remediation_steps=rule.remedy,
        validate=validate,
    )


def policies() -> list[Policy]:
    return [resource_policy(rule) if isinstance(rule, ResourceRule) else stack_policy(rule) for rule in RULES]


def serve() -> None:
    """Answer the engine's questions until it ends this process."""
    PolicyPack(name=NAME, enforcement_level=EnforcementLevel.MANDATORY, policies=policies())
