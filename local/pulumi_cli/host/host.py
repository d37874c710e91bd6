"""Pulumi's language host for Python, where the official one cannot be had: it is no Go module that can be built.

The Pulumi CLI starts this program, reads a port from its first line of output and talks to it over gRPC (the
`LanguageRuntime` service of the Pulumi SDK). It runs the Pulumi program (`program.py` beside this file) and policy
packs with the Python that runs the host itself, and stays to be ended by the CLI.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

#: A Pulumi program that says itself what is wrong ends with this code: the CLI adds nothing to its words.
ALREADY_REPORTED = 32
#: How often the host looks whether the CLI is still there.
WATCH_SECONDS = 2.0
#: Python packages whose provider plugin the CLI should load before the program runs.
PROVIDERS = ("pulumi-kubernetes",)


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The calls that `pulumi up`, `preview`, `refresh`, `destroy` and `--policy-pack` make."""

    def __init__(self) -> None:
        self.engine = ""
        self.running: set[subprocess.Popen[bytes]] = set()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(
                    name=package.removeprefix("pulumi-"),
                    version=f"v{metadata.version(package)}",
                    kind="resource",
                )
                for package in PROVIDERS
            ]
        )

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=item.name, version=item.version) for item in metadata.distributions()
            ]
        )

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        yield language_pb2.InstallDependenciesResponse(
            stdout=b"The Python environment is locked: 'make up' installs it.\n"
        )

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.RuntimeOptionsResponse()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        for process in tuple(self.running):
            process.terminate()
        return empty_pb2.Empty()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        settings = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
            "dry_run": request.dryRun,
            "parallel": request.parallel,
            "monitor": request.monitor_address,
            "engine": self.engine,
            "program": os.path.normpath(
                Path(request.info.program_directory or request.pwd) / (request.info.entry_point or request.program)
            ),
        }
        environment = os.environ | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        command = [sys.executable, "-u", str(Path(__file__).with_name("program.py")), json.dumps(settings)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=request.pwd or None, env=environment) as process:
            self.running.add(process)
            code = process.wait()
            self.running.discard(process)
        if code == 0:
            return language_pb2.RunResponse()
        if code == ALREADY_REPORTED:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"the Python program ended with code {code}")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        if request.kind == "analyzer":
            # The engine names its address only; the pack wants to know its own folder too.
            folder = request.info.program_directory or request.program
            command = [sys.executable, "-u", "-m", "pulumi.policy", *request.args, folder]
        else:
            command = [sys.executable, "-u", request.info.program_directory or request.program, *request.args]
        environment = os.environ | dict(pair.split("=", 1) for pair in request.env)
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=request.pwd or None,
            env=environment,
        ) as process:
            self.running.add(process)
            context.add_callback(process.terminate)
            yield from _stream(process)
            self.running.discard(process)
            yield language_pb2.RunPluginResponse(exitcode=process.wait())


def _stream(process: subprocess.Popen[bytes]) -> Iterator[Any]:
    """Both outputs of a process as they come, line by line, until both are closed."""
    import queue

    lines: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def read(pipe: Any, name: str) -> None:
        for line in pipe:
            lines.put(language_pb2.RunPluginResponse(**{name: line}))
        lines.put(None)

    for pipe, name in ((process.stdout, "stdout"), (process.stderr, "stderr")):
        threading.Thread(target=read, args=(pipe, name), daemon=True).start()
    open_pipes = 2
    while open_pipes:
        item = lines.get()
        if item is None:
            open_pipes -= 1
        else:
            yield item


def main() -> None:
    # Messages carry whole preview graphs: no limit on their size, as the official host.
    starter = os.getppid()
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=8),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    host = LanguageHost()
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    # The CLI ends its plugins with an interrupt; one that was killed ends nothing, and the host gets another parent.
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(WATCH_SECONDS) and os.getppid() == starter:
        pass
    server.stop(grace=None)
    for process in tuple(host.running):
        process.terminate()


if __name__ == "__main__":
    main()
