"""A cluster as the drain sees it: what it reads and changes there, through the Kubernetes client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config

TIMEOUT_SECONDS = 60


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
    # A text has several lines, a path has one.
    text = kubeconfig if "\n" in kubeconfig else Path(kubeconfig).read_text(encoding="utf-8")
    settings = client.Configuration()
    config.load_kube_config_from_dict(yaml.safe_load(text), context=context, client_configuration=settings)
    return Client(client.ApiClient(settings))


class Client:
    """The requests that a drain makes. Raises `kubernetes.client.ApiException` when one is refused."""

    def __init__(self, api: client.ApiClient) -> None:
        self.api = api
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
