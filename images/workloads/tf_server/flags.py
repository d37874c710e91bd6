"""The flags and files of `tensorflow_model_server`, as far as this server honours them."""

import argparse
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from .batching import Batching

# Without types: the packages are in the image, not in the development environment.
text_format: Any = import_module("google.protobuf.text_format")
model_server_config: Any = import_module("tensorflow_serving.config.model_server_config_pb2")


class FlagError(Exception):
    """A wrong flag, or a wrong file that one names; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class Versions:
    """Which version folders of a model are served: the newest `latest`, or just those of `specific`, or all."""

    latest: int | None = 1
    specific: frozenset[int] = frozenset()

    def of(self, there: Iterable[int]) -> list[int]:
        if self.specific:
            return [version for version in there if version in self.specific]
        return sorted(there)[-self.latest :] if self.latest else sorted(there)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A model: its versions are folders of `base`. `labels` name some of them."""

    name: str
    base: Path
    versions: Versions
    labels: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the server does. `metrics_path` is None where nobody asks for metrics."""

    grpc_port: int
    rest_port: int
    models: tuple[ModelConfig, ...]
    batching: Batching | None
    warmup: bool
    poll_seconds: float
    metrics_path: str | None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: error: {message}\n")


def parse(argv: Sequence[str]) -> Options:
    """The options of a command line. Raises FlagError; ends with code 64 for an unknown flag."""
    args = _parser().parse_args(argv)
    return Options(
        grpc_port=args.port,
        rest_port=args.rest_api_port,
        models=_models(args),
        batching=_batching(args.batching_parameters_file) if args.enable_batching else None,
        warmup=args.enable_model_warmup,
        poll_seconds=args.file_system_poll_wait_seconds,
        metrics_path=_metrics_path(args.monitoring_config_file),
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="tensorflow_model_server", allow_abbrev=False)
    parser.add_argument("--port", type=int, default=8500)
    parser.add_argument("--rest_api_port", type=int, default=0)
    parser.add_argument("--model_name", default="default")
    parser.add_argument("--model_base_path", default="")
    parser.add_argument("--model_config_file", default="")
    parser.add_argument("--batching_parameters_file", default="")
    parser.add_argument("--monitoring_config_file", default="")
    parser.add_argument("--file_system_poll_wait_seconds", type=float, default=1)
    for flag, default in (
        ("--enable_batching", False),
        ("--enable_model_warmup", True),
        # A label of a version that is not loaded is refused at each request here, so this changes nothing.
        ("--allow_version_labels_for_unavailable_models", False),
    ):
        parser.add_argument(flag, type=_truth, nargs="?", const=True, default=default)
    # Taken and of no effect: KServe's runtime gives it.
    parser.add_argument("--rest_api_timeout_in_ms", type=int, default=30000)
    return parser


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() in ("true", "1")


def _models(args: argparse.Namespace) -> tuple[ModelConfig, ...]:
    if not args.model_config_file:
        if not args.model_base_path:
            raise FlagError("neither --model_base_path nor --model_config_file is given")
        base = Path(args.model_base_path)
        return (ModelConfig(name=args.model_name, base=base, versions=Versions(), labels={}),)
    config = model_server_config.ModelServerConfig()
    try:
        text_format.Parse(_read(args.model_config_file), config)
    except text_format.ParseError as error:
        raise FlagError(f"{args.model_config_file}: {error}") from None
    return tuple(_model(one) for one in config.model_config_list.config)


def _model(config: Any) -> ModelConfig:
    policy, versions = config.model_version_policy, Versions()
    if policy.HasField("all"):
        versions = Versions(latest=None)
    elif policy.HasField("specific"):
        versions = Versions(specific=frozenset(policy.specific.versions))
    elif policy.HasField("latest"):
        versions = Versions(latest=policy.latest.num_versions or 1)
    return ModelConfig(
        name=config.name, base=Path(config.base_path), versions=versions, labels=dict(config.version_labels)
    )


def _batching(file: str) -> Batching:
    """The parameters of a file of BatchingParameters; those that it leaves out are TensorFlow Serving's."""
    values = dict(re.findall(r"(\w+)\s*:?\s*\{\s*value\s*:\s*(\d+)\s*\}", _read(file))) if file else {}
    size = int(values.get("max_batch_size", Batching.size))
    return Batching(size=size, seconds=int(values.get("batch_timeout_micros", 0)) / 1e6)


def _metrics_path(file: str) -> str | None:
    """The path of a file of MonitoringConfig that enables Prometheus."""
    text = _read(file) if file else ""
    if not re.search(r"enable\s*:\s*true", text):
        return None
    path = re.search(r"path\s*:\s*[\"']([^\"']+)[\"']", text)
    return path[1] if path else "/monitoring/prometheus/metrics"


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise FlagError(f"{file}: {error.strerror}") from None
