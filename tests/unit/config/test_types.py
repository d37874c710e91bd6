"""The annotated types: what each takes, and a part of what it says of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.language import images as image_names
from stacks.language import types
from stacks.serving import types as serving_types
from stacks.serving.engines import tensorflow
from stacks.teams import types as teams_types
from stacks.workloads import schedule
from stacks.workloads import types as workloads_types

DIGEST = "sha256:" + "0123456789abcdef" * 4

GOOD: list[tuple[Any, Any, Any]] = [
    (types.check_cpu, "500m", "500m"),
    (types.check_cpu, 2, "2"),
    (types.check_cpu, 0.25, "0.25"),
    (types.check_memory, "6Mi", "6Mi"),
    (types.check_memory, 1073741824, "1073741824"),
    (types.check_size, "1e9", "1e9"),
    (types.check_duration, 90, 90),
    (types.check_duration, "90s", 90),
    (types.check_duration, "1h30m", 5400),
    (types.check_duration, "7d", 604800),
    (types.check_duration, "1d2h3m4s", 93784),
    (types.check_name, "a", "a"),
    (types.check_name, "a" * 40, "a" * 40),
    (teams_types.check_namespace, "3d-vision", "3d-vision"),
    (types.check_object_name, "nfs.csi.example.org", "nfs.csi.example.org"),
    (types.check_label_key, "node.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
    (types.check_own_label_key, "example.org/tier", "example.org/tier"),
    (types.check_own_label_key, "notkubernetes.io/tier", "notkubernetes.io/tier"),
    (types.check_label_value, "", ""),
    (types.check_label_value, "A_b.c-1", "A_b.c-1"),
    (workloads_types.check_env_name, "_A1", "_A1"),
    (types.check_group, "oidc:Team Äther", "oidc:Team Äther"),
    (serving_types.check_version, "v0123456789", "v0123456789"),
    (serving_types.check_path, "/v1/models/a:predict", "/v1/models/a:predict"),
    (types.check_cidr, "10.20.0.0/16", "10.20.0.0/16"),
    (serving_types.check_amount, 0, 0),
    (serving_types.check_amount, "100%", "100%"),
    (schedule.check_schedule, "0 3 * * *", "0 3 * * *"),
    (schedule.check_schedule, "*/15 0-6,22 1 JAN-mar mon-FRI/2", "*/15 0-6,22 1 JAN-mar mon-FRI/2"),
    (schedule.check_schedule, "@weekly", "@weekly"),
    (schedule.check_time_zone, "Europe/Berlin", "Europe/Berlin"),
    (tensorflow.check_batch_timeout, "5ms", 5000),
    (tensorflow.check_batch_timeout, "0us", 0),
    (tensorflow.check_batch_timeout, "10s", 10_000_000),
    (image_names.check_image, "trainer", "trainer"),
    (image_names.check_image, "python:3.11-slim", "python:3.11-slim"),
    (image_names.check_image, "localhost:5000/a/b_c--d.e:V1.0_x", "localhost:5000/a/b_c--d.e:V1.0_x"),
    (image_names.check_image, f"registry.example/a@{DIGEST}", f"registry.example/a@{DIGEST}"),
    (image_names.check_image, f"registry.example/a:latest@{DIGEST}", f"registry.example/a:latest@{DIGEST}"),
    (image_names.check_registry, "Registry.example:5000/ml/samples", "Registry.example:5000/ml/samples"),
]

BAD: list[tuple[Any, Any, str]] = [
    (schedule.check_schedule, "0 3 * * 7", "'7' is no day of the week from 0 to 6"),
    (schedule.check_schedule, "0 3 0 * *", "'0' is no day of the month from 1 to 31"),
    (schedule.check_schedule, "0 3 * foo *", "'foo' is no month"),
    (schedule.check_schedule, "*-5 * * * *", "'*-5' is no minute"),
    (schedule.check_schedule, "0,,5 * * * *", "'' is no minute"),
    (schedule.check_schedule, "@nightly", "has 1 fields"),
    (schedule.check_time_zone, "CEST", "not a time zone"),
    (tensorflow.check_batch_timeout, "10001ms", "up to 10 seconds"),
    (tensorflow.check_batch_timeout, True, "up to 10 seconds"),
    (types.check_cpu, "0.0001", "whole number of millicores"),
    (types.check_cpu, -1, "above 0"),
    (types.check_cpu, False, "false is not a quantity"),
    (types.check_cpu, None, "null is not a quantity"),
    (types.check_memory, "1", "is 1 bytes, the least is 6Mi"),
    (types.check_memory, "10485760.5", "not a whole number of bytes"),
    (types.check_size, "1023Ki", "is below the least, 1Mi"),
    (types.check_duration, "", "not a duration"),
    (types.check_duration, "0s", "not a duration"),
    (types.check_duration, "1m1h", "not a duration"),
    (types.check_duration, "400d", "between 1 second and 366 days"),
    (types.check_duration, True, "not a duration"),
    (types.check_duration, 1.5, "not a duration"),
    (types.check_name, "a" * 41, "at most 40 characters"),
    (types.check_name, "1a", "a letter first"),
    (types.check_name, "a\n", "not a name"),
    (teams_types.check_namespace, "kube-public", "reserved"),
    (teams_types.check_namespace, "default", "reserved"),
    (teams_types.check_namespace, "a" * 64, "at most 63"),
    (types.check_object_name, "a..b", "not an object's name"),
    (types.check_label_key, "a/b/c", "not a label key"),
    (types.check_label_key, "/a", "not a label key"),
    (types.check_label_key, "a" * 64, "not a label key"),
    (types.check_own_label_key, "kubernetes.io/a", "belongs to Kubernetes"),
    (types.check_own_label_key, "app.kubernetes.io/name", "belongs to Kubernetes"),
    (types.check_own_label_key, "ml-platform/team", "belongs to Kubernetes or the platform"),
    (types.check_label_value, "-a", "not a label value"),
    (workloads_types.check_env_name, "1A", "no digit first"),
    (types.check_group, "system:masters", "a group of Kubernetes itself"),
    (types.check_group, " a", "not a group"),
    (types.check_group, "", "not a group"),
    (serving_types.check_version, "v01234567", "ten hex digits"),
    (serving_types.check_version, "v0123456789\n", "ten hex digits"),
    (serving_types.check_path, "healthz", 'begin with "/"'),
    (serving_types.check_path, "/a b", "not a URL path"),
    (types.check_secret_key, "a/b", "not a key of a Secret"),
    (types.check_filled, "  ", "empty"),
    (types.check_filled, "a\0", "empty"),
    (types.check_cidr, "10.20.0.1/16", "did you mean '10.20.0.0/16'?"),
    (types.check_cidr, "10.20.0.0", "did you mean '10.20.0.0/32'?"),
    (types.check_cidr, "10.20.0.0/33", "not a CIDR block"),
    (types.check_cidr, "fd00::/8", "not a CIDR block"),
    (serving_types.check_amount, "1", "not a number of pods or a percentage"),
    (serving_types.check_amount, "101%", "not a number of pods"),
    (serving_types.check_amount, -1, "not a number of pods"),
    (serving_types.check_amount, True, "not a number of pods"),
    (image_names.check_image, "trainer2", "did you mean 'trainer'?"),
    (image_names.check_image, "../trainer", "not an image reference"),
    (image_names.check_image, "a/b", "has no tag"),
    (image_names.check_image, "a/b:latest", "which moves"),
    (image_names.check_image, "a/b:-x", "not an image reference"),
    (image_names.check_image, "a//b:1", "not an image reference"),
    (image_names.check_image, f"a@{DIGEST}0", "not an image reference"),
    (image_names.check_image, 5, "not an image"),
    (image_names.check_registry, "localhost/", "not a registry"),
    (image_names.check_registry, "localhost/a:1", "not a registry"),
]


@pytest.mark.parametrize(("check", "value", "kept"), GOOD)
def test_taken(check: Any, value: Any, kept: Any):
    assert check(value) == kept


@pytest.mark.parametrize(("check", "value", "message"), BAD)
def test_refused(check: Any, value: Any, message: str):
    with pytest.raises(ValueError) as error:  # noqa: PT011  (the message is compared below, as it is)
        check(value)
    assert message in str(error.value)


def test_a_name_leaves_room_for_what_is_added_to_it():
    longest = "a" * types.LONGEST_NAME
    for suffix in ("-prepare-v0123456789", "-train-v0123456789", "-v0123456789-worker-127"):
        assert len(longest + suffix) <= 63


def test_a_sample_resolves_to_its_content(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(image_names.images, "content_tag", lambda name: f"content-of-{name}")
    resolve = image_names.resolve_image
    assert resolve("trainer", "localhost/ml-platform") == "localhost/ml-platform/trainer:content-of-trainer"
    assert resolve("a/b:1", "localhost/ml-platform") == "a/b:1"
    assert resolve("python:3.11", "localhost/ml-platform") == "python:3.11"
