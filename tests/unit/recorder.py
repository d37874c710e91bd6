"""Pulumi without an engine: what a program registers is recorded, with its options. Nothing else happens."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2

CLUSTER_IP = "10.0.0.7"
NODE_PORT = 30080
STACK = "pulumi:pulumi:Stack"


def without_versions(text: str) -> str:
    """A logical name or URN without the version at its end, which changes with what a Job runs."""
    return re.sub(r"-v[0-9a-f]{10}$", "", text)


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the engine would get it: property names as in Kubernetes manifests."""

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    inputs: dict[str, Any]
    depends_on: frozenset[str]
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    ignore_changes: tuple[str, ...]
    provider: str
    create_timeout: str

    @property
    def stable_name(self) -> str:
        """The logical name without the version that the Jobs of a training have at its end."""
        return without_versions(self.name)

    @property
    def kind(self) -> str:
        """The last part of the type: `Deployment` of `kubernetes:apps/v1:Deployment`."""
        return self.type.rsplit(":", 1)[-1]

    @property
    def labels(self) -> dict[str, str]:
        return self.inputs["metadata"].get("labels", {})


class Graph:
    """All that a program registered, in order."""

    def __init__(self) -> None:
        self.registrations: list[Registration] = []

    def urns(self) -> list[str]:
        return sorted(registration.urn for registration in self.registrations)

    def of_kind(self, kind: str) -> list[Registration]:
        return [registration for registration in self.registrations if registration.kind == kind]

    def one(self, kind: str, name: str | None = None) -> Registration:
        """The only resource of a kind, or of that stable name too. AssertionError when it is not one."""
        found = [found for found in self.of_kind(kind) if name is None or found.stable_name == name]
        assert len(found) == 1, f"{len(found)} of {kind} {name or ''}: {[known.name for known in self.of_kind(kind)]}"
        return found[0]

    def objects(self) -> list[Registration]:
        """The Kubernetes objects."""
        return [found for found in self.registrations if found.type.startswith("kubernetes:")]

    def by_urn(self) -> dict[str, Registration]:
        return {registration.urn: registration for registration in self.registrations}

    def before(self, registration: Registration) -> set[str]:
        """URNs of all that must be there before it: its dependencies, theirs, and so on."""
        known, found, new = self.by_urn(), set[str](), set(registration.depends_on)
        while new:
            found |= new
            new = {after for urn in new if urn in known for after in known[urn].depends_on} - found
        return found


class Engine(mocks.Mocks):
    """Answers as an API server would where the program needs it, and refuses lookups that nobody declared."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        state = dict(args.inputs)
        if args.typ == "kubernetes:core/v1:Service":
            spec = state["spec"]
            ports = [{**port, "nodePort": NODE_PORT} for port in spec["ports"]]
            state["spec"] = {**spec, "clusterIP": CLUSTER_IP, "ports": ports}
            state["status"] = {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}
        return f"{args.name}-id", state

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise LookupError(f"undeclared lookup: {args.token}")


class Recorder(mocks.MockMonitor):
    """Keeps the options too, which mocks never see."""

    def __init__(self, graph: Graph, engine: Engine | None = None) -> None:
        super().__init__(engine or Engine())
        self.graph = graph

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine makes them: the types of all parents but the stack, and not just of the nearest."""
        chain = parent.split("::")[2] if parent else STACK
        qualified = type_ if chain == STACK else f"{chain}${type_}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{qualified}::{name}"

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802
        answer = super().RegisterResource(request)
        if request.type != STACK:
            self.graph.registrations.append(
                Registration(
                    urn=answer.urn,
                    type=request.type,
                    name=request.name,
                    parent=request.parent,
                    custom=request.custom,
                    inputs=rpc.deserialize_properties(request.object),
                    depends_on=frozenset(request.dependencies),
                    protect=request.protect,
                    retain_on_delete=request.retainOnDelete,
                    delete_before_replace=request.deleteBeforeReplace,
                    ignore_changes=tuple(request.ignoreChanges),
                    provider=request.provider,
                    create_timeout=request.customTimeouts.create,
                )
            )
        return answer


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What a program registered, and what it returned, with all outputs resolved."""

    graph: Graph
    result: Any


@contextmanager
def event_loops() -> Generator[None]:
    """A loop for Pulumi here, and one in the thread that answers its calls; both are closed in the end."""
    ours, answering = asyncio.new_event_loop(), asyncio.new_event_loop()
    # One thread: calls are answered in the order in which they are made.
    executor = ThreadPoolExecutor(max_workers=1, initializer=asyncio.set_event_loop, initargs=(answering,))
    ours.set_default_executor(executor)
    asyncio.set_event_loop(ours)
    try:
        yield
    finally:
        executor.shutdown()
        answering.close()
        ours.close()
        asyncio.set_event_loop(None)


def deploy(
    program: Callable[[], Any],
    *,
    stack: str = "test",
    monitor: Callable[[Graph], Recorder] = Recorder,
    preview: bool = False,
) -> Deployed:
    """Runs a program to its end, all registrations drained, so that absence can be asserted too."""
    graph = Graph()
    results: list[Any] = []

    def collecting() -> pulumi.Output[None]:
        return pulumi.Output.from_input(program()).apply(results.append)

    with event_loops():
        # set_mocks keeps an earlier root stack, and with it that one's children.
        pulumi.runtime.reset_options()
        pulumi.runtime.set_mocks(Engine(), project="ml-platform", stack=stack, preview=preview, monitor=monitor(graph))
        mocks.test(collecting)()
    return Deployed(graph=graph, result=results[0])
