"""How the mirror's images are made: the programs of each published image, and the tool that builds them."""

from collections.abc import Mapping
from dataclasses import dataclass

from local.toolchain.tool import Tool


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """An image from scratch: programs of one tool, each at the path where the published image has it.

    The first one is the entrypoint, with `arguments`. `tag` is that of the published image which holds the same
    version of the programs; default: the tool's version.
    """

    tool: Tool
    programs: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    tag: str | None = None


def _prometheus_tool(module: str, version: str, release: str, *packages: str, tags: tuple[str, ...] = ()) -> Tool:
    """A tool of the Prometheus family, which all say their release in the same place."""
    variables = {"github.com/prometheus/common/version.Version": release}
    return Tool(module=module, version=version, packages=packages, variables=variables, tags=tags)


#: The Go module of the operators that compile with the same version of Kubernetes' libraries (docs/catalog.md).
_OPERATORS = "operators"

_KUEUE = Tool(
    module="kueue",
    shares=_OPERATORS,
    version="v0.19.2",
    packages=("sigs.k8s.io/kueue/cmd/kueue",),
    variables={"sigs.k8s.io/kueue/pkg/version.GitVersion": "v0.19.2"},
    no_checksum_database="sigs.k8s.io/scheduler-library",
)
_JOBSET = Tool(
    module="jobset",
    shares=_OPERATORS,
    version="v0.12.0",
    packages=("sigs.k8s.io/jobset",),
    variables={"sigs.k8s.io/jobset/pkg/version.GitVersion": "v0.12.0"},
)
_KUBEFLOW_TRAINER = Tool(
    module="kubeflow-trainer",
    shares=_OPERATORS,
    version="v2.3.0",
    packages=("github.com/kubeflow/trainer/v2/cmd/trainer-controller-manager",),
)
_TRAINING_OPERATOR = Tool(
    module="training-operator",
    shares=_OPERATORS,
    version="v1.9.4",
    packages=("github.com/kubeflow/training-operator/cmd/training-operator.v1",),
)
_MPI_OPERATOR = Tool(
    module="mpi-operator",
    shares=_OPERATORS,
    version="v0.8.2",
    packages=("github.com/kubeflow/mpi-operator/cmd/mpi-operator",),
    variables={"github.com/kubeflow/mpi-operator/pkg/version.Version": "v0.8.2"},
)
_KUBERAY = Tool(
    module="kuberay",
    version="v1.6.2",
    packages=("github.com/ray-project/kuberay/ray-operator",),
)
_PROMETHEUS_OPERATOR = _prometheus_tool(
    *("prometheus-operator", "v0.93.1", "0.93.1"),
    "github.com/prometheus-operator/prometheus-operator/cmd/operator",
    "github.com/prometheus-operator/prometheus-operator/cmd/prometheus-config-reloader",
)
# The module of Prometheus 3.15.0: its versions are those of a library.
_PROMETHEUS = _prometheus_tool(
    *("prometheus", "v0.315.0", "3.15.0"),
    "github.com/prometheus/prometheus/cmd/prometheus",
    "github.com/prometheus/prometheus/cmd/promtool",
    # Service discovery by Kubernetes, files, HTTP and static targets only. The SDKs of all the clouds that
    # Prometheus can discover targets in are most of what it takes to compile.
    tags=("remove_all_sd", "enable_kubernetes_sd"),
)
_KUBE_STATE_METRICS = _prometheus_tool("kube-state-metrics", "v2.18.0", "v2.18.0", "k8s.io/kube-state-metrics/v2")
_NODE_EXPORTER = _prometheus_tool("node-exporter", "v1.12.1", "1.12.1", "github.com/prometheus/node_exporter")
_ALERTMANAGER = _prometheus_tool(
    *("alertmanager", "v0.31.1", "0.31.1"),
    "github.com/prometheus/alertmanager/cmd/alertmanager",
    "github.com/prometheus/alertmanager/cmd/amtool",
)
_VERSITYGW = Tool(
    module="versitygw",
    version="v1.8.0",
    packages=("github.com/versity/versitygw/cmd/versitygw",),
    variables={"main.Version": "v1.8.0"},
)
_EXTERNAL_SECRETS = Tool(
    module="external-secrets",
    version="v0.20.4",
    packages=("github.com/external-secrets/external-secrets",),
    no_checksum_database=",".join(
        f"github.com/{module}"
        for module in (
            "DelineaXPM/tss-sdk-go/v3",
            "IBM/secrets-manager-go-sdk/v2",
            "aws/aws-sdk-go-v2/service/ecrpublic",
            "cyberark/conjur-api-go",
            "hashicorp/vault/*",
            "previder/vault-cli",
            "pulumi/esc-sdk/sdk",
        )
    ),
)

#: By the name of the published image, without its tag. The order is that of the builds.
RECIPES = {
    "registry.k8s.io/kueue/kueue": Recipe(tool=_KUEUE, programs={"kueue": "/manager"}),
    "quay.io/prometheus-operator/prometheus-operator": Recipe(
        tool=_PROMETHEUS_OPERATOR, programs={"operator": "/bin/operator"}
    ),
    "quay.io/prometheus-operator/prometheus-config-reloader": Recipe(
        tool=_PROMETHEUS_OPERATOR, programs={"prometheus-config-reloader": "/bin/prometheus-config-reloader"}
    ),
    # Prometheus is a library too, which counts its versions otherwise.
    "quay.io/prometheus/prometheus": Recipe(
        tool=_PROMETHEUS,
        programs={"prometheus": "/bin/prometheus", "promtool": "/bin/promtool"},
        tag="v3.15.0",
    ),
    "registry.k8s.io/kube-state-metrics/kube-state-metrics": Recipe(
        tool=_KUBE_STATE_METRICS,
        programs={"kube-state-metrics": "/kube-state-metrics"},
        arguments=("--port=8080", "--telemetry-port=8081"),
    ),
    "quay.io/prometheus/node-exporter": Recipe(tool=_NODE_EXPORTER, programs={"node_exporter": "/bin/node_exporter"}),
    "quay.io/prometheus/alertmanager": Recipe(
        tool=_ALERTMANAGER, programs={"alertmanager": "/bin/alertmanager", "amtool": "/bin/amtool"}
    ),
    "ghcr.io/versity/versitygw": Recipe(tool=_VERSITYGW, programs={"versitygw": "/usr/local/bin/versitygw"}),
    "ghcr.io/external-secrets/external-secrets": Recipe(
        tool=_EXTERNAL_SECRETS, programs={"external-secrets": "/bin/external-secrets"}
    ),
    "registry.k8s.io/jobset/jobset": Recipe(tool=_JOBSET, programs={"jobset": "/manager"}),
    "ghcr.io/kubeflow/trainer/trainer-controller-manager": Recipe(
        tool=_KUBEFLOW_TRAINER, programs={"trainer-controller-manager": "/manager"}
    ),
    # Its releases have the commit as their tag.
    "ghcr.io/kubeflow/training-v1/training-operator": Recipe(
        tool=_TRAINING_OPERATOR, programs={"training-operator.v1": "/manager"}, tag="v1-93c5489"
    ),
    "docker.io/mpioperator/mpi-operator": Recipe(
        tool=_MPI_OPERATOR, programs={"mpi-operator": "/opt/mpi-operator"}, tag="0.8.2"
    ),
    "quay.io/kuberay/operator": Recipe(tool=_KUBERAY, programs={"ray-operator": "/manager"}),
}

#: The tools of all recipes, by their names.
MIRROR_TOOLS = {recipe.tool.module: recipe.tool for recipe in RECIPES.values()}
