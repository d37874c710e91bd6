"""Renders charts as an installation would: with the Helm that is inside Pulumi's provider, and without a cluster."""

import json
import os
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from local.errors import Failure
from local.toolchain.tools import KUBERNETES

# Charts with their definitions are tens of megabytes.
_LIMITS = [("grpc.max_receive_message_length", 400 * 2**20)]
_SECONDS = 300
# Nothing listens there: a chart that asks for the cluster's own version gets the one that is said.
_NOWHERE = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "nowhere",
    "clusters": [{"name": "nowhere", "cluster": {"server": "http://127.0.0.1:1"}}],
    "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
    "users": [{"name": "nobody", "user": {}}],
}


class _Engine(engine_pb2_grpc.EngineServicer):
    """What a provider talks to. It only says that it has no cluster."""

    def Log(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        del request, context
        return empty_pb2.Empty()


def render(
    provider: Path, chart: Path, values: Mapping[str, Any], *, namespace: str = "default"
) -> list[dict[str, Any]]:
    """The objects that a chart's archive becomes, its own CRDs and hooks among them. Failure says why it cannot.

    `provider` is the program `pulumi-resource-kubernetes`.
    """
    options = {
        "path": str(chart),
        "release_name": "rendered",
        "namespace": namespace,
        "values": values,
        "kube_version": KUBERNETES.removeprefix("v"),
    }
    arguments = struct_pb2.Struct()
    arguments.update({"jsonOpts": json.dumps(options)})
    request = provider_pb2.InvokeRequest(tok="kubernetes:helm:template", args=arguments)
    try:
        with _running(provider) as stub:
            answer = stub.Invoke(request, timeout=_SECONDS)
    except grpc.RpcError as error:
        reason = error.details() if isinstance(error, grpc.Call) else str(error)
        raise Failure(f"the chart {chart.name} cannot be rendered: {reason}", "correct its values") from None
    return rpc.deserialize_properties(getattr(answer, "return"))["result"]


@contextmanager
def _running(provider: Path) -> Generator[provider_pb2_grpc.ResourceProviderStub]:
    engine = grpc.server(ThreadPoolExecutor(max_workers=1))
    engine_pb2_grpc.add_EngineServicer_to_server(_Engine(), engine)
    port = engine.add_insecure_port("127.0.0.1:0")
    engine.start()
    try:
        # The provider leaves a kubeconfig behind in the folder for temporary files.
        with (
            tempfile.TemporaryDirectory() as folder,
            subprocess.Popen(
                [provider, f"127.0.0.1:{port}"],
                env={**os.environ, "TMPDIR": folder},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ) as process,
        ):
            assert process.stdout is not None
            try:
                address = f"127.0.0.1:{process.stdout.readline().strip()}"
                with grpc.insecure_channel(address, options=_LIMITS) as channel:
                    stub = provider_pb2_grpc.ResourceProviderStub(channel)
                    config = {"kubernetes:config:kubeconfig": json.dumps(_NOWHERE)}
                    stub.Configure(provider_pb2.ConfigureRequest(variables=config), timeout=_SECONDS)
                    yield stub
            finally:
                process.terminate()
    finally:
        engine.stop(None)
