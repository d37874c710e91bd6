"""Rolls Deployments when a Secret that they name has become another. Standard library only: it runs from a ConfigMap.

It works in the namespaces of `NAMESPACES` and nowhere else, on Deployments with the label `ml-platform/rotation`, whose
annotation of that name lists Secrets. Of a Secret it asks for the metadata alone: no value comes into this process.
What it notes is the Secret's `resourceVersion`, a counter of the API server's, which says nothing of the value.

A Deployment is rolled by another annotation of its pods, as any change of it is: at its own pace, within its disruption
budget, and back to the old pods where new ones do not become ready.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MARK = "ml-platform/rotation"
VERSION = "secrets.ml-platform"
MANAGER = "ml-platform-rotation"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
# Nobody refused what is not there yet: a team's role comes after this program, a Secret after its ExternalSecret.
NOT_YET = (403, 404)

Call = Callable[[str, str, "Mapping[str, Any] | None"], Any]


def changed_at(secret: Mapping[str, Any]) -> str:
    """When a Secret was last changed, as far as the API server notes it; its creation at least."""
    metadata = secret["metadata"]
    times = [entry.get("time", "") for entry in metadata.get("managedFields") or []]
    return max([metadata["creationTimestamp"], *times])


def news(deployment: Mapping[str, Any], secrets: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, str], bool]:
    """The versions to note on a Deployment, and whether its pods have to read the Secrets anew.

    A Secret that is seen for the first time is what the pods have read, unless it changed after the Deployment came.
    """
    metadata = deployment["metadata"]
    known = metadata.get("annotations") or {}
    notes: dict[str, str] = {}
    rolls = False
    for name, secret in secrets.items():
        key, version = f"{VERSION}/{name}", secret["metadata"]["resourceVersion"]
        if known.get(key) == version:
            continue
        notes[key] = version
        rolls = rolls or key in known or changed_at(secret) > metadata["creationTimestamp"]
    return notes, rolls


def patch_of(notes: Mapping[str, str], *, rolls: bool) -> dict[str, Any]:
    """The merge patch of a Deployment that notes the versions, and rolls it if asked."""
    patch: dict[str, Any] = {"metadata": {"annotations": dict(notes)}}
    if rolls:
        patch["spec"] = {"template": {"metadata": {"annotations": dict(notes)}}}
    return patch


def look(namespace: str, call: Call) -> list[str]:
    """One look at a namespace. Returns what was done, for the log."""
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    query = urllib.parse.urlencode({"labelSelector": MARK})
    found = call("GET", f"{deployments}?{query}", None)
    done: list[str] = []
    for deployment in found["items"] if found else []:
        name = deployment["metadata"]["name"]
        wanted = (deployment["metadata"].get("annotations") or {}).get(MARK, "").split(",")
        secrets = {
            secret: metadata
            for secret in filter(None, wanted)
            if (metadata := call("GET", f"/api/v1/namespaces/{namespace}/secrets/{secret}", None))
        }
        notes, rolls = news(deployment, secrets)
        if notes:
            call("PATCH", f"{deployments}/{name}?fieldManager={MANAGER}", patch_of(notes, rolls=rolls))
            what = "rolled for" if rolls else "noted"
            done.append(f"{namespace}/{name}: {what} {', '.join(sorted(key.partition('/')[2] for key in notes))}")
    return done


def api_server() -> Call:
    """Calls of the API server as the pod's service account. None is the answer to what is not there, or not yet."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))

    def call(method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        request = urllib.request.Request(
            f"https://{host}:{port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                # The kubelet brings a new token long before this one ends.
                "Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}",
                "Accept": METADATA if "/secrets/" in path else "application/json",
                "Content-Type": "application/merge-patch+json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10, context=trust) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in NOT_YET:
                return None
            raise

    return call


class Pulse:
    """When the last look went well, which a probe asks for."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.last = float("-inf")

    def beat(self) -> None:
        self.last = time.monotonic()

    @property
    def is_alive(self) -> bool:
        return time.monotonic() - self.last < self.patience


def serve(pulse: Pulse, port: int) -> ThreadingHTTPServer:
    """Answers a probe: 200 while looks go well, else 503."""

    class Probe(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if pulse.is_alive else 503)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's own name
            """Probes are no news."""

    server = ThreadingHTTPServer(("", port), Probe)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    namespaces = os.environ["NAMESPACES"].split(",")
    seconds = float(os.environ["SECONDS_BETWEEN"])
    pulse = Pulse(patience=6 * seconds)
    serve(pulse, int(os.environ["PORT"]))
    call = api_server()
    while True:
        try:
            for namespace in namespaces:
                for line in look(namespace, call):
                    print(line, flush=True)
            pulse.beat()
        except (OSError, ValueError) as error:
            print(f"this look failed, the next is in {seconds:.0f} s: {error}", file=sys.stderr, flush=True)
        time.sleep(seconds)


if __name__ == "__main__":
    main()
