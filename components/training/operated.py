"""What trainings that an operator runs have in common: a versioned object in the team's queue, followed to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.jobs import QUEUE_LABELS
from components.labels import object_labels, platform_labels
from components.platform.versioning import version_of
from components.training.engines import EngineFacts
from components.training.gang import Caller, GangTraffic, GangTrafficArgs
from components.training.job import make_ground
from components.training.outcome import Outcome, OutcomeArgs
from components.training.recipe import (
    COMPONENT,
    OperatedArgs,
    TrainingArgs,
    model_folder,
    model_variables,
)
from components.training.trained import Trained
from components.workload import Workload

# How much longer Pulumi waits for the outcome than the outcome waits for the training, so that its reason is shown.
REPORT_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One version of a training. `name` is that of its object; `recipe` is all that its pods run."""

    name: str
    version: str
    recipe: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class OperatedEngine:
    """How an engine writes a training down as an object.

    `recipe` gives what the version is a hash of, from the variables of its containers: all that decides what is
    trained, and no deadline. `job` gives the spec of the object. `runtime` is the kind of a second object that holds
    the recipe under the same name, for an engine whose object only refers to it. `queue_fields` are the fields, beside
    the one that suspends it, that Kueue writes into an admitted object. `callers` connect to its pods from outside, and
    those of its pods that have the labels `api_clients` ask the API server.
    """

    facts: EngineFacts
    recipe: Callable[[TrainingArgs, Mapping[str, str]], dict[str, Any]]
    job: Callable[[TrainingArgs, Planned], dict[str, Any]]
    runtime: str | None = None
    queue_fields: tuple[str, ...] = ()
    callers: tuple[Caller, ...] = ()
    api_clients: Mapping[str, str] | None = None


def plan(engine: OperatedEngine, args: TrainingArgs, data_dir: str) -> Planned:
    """The training whose pods read `data_dir` and write `<model root>/<model>/<version>`."""
    variables = {"DATA_DIR": data_dir, "MODEL_NAME": args.model}
    version = version_of({"spec": engine.recipe(args, variables), "model": args.model, "rerun": args.rerun})
    recipe = engine.recipe(args, {**variables, **model_variables(args, version)})
    return Planned(name=f"{args.entry}-{version}", version=version, recipe=recipe)


def suspended(spec: dict[str, Any], facts: EngineFacts) -> dict[str, Any]:
    """The spec of an object that its queue starts."""
    key, _, below = facts.suspend.partition(".")
    return {**spec, key: {**spec.get(key, {}), below: True} if below else True}


class OperatedTraining(Trained):
    """A model that pods of an operator's object trained together: they succeeded when this component is there."""

    engine: OperatedEngine

    def __init__(self, name: str, args: OperatedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"mlplatform:training:{type(self).__name__}", name, None, opts)
        engine, training = self.engine, args.training
        facts = engine.facts
        ground = make_ground(name, training, self)
        planned = plan(engine, training, ground.data_dir)
        instance = f"{training.entry}-train"
        labels = object_labels(training.owner, name=training.entry, component=COMPONENT, instance=instance)
        traffic = GangTraffic(
            f"{name}-traffic",
            GangTrafficArgs(
                namespace=training.namespace,
                name=f"{training.entry}-gang",
                labels=labels,
                pods=platform_labels(training.owner, name=training.entry, component=COMPONENT, instance=instance),
                callers=engine.callers,
                api_clients=engine.api_clients,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        metadata = {"name": planned.name, "namespace": training.namespace, "labels": labels}
        needed: list[pulumi.Resource] = [*ground.needed, *args.after]
        if engine.runtime is not None:
            runtime = k8s.apiextensions.CustomResource(
                f"{name}-runtime-{planned.version}",
                api_version=facts.api_version,
                kind=engine.runtime,
                metadata=metadata,
                spec=planned.recipe,
                opts=pulumi.ResourceOptions(parent=self, depends_on=needed),
            )
            needed = [runtime]
        spec = engine.job(training, planned)
        job = k8s.apiextensions.CustomResource(
            f"{name}-train-{planned.version}",
            api_version=facts.api_version,
            kind=facts.kind,
            metadata={**metadata, "labels": {**labels, **training.queue_labels}},
            spec=suspended(spec, facts) if training.waits_in_queue else spec,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*needed, traffic],
                ignore_changes=[f"spec.{facts.suspend}", *QUEUE_LABELS, *engine.queue_fields],
            ),
        )
        patience = f"{training.patience_seconds + REPORT_SECONDS}s"
        Outcome(
            f"{name}-outcome-{planned.version}",
            OutcomeArgs(
                connection=args.connection,
                facts=facts,
                namespace=training.namespace,
                name=planned.name,
                patience_seconds=training.patience_seconds,
                retries=training.retries,
            ),
            pulumi.ResourceOptions(
                parent=self, depends_on=[job], custom_timeouts=pulumi.CustomTimeouts(create=patience)
            ),
        )
        self.version = planned.version
        self.model = training.model
        self.model_path = model_folder(training, planned.version)
        self.data_path = ground.data_dir
        self.workload = Workload(kind=facts.kind, name=pulumi.Output.from_input(planned.name))
        self.register_outputs({"job": self.workload.name, "version": self.version})
