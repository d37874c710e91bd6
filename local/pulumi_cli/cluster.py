"""What recovery asks the cluster of a stack, and does there."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from local import process
from local.errors import Failure
from local.pulumi_cli.recovery import Object, Release

#: States of a revision in which Helm takes an operation for one that is under way, and refuses every other.
PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
KUBECTL = ("kubectl", "--request-timeout=20s")


def find(wanted: Object, environment: Mapping[str, str]) -> Object | None:
    """An object of the cluster by the `apiVersion`, `kind` and `metadata` of another; None when it is not there."""
    names = {key: wanted["metadata"][key] for key in ("namespace", "name") if key in wanted["metadata"]}
    question = {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "metadata": names}
    done = subprocess.run(
        [*KUBECTL, "get", "-f", "-", "--ignore-not-found", "--show-managed-fields", "-o", "json"],
        input=json.dumps(question),
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    # Without its definition there is no object of a kind either.
    if "no matches for kind" in done.stderr:
        return None
    if done.returncode != 0:
        raise Failure(
            f"the cluster cannot be asked for {wanted['kind']} {names['name']}: "
            f"{process.last_words(done.stderr.splitlines())}",
            "start it, or check its kubeconfig, then run the same command again",
        )
    # Of objects that it gets from a stream kubectl makes a list, and nothing of none.
    return next(iter(json.loads(done.stdout)["items"]), None) if done.stdout.strip() else None


def unblock(release: Release, environment: Mapping[str, str]) -> None:
    """Remove Helm's records of an operation that was interrupted, so that Helm takes the next one.

    A first installation that came to its end unseen is in the way too: Helm would not install the release again.
    """
    listed = _kubectl(
        environment,
        *("get", "secrets", "--namespace", release.namespace, "--ignore-not-found", "-o", "json"),
        *("--selector", f"owner=helm,name={release.name}"),
    )
    records: list[Any] = json.loads(listed)["items"] if listed.strip() else []
    for record in records:
        labels = record["metadata"]["labels"]
        unseen = not release.installed and labels["version"] == "1" and len(records) == 1
        if labels["status"] in PENDING or unseen:
            _kubectl(environment, "delete", "secret", record["metadata"]["name"], "--namespace", release.namespace)


def _kubectl(environment: Mapping[str, str], *words: str) -> str:
    return process.output([*KUBECTL, *words], env=environment)
