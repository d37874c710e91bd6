"""What operators make of objects that describe their pods otherwise than by a pod spec.

What a container gets from elsewhere is `UNKNOWN` here, so that no rule reports it: a TrainJob's security context comes
from its runtime, which is checked itself, and some operators set limits of their own. The facts are those of Trainer
2.3, KServe 0.20, KubeRay 1.6 and Seldon Core 1.17.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from policy.graph.values import UNKNOWN, Props, each, get, mappings

PodSpec = dict[str, Any]
# Keys of an InferenceService's components that hold a container: `model`, and one for each framework.
INLINE = (
    "model",
    "art",
    "huggingface",
    "lightgbm",
    "onnx",
    "paddle",
    "pmml",
    "pytorch",
    "sklearn",
    "tensorflow",
    "triton",
    "xgboost",
)
# The container of a runtime that a TrainJob's `trainer` overrides.
TRAINER = "node"
# Implementations in a SeldonDeployment's graph that run in its orchestrator; every other one is a server of its own.
BUILT_IN = ("UNKNOWN_IMPLEMENTATION", "SIMPLE_MODEL", "SIMPLE_ROUTER", "RANDOM_ABTEST", "AVERAGE_COMBINER")


def pod_specs(kind: str, spec: object) -> Iterator[PodSpec]:
    """The pod specs that an object's `spec` leads to. `kind` is `<Kind>.<API group>`."""
    yield from OPERATORS.get(kind, written_specs)(spec)


def written_specs(spec: object) -> Iterator[PodSpec]:
    """Every mapping with a list of `containers`, at any depth: in a Deployment, a CronJob, a PyTorchJob's replicas."""
    for mapping in mappings(spec):
        if isinstance(mapping.get("containers"), list):
            yield mapping


def _train_job(spec: object) -> Iterator[PodSpec]:
    # Pods and their security contexts are those of the runtime; its patches are parts of containers.
    resources = get(spec, "trainer", "resourcesPerNode")
    container = {"name": "trainer", "resources": resources, "securityContext": UNKNOWN}
    yield {
        "containers": [container],
        "securityContext": UNKNOWN,
        "automountServiceAccountToken": UNKNOWN,
        "nodeSelector": UNKNOWN,
    }


def _training_runtime(spec: object) -> Iterator[PodSpec]:
    for pod in written_specs(spec):
        containers = [
            {**item, "resources": item.get("resources") or UNKNOWN} if item.get("name") == TRAINER else item
            for item in each(pod["containers"])
            if isinstance(item, Mapping)
        ]
        yield {**pod, "containers": containers}


def _inference_service(spec: object) -> Iterator[PodSpec]:
    components = [get(spec, name) for name in ("predictor", "transformer", "explainer")]
    components += [get(canary, "predictor") for canary in each(get(spec, "canary"))]
    for component in components:
        if not isinstance(component, Mapping):
            continue
        inline = [_model(name, component[name]) for name in INLINE if isinstance(component.get(name), Mapping)]
        yield {**component, "containers": [*each(component.get("containers")), *inline]}
        yield from written_specs(component.get("workerSpec"))


def _model(name: str, container: Props) -> dict[str, Any]:
    """The container of a model server. A runtime that it names fills what it leaves out."""
    filled = {"resources": UNKNOWN, "securityContext": UNKNOWN} if container.get("runtime") else {}
    return {"name": name, **filled, **container}


def _serving_runtime(spec: object) -> Iterator[PodSpec]:
    # The InferenceService decides on the token.
    yield from ({**pod, "automountServiceAccountToken": UNKNOWN} for pod in written_specs(spec))


def _seldon_deployment(spec: object) -> Iterator[PodSpec]:
    for predictor in each(get(spec, "predictors")):
        pods = list(written_specs(get(predictor, "componentSpecs")))
        yield from pods
        names = [get(container, "name") for pod in pods for container in each(pod["containers"])]
        # The operator adds a bare container for a server that componentSpecs does not describe.
        for node in mappings(get(predictor, "graph")):
            if node.get("implementation") not in (None, UNKNOWN, *BUILT_IN) and node.get("name") not in names:
                yield {"containers": [{"name": node.get("name")}]}
        if isinstance(explainer := get(predictor, "explainer"), Mapping):
            described = get(explainer, "containerSpec")
            yield {"containers": [{"name": "explainer", **(described if isinstance(described, Mapping) else {})}]}


def _ray_cluster(cluster: object) -> Iterator[PodSpec]:
    yield from written_specs(cluster)
    if get(cluster, "enableInTreeAutoscaling") is True:
        options = get(cluster, "autoscalerOptions")
        resources = get(options, "resources") or UNKNOWN
        context = get(options, "securityContext")
        yield _in_head(cluster, {"name": "autoscaler", "resources": resources, "securityContext": context})


def _in_head(cluster: object, container: dict[str, Any]) -> PodSpec:
    head = get(cluster, "headGroupSpec", "template", "spec")
    return {**(head if isinstance(head, Mapping) else {}), "initContainers": [], "containers": [container]}


def _ray_job(spec: object) -> Iterator[PodSpec]:
    cluster, template = get(spec, "rayClusterSpec"), get(spec, "submitterPodTemplate")
    yield from _ray_cluster(cluster)
    # The submitter that KubeRay adds by default has limits, but no security context.
    submitter = {"name": "ray-job-submitter", "resources": UNKNOWN}
    mode = get(spec, "submissionMode") or "K8sJobMode"
    if template is not None:
        yield from written_specs(template)
    elif mode == "K8sJobMode":
        yield {"containers": [submitter]}
    elif mode == "SidecarMode":
        yield _in_head(cluster, submitter)


def _ray_service(spec: object) -> Iterator[PodSpec]:
    yield from _ray_cluster(get(spec, "rayClusterConfig"))


OPERATORS: Mapping[str, Callable[[object], Iterator[PodSpec]]] = {
    "TrainJob.trainer.kubeflow.org": _train_job,
    "TrainingRuntime.trainer.kubeflow.org": _training_runtime,
    "ClusterTrainingRuntime.trainer.kubeflow.org": _training_runtime,
    "InferenceService.serving.kserve.io": _inference_service,
    "ServingRuntime.serving.kserve.io": _serving_runtime,
    "ClusterServingRuntime.serving.kserve.io": _serving_runtime,
    "SeldonDeployment.machinelearning.seldon.io": _seldon_deployment,
    "RayCluster.ray.io": _ray_cluster,
    "RayJob.ray.io": _ray_job,
    "RayService.ray.io": _ray_service,
}
# Objects of the whole cluster from which operators make pods in the namespaces of teams.
TEMPLATES = ("ClusterTrainingRuntime.trainer.kubeflow.org", "ClusterServingRuntime.serving.kserve.io")
