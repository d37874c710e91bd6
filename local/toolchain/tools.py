"""The tools that the embedded cluster is made of, and the Pulumi that deploys to it.

Those of the mirror's images are in `local/mirror/recipes.py`.
"""

from local.toolchain.tool import Tool

KUBERNETES = "v1.35.4"
PULUMI = "v3.259.0"
PULUMI_KUBERNETES = "v4.25.0"

#: The Go module that several of these tools share. What they have in common is nearly half of all their packages. The
#: other tools do not compile with the versions that these need.
_TOGETHER = "together"

_MAJOR, _MINOR, _ = KUBERNETES.removeprefix("v").split(".")

PULUMI_CLI = Tool(
    module="pulumi",
    version=PULUMI,
    packages=("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",),
    variables={"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": PULUMI},
)

PULUMI_PROVIDER = Tool(
    module="pulumi-kubernetes",
    shares=_TOGETHER,
    version=PULUMI_KUBERNETES,
    packages=("./pulumi-kubernetes",),
    variables={
        "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version": PULUMI_KUBERNETES.removeprefix("v")
    },
    embeds=(
        "github.com/pulumi/pulumi-kubernetes/provider/v4",
        "cmd/pulumi-resource-kubernetes",
        ("schema.json", "terraform-mapping.json"),
    ),
    no_checksum_database="github.com/pulumi/*",
)

#: What the embedded cluster is made of, the longest builds first.
CLUSTER_TOOLS = (
    Tool(
        module="kubernetes",
        shares=_TOGETHER,
        version=KUBERNETES,
        packages=tuple(
            f"k8s.io/kubernetes/cmd/{name}"
            for name in (
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kubelet",
                "kube-proxy",
                "kubectl",
            )
        ),
        variables={
            "k8s.io/component-base/version.gitVersion": KUBERNETES,
            "k8s.io/component-base/version.gitMajor": _MAJOR,
            "k8s.io/component-base/version.gitMinor": _MINOR,
            "k8s.io/client-go/pkg/version.gitVersion": KUBERNETES,
        },
    ),
    Tool(module="coredns", shares=_TOGETHER, version="v1.12.2", packages=("./coredns",)),
    Tool(module="kwok", version="v0.7.0", packages=("sigs.k8s.io/kwok/cmd/kwok",)),
    Tool(
        module="metrics-server",
        version="v0.7.2",
        packages=("sigs.k8s.io/metrics-server/cmd/metrics-server",),
    ),
    Tool(module="etcd", shares=_TOGETHER, version="v3.7.1", packages=("go.etcd.io/etcd/server/v3",)),
    Tool(
        module="network-policies",
        shares=_TOGETHER,
        version="v1.1.1",
        packages=("./network-policies",),
        no_checksum_database="sigs.k8s.io/kube-network-policies",
    ),
    Tool(
        module="local-path-provisioner",
        version="v0.0.30",
        packages=("github.com/rancher/local-path-provisioner",),
    ),
)

#: In the order of their builds, two at a time. Those that share a Go module come one after the other, not beside each
#: other, as far as can be: two builds at once would both compile what they share.
_FIRST = ("kubernetes", "pulumi", "kwok", "metrics-server", "pulumi-kubernetes", "local-path-provisioner")
TOOLS = tuple(
    sorted(
        (PULUMI_PROVIDER, PULUMI_CLI, *CLUSTER_TOOLS),
        key=lambda tool: _FIRST.index(tool.module) if tool.module in _FIRST else len(_FIRST),
    )
)
