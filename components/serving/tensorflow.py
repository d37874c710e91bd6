"""Serving by TensorFlow Serving: a SavedModel, by REST and gRPC."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from components.pods import Mount, container
from components.serving import server
from components.serving.deployment import MODEL_ROOT, ModelServerArgs, autoscaler, deployment
from components.serving.engines import TENSORFLOW
from components.serving.served import Served
from components.workload import Workload

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.networking import v1 as networking

PROGRAM = "/usr/bin/tensorflow_model_server"
REST_PORT, GRPC_PORT = 8501, 8500
GRPC = "grpc"
# Where it looks for a model: a folder with one folder a version, whose name is a number.
SERVED_ROOT = "/serving"
# Where a trainer puts the SavedModel, in the folder of a model.
SAVED_MODEL = "saved_model/1"
SETTINGS, SETTINGS_FOLDER = "settings", "/etc/tensorflow-serving"


@dataclass(frozen=True, kw_only=True)
class Batching:
    """Rows of requests at the same time are computed together, `max_batch_size` at most."""

    max_batch_size: int
    timeout_micros: int
    max_enqueued: int
    threads: int


@dataclass(frozen=True, kw_only=True)
class TensorFlowServerArgs(ModelServerArgs):
    """A server of the SavedModel in a version of a model. The storage has to be one that is mounted."""

    batching: Batching | None = None
    warmup: bool = True


def version_number(version: str) -> int:
    """The version as TensorFlow Serving takes it, a number: that of its ten hex digits. `v00000000ff` is 255."""
    return int(version.removeprefix("v"), 16)


def settings(args: TensorFlowServerArgs) -> dict[str, str]:
    """The server's configuration files by their names, as protocol buffers in text."""
    number = version_number(args.version)
    # A label must not be given before the version is there, unless a flag allows it: the version itself comes by it.
    model = (
        f"name: {json.dumps(args.model)}\n"
        f"    base_path: {json.dumps(f'{SERVED_ROOT}/{args.model}')}\n"
        '    model_platform: "tensorflow"\n'
        f"    model_version_policy {{ specific {{ versions: {number} }} }}\n"
        f"    version_labels {{ key: {json.dumps(args.version)} value: {number} }}"
    )
    files = {
        "models.config": f"model_config_list {{\n  config {{\n    {model}\n  }}\n}}\n",
        "monitoring.config": f'prometheus_config {{ enable: true, path: "{TENSORFLOW.metrics_path}" }}\n',
    }
    if args.batching is not None:
        values = {
            "max_batch_size": args.batching.max_batch_size,
            "batch_timeout_micros": args.batching.timeout_micros,
            "max_enqueued_batches": args.batching.max_enqueued,
            "num_batch_threads": args.batching.threads,
        }
        files["batching.config"] = "".join(f"{name} {{ value: {value} }}\n" for name, value in values.items())
    return files


def settings_name(entry: str, files: Mapping[str, str]) -> str:
    """The name of the ConfigMap: other files are another one, and so other pods."""
    return f"{entry}-{hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:10]}"


def flags(args: TensorFlowServerArgs) -> list[str]:
    return [
        f"--port={GRPC_PORT}",
        f"--rest_api_port={REST_PORT}",
        f"--model_config_file={SETTINGS_FOLDER}/models.config",
        f"--monitoring_config_file={SETTINGS_FOLDER}/monitoring.config",
        "--allow_version_labels_for_unavailable_models=true",
        # The folder of a version never changes: there is nothing to look for.
        "--file_system_poll_wait_seconds=0",
        f"--enable_model_warmup={str(args.warmup).lower()}",
        *(
            ["--enable_batching=true", f"--batching_parameters_file={SETTINGS_FOLDER}/batching.config"]
            if args.batching
            else []
        ),
        *args.program.args,
    ]


def serving_container(args: TensorFlowServerArgs, mounts: Sequence[Mount]) -> core.ContainerArgsDict:
    """The server. The model's folder is mounted a second time, under the number of its version."""
    main = container(
        "server",
        args.program,
        variables={"MODEL_NAME": args.model, "MODEL_VERSION": args.version, "MODEL_ROOT": MODEL_ROOT},
        mounts=mounts,
    )
    main["command"] = list(args.program.command) or [PROGRAM]
    main["args"] = flags(args)
    version: list[core.VolumeMountArgsDict] = [
        {
            "name": mount.volume,
            "mount_path": f"{SERVED_ROOT}/{args.model}/{version_number(args.version)}",
            "sub_path": f"{args.model}/{args.version}/{SAVED_MODEL}",
            "read_only": True,
        }
        for mount in mounts
    ]
    made: Any = main
    made["volume_mounts"] += [*version, {"name": SETTINGS, "mount_path": SETTINGS_FOLDER, "read_only": True}]
    server.answer_and_drain(main, args)
    main["ports"] = [
        {"name": server.HTTP, "container_port": REST_PORT, "protocol": "TCP"},
        {"name": GRPC, "container_port": GRPC_PORT, "protocol": "TCP"},
    ]
    return main


def pods(args: TensorFlowServerArgs, settings_map: str) -> core.PodTemplateSpecArgsDict:
    mounts = args.models.access.mounts(MODEL_ROOT, read_only=True)
    template: Any = server.pod_template(args, serving_container(args, mounts), mounts, revisions=True)
    template["spec"]["volumes"].append({"name": SETTINGS, "config_map": {"name": settings_map}})
    return template


def grpc_policy(args: TensorFlowServerArgs) -> networking.NetworkPolicySpecArgsDict:
    """The NetworkPolicy that lets clients reach the gRPC port, from anywhere as they reach the REST port."""
    return {
        "pod_selector": {"match_labels": args.selector},
        "policy_types": ["Ingress"],
        "ingress": [{"ports": [{"protocol": "TCP", "port": GRPC}]}],
    }


class TensorFlowServer(Served):
    """A SavedModel behind an HTTP address, and at port 8500 of it by gRPC."""

    def __init__(self, name: str, args: TensorFlowServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:serving:TensorFlowServer", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        account = server.service_account(name, args, child)
        grpc_port: core.ServicePortArgsDict = {
            "name": GRPC,
            "port": GRPC_PORT,
            "target_port": GRPC,
            "protocol": "TCP",
            "app_protocol": "kubernetes.io/h2c",
        }
        service = server.service(name, args, child, more_ports=[grpc_port], metrics_path=TENSORFLOW.metrics_path)
        files = settings(args)
        settings_map = settings_name(args.entry, files)
        config_map = k8s.core.v1.ConfigMap(
            f"{name}-settings", metadata=args.metadata(settings_map), data=files, opts=child
        )
        k8s.networking.v1.NetworkPolicy(
            f"{name}-grpc-policy", metadata=args.metadata(f"{args.entry}-grpc"), spec=grpc_policy(args), opts=child
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[account, config_map, args.models, *args.after])
        made = deployment(name, args, pods(args, settings_map), after)
        self.workload = Workload(kind="Deployment", name=made.metadata.name)
        self.service = service.metadata.name
        self.autoscaler = autoscaler(name, args, self.workload.name, child)
        server.disruption_budget(name, args, child)
        self.url = args.cluster.exposure.url(service)
        self.register_outputs({"url": self.url})
