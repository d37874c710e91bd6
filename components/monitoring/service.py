"""The monitoring of a cluster: Prometheus, Alertmanager, exporters, the platform's rules, and who hears of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pulumi
import pulumi_kubernetes as k8s
import yaml

from components.monitoring import alerting, instances, network, scraping, stack_chart
from components.monitoring.alerting import Alerting
from components.monitoring.discovery import prometheus_rights
from components.monitoring.exporters import NodeExporter, NodeExporterArgs, StateMetrics, StateMetricsArgs
from components.monitoring.instances import Store
from components.monitoring.names import (
    ALERTMANAGER,
    ALERTMANAGER_PORT,
    API,
    INSTANCE,
    NAMESPACE,
    NODE_EXPORTER,
    NODE_NAMESPACE,
    PROMETHEUS,
    PROMETHEUS_PORT,
    labels,
)
from components.monitoring.operator import PrometheusOperator, PrometheusOperatorArgs
from components.monitoring.rules import GROUPS
from components.monitoring.rules.model import DEFAULT_RUNBOOKS, rule_group
from components.platform.connection import Connection
from components.platform.definitions import Definitions, DefinitionsArgs
from components.platform.operator import Operator, OperatorArgs, namespace_labels
from components.platform.sources import Sources
from components.training.engines import EngineFacts

if TYPE_CHECKING:
    from pulumi_kubernetes.meta import v1 as meta

# `chart`: kube-prometheus-stack. `operator`: the same programs, each as an object of ours, with fewer rights.
Install = Literal["chart", "operator"]
DEFINITIONS = "prometheus-operator-crds"
RBAC = "rbac.authorization.k8s.io"
# The operator makes a volume, a StatefulSet and a pod, and its images may have to be pulled.
READY_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """`verify_kubelets`: the kubelets' certificates are of the cluster's authority. `kueue_namespace` and
    `gpu_namespace` are where Kueue and the DCGM exporter are, if they are there. `grafana` needs the chart. `runbooks`
    is the address of the page that alerts point to.
    """

    sources: Sources
    connection: Connection
    install: Install
    store: Store
    alerting: Alerting = alerting.NOBODY
    grafana: bool = False
    runbooks: str = DEFAULT_RUNBOOKS
    verify_kubelets: bool = True
    kueue_namespace: pulumi.Input[str] | None = None
    gpu_namespace: pulumi.Input[str] | None = None
    engines: Sequence[EngineFacts] = ()


class Monitoring(pulumi.ComponentResource):
    """A Prometheus that reads the cluster and every monitor in it, and an Alertmanager that tells people."""

    namespace: pulumi.Output[str]
    # What monitors and rules wait for: the kinds that they are of, and an operator that reads them.
    ready: list[pulumi.Resource]
    runbooks: str
    # Whether Prometheus may look for targets everywhere, as the chart has it, or only where it is let in.
    reads_all_namespaces: bool

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:monitoring:Monitoring", name, None, opts)
        self.runbooks = args.runbooks
        self.reads_all_namespaces = args.install == "chart"
        child = pulumi.ResourceOptions(parent=self)
        definitions = Definitions(
            f"{name}-definitions",
            DefinitionsArgs(manifest=DEFINITIONS, sources=args.sources, connection=args.connection),
            child,
        )
        nodes = k8s.core.v1.Namespace(
            f"{name}-nodes",
            metadata={"name": NODE_NAMESPACE, "labels": namespace_labels(NODE_EXPORTER, "privileged")},
            opts=child,
        )
        if args.install == "chart":
            operator = Operator(
                f"{name}-stack",
                OperatorArgs(
                    chart=stack_chart.CHART,
                    namespace=NAMESPACE,
                    sources=args.sources,
                    connection=args.connection,
                    values=stack_chart.values(args.store, args.sources, args.engines, grafana=args.grafana),
                    after=[definitions, nodes],
                ),
                child,
            )
            self.namespace = operator.namespace
            self.ready = [definitions, operator]
            self._configuration(name, args, definitions)
        else:
            namespace = k8s.core.v1.Namespace(
                f"{name}-namespace",
                metadata={"name": NAMESPACE, "labels": namespace_labels(PROMETHEUS, "restricted")},
                opts=child,
            )
            self.namespace = namespace.metadata.name
            configuration = self._configuration(name, args, definitions)
            self.ready = self._own_programs(name, args, [definitions, *configuration], nodes.metadata.name)
        self._policies(name, nodes.metadata.name)
        self._objects(name, args)
        self.register_outputs({"namespace": self.namespace})

    def metadata(self, object_name: str) -> meta.ObjectMetaArgsDict:
        """Metadata of an object in the namespace of the monitoring."""
        return {"name": object_name, "namespace": self.namespace, "labels": labels(object_name)}

    def _policies(self, name: str, node_namespace: pulumi.Output[str]) -> None:
        child = pulumi.ResourceOptions(parent=self)
        for policy, spec in network.monitoring_policies().items():
            k8s.networking.v1.NetworkPolicy(f"{name}-{policy}", metadata=self.metadata(policy), spec=spec, opts=child)
        for policy, spec in network.node_policies().items():
            metadata: meta.ObjectMetaArgsDict = {**self.metadata(policy), "namespace": node_namespace}
            k8s.networking.v1.NetworkPolicy(f"{name}-nodes-{policy}", metadata=metadata, spec=spec, opts=child)

    def _configuration(
        self, name: str, args: MonitoringArgs, definitions: pulumi.Resource
    ) -> tuple[pulumi.Resource, pulumi.Resource]:
        """What Prometheus and Alertmanager cannot start without: jobs of its own, and who hears of alerts."""
        jobs = scraping.token_jobs(verify_kubelets=args.verify_kubelets, queueing=args.kueue_namespace is not None)
        secret = k8s.core.v1.Secret(
            f"{name}-token-jobs",
            metadata=self.metadata(instances.TOKEN_JOBS_SECRET),
            # Not a secret: shown in previews as it is.
            string_data={instances.TOKEN_JOBS_KEY: yaml.safe_dump(jobs, sort_keys=False)},
            opts=pulumi.ResourceOptions(parent=self),
        )
        told = alerting.alertmanager_spec(args.alerting)
        waiting = pulumi.ResourceOptions(parent=self, depends_on=[definitions])
        return secret, self._custom(f"{name}-alerting", "AlertmanagerConfig", INSTANCE, told, waiting, "v1alpha1")

    def _objects(self, name: str, args: MonitoringArgs) -> None:
        """What both ways of installing have in common: what is an alert, and how people get to it."""
        waiting = pulumi.ResourceOptions(parent=self, depends_on=self.ready)
        child = pulumi.ResourceOptions(parent=self)
        for group in GROUPS:
            body = {"groups": [rule_group(group, runbooks=args.runbooks)]}
            self._custom(f"{name}-rules", "PrometheusRule", group.name, body, waiting)
        if args.gpu_namespace is not None:
            for target in scraping.GPU_TARGETS:
                self._custom(f"{name}-target", "PodMonitor", target.name, scraping.pod_monitor_spec(target), waiting)
        for program, port in ((PROMETHEUS, PROMETHEUS_PORT), (ALERTMANAGER, ALERTMANAGER_PORT)):
            service_metadata: meta.ObjectMetaArgsDict = {
                **self.metadata(program),
                # Its pods come later, made by the operator.
                "annotations": {"pulumi.com/skipAwait": "true"},
            }
            k8s.core.v1.Service(
                f"{name}-{program}-service",
                metadata=service_metadata,
                spec=instances.service_spec(program, port),
                opts=child,
            )

    def _custom(
        self,
        prefix: str,
        kind: str,
        object_name: str,
        spec: dict[str, Any],
        opts: pulumi.ResourceOptions,
        version: str = "v1",
        annotations: dict[str, str] | None = None,
    ) -> pulumi.Resource:
        metadata = self.metadata(object_name)
        if annotations:
            metadata["annotations"] = annotations
        return k8s.apiextensions.CustomResource(
            f"{prefix}-{object_name}",
            api_version=f"{API.rpartition('/')[0]}/{version}",
            kind=kind,
            metadata=metadata,
            spec=spec,
            opts=opts,
        )

    def _own_programs(
        self, name: str, args: MonitoringArgs, before: list[pulumi.Resource], node_namespace: pulumi.Output[str]
    ) -> list[pulumi.Resource]:
        """The operator, what it makes, and the exporters. Returns what monitors and rules wait for.

        `before`: the CRDs, and what Prometheus and Alertmanager read.
        """
        sources, child = args.sources, pulumi.ResourceOptions(parent=self)
        operator = PrometheusOperator(
            f"{name}-operator",
            PrometheusOperatorArgs(
                namespace=self.namespace, namespace_name=NAMESPACE, sources=sources, definitions=before
            ),
            child,
        )
        StateMetrics(
            f"{name}-state", StateMetricsArgs(namespace=self.namespace, sources=sources, engines=args.engines), child
        )
        NodeExporter(f"{name}-node", NodeExporterArgs(namespace=node_namespace, sources=sources), child)
        waiting = pulumi.ResourceOptions(parent=self, depends_on=[*before, operator])
        for target in scraping.OWN_TARGETS:
            self._custom(f"{name}-target", "PodMonitor", target.name, scraping.pod_monitor_spec(target), waiting)
        places = {
            "own": self.namespace,
            "nodes": node_namespace,
            "default": "default",
            "kube-system": "kube-system",
            "kueue": args.kueue_namespace,
            "gpu": args.gpu_namespace,
        }
        rights = prometheus_rights(name, self.namespace, places, child)
        alertmanager_account = k8s.core.v1.ServiceAccount(
            f"{name}-alertmanager-account",
            metadata=self.metadata(ALERTMANAGER),
            automount_service_account_token=False,
            opts=child,
        )
        available = {"pulumi.com/waitFor": "condition=Available"}
        patience = pulumi.CustomTimeouts(create=f"{READY_SECONDS}s", update=f"{READY_SECONDS}s")
        self._custom(
            f"{name}-prometheus",
            "Prometheus",
            INSTANCE,
            instances.own_prometheus_spec(args.store, image=sources.image(PROMETHEUS)),
            pulumi.ResourceOptions(parent=self, depends_on=[operator, *rights], custom_timeouts=patience),
            annotations=available,
        )
        self._custom(
            f"{name}-alertmanager",
            "Alertmanager",
            INSTANCE,
            instances.own_alertmanager_spec(storage_class=args.store.storage_class, image=sources.image(ALERTMANAGER)),
            pulumi.ResourceOptions(parent=self, depends_on=[operator, alertmanager_account], custom_timeouts=patience),
            annotations=available,
        )
        return [*before, operator]
