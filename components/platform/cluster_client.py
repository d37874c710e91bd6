"""A cluster as drains, definitions and upkeeps see it: what they read and change, through the Kubernetes client."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config, dynamic
from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError, ResourceNotFoundError

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
    """The requests that they make. Raises `kubernetes.client.ApiException` when one is refused."""

    def __init__(self, api: client.ApiClient) -> None:
        self.api = api
        self.extensions = client.ApiextensionsV1Api(api)
        self.admission = client.AdmissionregistrationV1Api(api)
        self.custom = client.CustomObjectsApi(api)

    def _plain(self, listed: Any) -> list[Any]:
        """The items of a list as the API has them."""
        plain: Any = self.api.sanitize_for_serialization(listed.items)
        return plain

    def deployments(self, namespace: str) -> list[Any]:
        apps = client.AppsV1Api(self.api)
        return self._plain(apps.list_namespaced_deployment(namespace, _request_timeout=TIMEOUT_SECONDS))

    def webhook_configurations(self) -> list[Any]:
        """The configurations of both kinds. Their `kind` is left out of a list, so it is added."""
        validating = self.admission.list_validating_webhook_configuration(_request_timeout=TIMEOUT_SECONDS)
        mutating = self.admission.list_mutating_webhook_configuration(_request_timeout=TIMEOUT_SECONDS)
        return [
            {**found, "kind": kind}
            for kind, listed in (("Validating", validating), ("Mutating", mutating))
            for found in self._plain(listed)
        ]

    def delete_webhook_configuration(self, kind: str, name: str) -> None:
        if kind == "Validating":
            self.admission.delete_validating_webhook_configuration(name, _request_timeout=TIMEOUT_SECONDS)
        else:
            self.admission.delete_mutating_webhook_configuration(name, _request_timeout=TIMEOUT_SECONDS)

    def api_services(self) -> list[Any]:
        """The parts of the API, those that the API server serves itself among them."""
        registered = client.ApiregistrationV1Api(self.api)
        return self._plain(registered.list_api_service(_request_timeout=TIMEOUT_SECONDS))

    def delete_api_service(self, name: str) -> None:
        client.ApiregistrationV1Api(self.api).delete_api_service(name, _request_timeout=TIMEOUT_SECONDS)

    def objects_of(self, group: str) -> Iterator[CustomObject]:
        """Every object of an API group, in the version that the server prefers."""
        listing: Any = client.ApisApi(self.api).get_api_versions(_request_timeout=TIMEOUT_SECONDS)
        groups = {found.name: found for found in listing.groups}
        if group not in groups:
            return
        version: str = groups[group].preferred_version.version
        for kind in self.custom.get_api_resources(group, version).resources:
            # A name with a slash is a part of an object, such as its status; some are only asked, as reviews are.
            if "/" in kind.name or "list" not in kind.verbs:
                continue
            listed: Any = self.custom.list_cluster_custom_object(
                group, version, kind.name, _request_timeout=TIMEOUT_SECONDS
            )
            for found in listed["items"]:
                metadata = found["metadata"]
                yield CustomObject(
                    group=group,
                    version=version,
                    plural=kind.name,
                    namespace=metadata["namespace"] if kind.namespaced else None,
                    name=metadata["name"],
                    finalizers=tuple(metadata.get("finalizers") or ()),
                )

    def set_finalizers(self, found: CustomObject, finalizers: list[str]) -> None:
        """Replace an object's finalizers. One that is gone by now has none."""
        body = {"metadata": {"finalizers": finalizers or None}}
        patch: dict[str, Any] = {
            "_content_type": "application/merge-patch+json",
            "_request_timeout": TIMEOUT_SECONDS,
        }
        place = (found.group, found.version)
        try:
            if found.namespace is None:
                self.custom.patch_cluster_custom_object(*place, found.plural, found.name, body, **patch)
            else:
                self.custom.patch_namespaced_custom_object(
                    *place, found.namespace, found.plural, found.name, body, **patch
                )
        except client.ApiException as error:
            if error.status != 404:
                raise

    def helm_release(self, namespace: str, name: str) -> str | None:
        """Helm's record of what is deployed, as its Secret has it; None when there is no such release."""
        core = client.CoreV1Api(self.api)
        selector = f"owner=helm,name={name},status=deployed"
        listed: Any = core.list_namespaced_secret(namespace, label_selector=selector, _request_timeout=TIMEOUT_SECONDS)
        return listed.items[0].data["release"] if listed.items else None

    def find(self, wanted: Mapping[str, Any], namespace: str) -> Any:
        """An object of any kind as the API has it; None when it is not there. `namespace`: where it names none."""
        try:
            kind = self._kind(wanted)
            return self.any.get(
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

    def annotate(self, found: Mapping[str, Any], annotations: Mapping[str, str]) -> None:
        """Add annotations to an object of any kind."""
        kind = self._kind(found)
        self.any.patch(
            kind,
            body={"metadata": {"annotations": dict(annotations)}},
            content_type="application/merge-patch+json",
            _request_timeout=TIMEOUT_SECONDS,
            **self._address(kind, found, found["metadata"].get("namespace", "")),
        )

    def remove(self, found: Mapping[str, Any], seconds: float) -> None:
        """Delete an object of any kind and wait until it is gone. RuntimeError when it is still there then."""
        kind, namespace = self._kind(found), found["metadata"].get("namespace", "")
        self.any.delete(
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

    def labelled(self, api_version: str, kind: str, namespace: str, selector: str) -> list[Any]:
        """The objects of a namespace with these labels, as the API has them; none of a kind that it does not serve."""
        try:
            found = self.any.resources.get(api_version=api_version, kind=kind)
        except ResourceNotFoundError:
            return []
        listed = self.any.get(found, namespace=namespace, label_selector=selector, _request_timeout=TIMEOUT_SECONDS)
        items: list[Any] = listed.to_dict()["items"]
        return items

    @cached_property
    def any(self) -> dynamic.DynamicClient:
        """A client for whatever the API server serves. It would keep what it learns in a file that all users share."""
        return dynamic.DynamicClient(self.api, cache_file=f"{os.devnull}/none")

    def _apply(self, wanted: Mapping[str, Any], namespace: str, *, manager: str | None = None, **more: str) -> Any:
        kind = self._kind(wanted)
        applied = self.any.server_side_apply(
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
        return self.any.resources.get(api_version=wanted["apiVersion"], kind=wanted["kind"])

    def _address(self, kind: Any, wanted: Mapping[str, Any], namespace: str) -> dict[str, str]:
        metadata = wanted["metadata"]
        space = {"namespace": metadata.get("namespace", namespace)} if kind.namespaced else {}
        return {"name": metadata["name"], **space}

    def apply_definition(self, definition: Mapping[str, Any]) -> None:
        """Make a CustomResourceDefinition what this one says, whoever changed it before."""
        self.extensions.patch_custom_resource_definition(
            definition["metadata"]["name"],
            dict(definition),
            field_manager=FIELD_MANAGER,
            force=True,
            _content_type="application/apply-patch+yaml",
            _request_timeout=TIMEOUT_SECONDS,
        )

    def find_definition(self, name: str) -> Any:
        """A CustomResourceDefinition as the API has it; None when it is not there."""
        try:
            found = self.extensions.read_custom_resource_definition(name, _request_timeout=TIMEOUT_SECONDS)
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise
        return self.api.sanitize_for_serialization(found)

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

    def delete_definition(self, name: str) -> None:
        """Delete a CustomResourceDefinition and all objects of its kind. One that is gone by now needs nothing."""
        try:
            self.extensions.delete_custom_resource_definition(name, _request_timeout=TIMEOUT_SECONDS)
        except client.ApiException as error:
            if error.status != 404:
                raise

    def await_no_definition(self, name: str) -> None:
        """Wait until a deleted one is gone. RuntimeError says what keeps it."""
        deadline = time.monotonic() + REMOVAL_SECONDS
        while (found := self.find_definition(name)) is not None:
            if time.monotonic() > deadline:
                conditions: list[Any] = (found.get("status") or {}).get("conditions") or []
                said = "; ".join(str(one.get("message")) for one in conditions if one["type"] == "Terminating")
                raise RuntimeError(f"{name} is still being deleted: {said or 'look at the finalizers of its objects'}")
            time.sleep(0.5)
