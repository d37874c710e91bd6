"""A cluster as drains, definitions and upkeeps see it: what they read and change, through the Kubernetes client."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config, dynamic
from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError, ResourceNotFoundError
from kubernetes.dynamic.resource import ResourceList

from components.platform import manifests

TIMEOUT_SECONDS = 60
# As long as the objects of a definition need to be deleted, by controllers that have finalizers on them.
REMOVAL_SECONDS = 300
# Of this object, and not of whoever asks, or of any at the moment.
REFUSALS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
# Who owns the fields of what is applied.
FIELD_MANAGER = "ml-platform"
MERGE_PATCH = "application/merge-patch+json"
ADMISSION = "admissionregistration.k8s.io/v1"
WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
REGISTRATION = "apiregistration.k8s.io/v1"
EXTENSIONS, DEFINITION = "apiextensions.k8s.io/v1", "CustomResourceDefinition"


@dataclass(frozen=True, kw_only=True)
class CustomObject:
    """A custom resource: where it is in the API, and its finalizers. `namespace` is None for those of no namespace."""

    group: str
    version: str
    plural: str
    namespace: str | None
    name: str
    finalizers: tuple[str, ...] = ()


def connect(kubeconfig: str, context: str | None) -> Client:
    """A client for a kubeconfig, given as the path of a file or as its text."""
    # A text has several lines, or is JSON, as that of EKS.
    is_text = "\n" in kubeconfig or kubeconfig.lstrip().startswith("{")
    text = kubeconfig if is_text else Path(kubeconfig).read_text(encoding="utf-8")
    settings = client.Configuration()
    config.load_kube_config_from_dict(yaml.safe_load(text), context=context, client_configuration=settings)
    return Client(client.ApiClient(settings))


def read_definitions(place: str) -> list[Any]:
    """The CustomResourceDefinitions in a YAML stream at a path or an address; what else is there is left out.

    Raises OSError when it cannot be read, RuntimeError when there are none.
    """
    if "://" in place:
        with urllib.request.urlopen(place, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  (the catalog's)
            text = answer.read().decode()
    else:
        text = Path(place).read_text(encoding="utf-8")
    found = [one for one in manifests.objects(text) if one.get("kind") == "CustomResourceDefinition"]
    if not found:
        raise RuntimeError(f"{place} holds no CustomResourceDefinition: correct its entry in catalog.yaml")
    return found


class Client:
    """The requests that they make. Raises `DynamicApiError` when one is refused."""

    def __init__(self, api: client.ApiClient) -> None:
        self.api = api

    @cached_property
    def _any(self) -> dynamic.DynamicClient:
        """A client for whatever the API server serves. It would keep what it learns in a file that all users share."""
        return dynamic.DynamicClient(self.api, cache_file=f"{os.devnull}/none")

    # -- any object ------------------------------------------------------------------------------------------

    def find(self, wanted: Mapping[str, Any], namespace: str) -> Any:
        """An object of any kind as the API has it; None when it is not there. `namespace`: where it names none."""
        try:
            kind = self._kind(wanted)
            return self._any.get(
                kind, **self._address(kind, wanted, namespace), _request_timeout=TIMEOUT_SECONDS
            ).to_dict()
        except (NotFoundError, ResourceNotFoundError):
            return None

    def preview(self, wanted: Mapping[str, Any], namespace: str) -> Any:
        """What an object would be, were it applied; None when the API server refuses it."""
        try:
            return self._apply(wanted, namespace, dry_run="All")
        except DynamicApiError as error:
            if error.status in REFUSALS:
                return None
            raise

    def apply(self, wanted: Mapping[str, Any], namespace: str, *, manager: str | None = None) -> None:
        """Make an object of any kind what this one says, whoever changed it before. `manager` then owns its fields."""
        self._apply(wanted, namespace, manager=manager)

    def annotate(self, found: Mapping[str, Any], annotations: Mapping[str, str]) -> bool:
        """Add annotations to an object of any kind. False when the cluster cannot do it now, as without a webhook."""
        kind = self._kind(found)
        try:
            self._any.patch(
                kind,
                body={"metadata": {"annotations": dict(annotations)}},
                content_type=MERGE_PATCH,
                _request_timeout=TIMEOUT_SECONDS,
                **self._address(kind, found, found["metadata"].get("namespace", "")),
            )
        except DynamicApiError:
            return False
        return True

    def remove(self, found: Mapping[str, Any], seconds: float) -> None:
        """Delete an object of any kind and wait until it is gone. RuntimeError when it is still there then."""
        kind, namespace = self._kind(found), found["metadata"].get("namespace", "")
        self._any.delete(
            kind,
            body={"propagationPolicy": "Foreground"},
            _request_timeout=TIMEOUT_SECONDS,
            **self._address(kind, found, namespace),
        )
        deadline = time.monotonic() + seconds
        while self.find(found, namespace) is not None:
            if time.monotonic() > deadline:
                title = f"{found['kind']} {namespace}/{found['metadata']['name']}"
                raise RuntimeError(f"{title} is still being deleted: look at its finalizers")
            time.sleep(0.5)

    def labelled(self, api_version: str, kind: str, namespace: str | None, selector: str = "") -> list[Any]:
        """The objects of a namespace with these labels, as the API has them; none of a kind that it does not serve.

        Without a namespace they are those of the whole cluster.
        """
        try:
            found = self._any.resources.get(api_version=api_version, kind=kind)
        except ResourceNotFoundError:
            return []
        where = {"namespace": namespace} if namespace else {}
        listed = self._any.get(found, label_selector=selector, _request_timeout=TIMEOUT_SECONDS, **where)
        items: list[Any] = listed.to_dict()["items"]
        return items

    def delete(self, api_version: str, kind: str, name: str) -> None:
        """Delete an object of no namespace. One that is gone by now needs nothing."""
        try:
            resource = self._any.resources.get(api_version=api_version, kind=kind)
            self._any.delete(resource, name=name, _request_timeout=TIMEOUT_SECONDS)
        except (NotFoundError, ResourceNotFoundError):
            pass

    def _apply(self, wanted: Mapping[str, Any], namespace: str, *, manager: str | None = None, **more: str) -> Any:
        kind = self._kind(wanted)
        applied = self._any.server_side_apply(
            kind,
            body=dict(wanted),
            field_manager=manager or FIELD_MANAGER,
            force_conflicts=True,
            _request_timeout=TIMEOUT_SECONDS,
            **self._address(kind, wanted, namespace),
            **more,
        )
        return applied.to_dict()

    def _kind(self, wanted: Mapping[str, Any]) -> Any:
        return self._any.resources.get(api_version=wanted["apiVersion"], kind=wanted["kind"])

    def _address(self, kind: Any, wanted: Mapping[str, Any], namespace: str) -> dict[str, str]:
        metadata = wanted["metadata"]
        space = {"namespace": metadata.get("namespace", namespace)} if kind.namespaced else {}
        return {"name": metadata["name"], **space}

    # -- operators -------------------------------------------------------------------------------------------

    def deployments(self, namespace: str) -> list[Any]:
        return self.labelled("apps/v1", "Deployment", namespace)

    def webhook_configurations(self) -> list[Any]:
        """The configurations of both kinds."""
        return [one for kind in WEBHOOKS for one in self.labelled(ADMISSION, kind, None)]

    def delete_webhook_configuration(self, kind: str, name: str) -> None:
        self.delete(ADMISSION, kind, name)

    def api_services(self) -> list[Any]:
        """The parts of the API, those that the API server serves itself among them."""
        return self.labelled(REGISTRATION, "APIService", None)

    def delete_api_service(self, name: str) -> None:
        self.delete(REGISTRATION, "APIService", name)

    def objects_of(self, group: str) -> Iterator[CustomObject]:
        """Every object of an API group, in the version that the server prefers."""
        for kind in self._any.resources.search(group=group, preferred=True):
            # Some kinds are only asked, as reviews are. The client has the lists of a kind as a kind of their own.
            if isinstance(kind, ResourceList) or "list" not in (kind.verbs or ()):
                continue
            for found in self._any.get(kind, _request_timeout=TIMEOUT_SECONDS).to_dict()["items"]:
                metadata = found["metadata"]
                yield CustomObject(
                    group=group,
                    version=kind.api_version,
                    plural=kind.name,
                    namespace=metadata["namespace"] if kind.namespaced else None,
                    name=metadata["name"],
                    finalizers=tuple(metadata.get("finalizers") or ()),
                )

    def set_finalizers(self, found: CustomObject, finalizers: list[str]) -> None:
        """Replace an object's finalizers. One that is gone by now has none."""
        kind = self._any.resources.get(api_version=f"{found.group}/{found.version}", name=found.plural)
        with suppress(NotFoundError):
            self._any.patch(
                kind,
                name=found.name,
                namespace=found.namespace,
                body={"metadata": {"finalizers": finalizers or None}},
                content_type=MERGE_PATCH,
                _request_timeout=TIMEOUT_SECONDS,
            )

    def helm_release(self, namespace: str, name: str) -> str | None:
        """Helm's record of what is deployed, as its Secret has it; None when there is no such release."""
        found = self.labelled("v1", "Secret", namespace, f"owner=helm,name={name},status=deployed")
        return found[0]["data"]["release"] if found else None

    # -- definitions -----------------------------------------------------------------------------------------

    def apply_definition(self, definition: Mapping[str, Any]) -> None:
        """Make a CustomResourceDefinition what this one says, whoever changed it before."""
        self._apply({"apiVersion": EXTENSIONS, "kind": DEFINITION, **definition}, "")

    def find_definition(self, name: str) -> Any:
        """A CustomResourceDefinition as the API has it; None when it is not there."""
        return self.find({"apiVersion": EXTENSIONS, "kind": DEFINITION, "metadata": {"name": name}}, "")

    def delete_definition(self, name: str) -> None:
        """Delete a CustomResourceDefinition and all objects of its kind. One that is gone by now needs nothing."""
        self.delete(EXTENSIONS, DEFINITION, name)

    def served_definition(self, name: str) -> Any:
        """A CustomResourceDefinition as soon as objects of its kind can be made. RuntimeError says why they cannot."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            found = self.find_definition(name) or {}
            conditions: list[Any] = (found.get("status") or {}).get("conditions") or []
            if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
                return found
            if time.monotonic() > deadline:
                said = "; ".join(str(one.get("message")) for one in conditions if one["status"] == "False")
                raise RuntimeError(f"the API server does not serve {name}: {said or 'it does not say why'}")
            time.sleep(0.2)

    def await_no_definition(self, name: str) -> None:
        """Wait until a deleted one is gone. RuntimeError says what keeps it."""
        deadline = time.monotonic() + REMOVAL_SECONDS
        while (found := self.find_definition(name)) is not None:
            if time.monotonic() > deadline:
                conditions: list[Any] = (found.get("status") or {}).get("conditions") or []
                said = "; ".join(str(one.get("message")) for one in conditions if one["type"] == "Terminating")
                raise RuntimeError(f"{name} is still being deleted: {said or 'look at the finalizers of its objects'}")
            time.sleep(0.5)
