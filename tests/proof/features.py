"""All that the platform covers, as the documentation's tables show it: areas, their parts, the features of each part.

A test is tied to a feature by `@pytest.mark.proves(part, feature)`. A feature without a test is shown as not run: what
nobody could try here stays in the table.
"""

from __future__ import annotations

from dataclasses import dataclass

#: From the strongest: processes did it, in real containers or against them; the real API server, scheduler and
#: operators handled the objects, where nodes, devices or clouds are simulated; the program's graph without a cluster,
#: or a stand-in for what is not here (moto for AWS, promtool for alerts over time).
REAL_RUN, API_SERVER, MOCKS = LEVELS = ("real run", "API server", "mocks")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing that a stack has or does. `key` is what markers name, `more` the page about it."""

    key: str
    title: str
    more: str
    features: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Area:
    """Parts that are shown in one table. `matrix`: they share features, and each has a column of its own."""

    title: str
    parts: tuple[Part, ...]
    matrix: bool = False


BOUND = "a claim is bound to its volume"
CLASS = "a class for volumes that its driver makes"
MOUNTED = "pods read and write it"
NO_DRIFT = "a second up and a refresh change nothing"
REASON = "a failure ends up with the program's own message"
RESUMES = "resumes from its checkpoint after it lost a pod"
GONE = "destroy leaves nothing"

AREAS = (
    Area(
        title="Training",
        matrix=True,
        parts=(
            Part(
                key="training/job",
                title="Job",
                more="paths/train.md",
                features=(
                    "trains a model with a manifest",
                    "trains again only when its recipe changes",
                    "waits in its team's queue",
                    "asks for GPUs",
                    "reads and writes a bucket",
                    "is trained again by schedule",
                    NO_DRIFT,
                    REASON,
                    RESUMES,
                    GONE,
                ),
            ),
            Part(
                key="training/pytorch",
                title="PyTorch",
                more="paths/train.md",
                features=(
                    "trains a model with a manifest",
                    "trains again only when its recipe changes",
                    "waits in its team's queue",
                    "asks for GPUs",
                    NO_DRIFT,
                    REASON,
                    RESUMES,
                    GONE,
                ),
            ),
            Part(
                key="training/pytorchjob",
                title="PyTorchJob",
                more="paths/train.md",
                features=(
                    "trains a model with a manifest",
                    "trains again only when its recipe changes",
                    "waits in its team's queue",
                    "asks for GPUs",
                    "goes on with fewer workers",
                    NO_DRIFT,
                    REASON,
                    RESUMES,
                    GONE,
                ),
            ),
            Part(
                key="training/tensorflow",
                title="TensorFlow",
                more="paths/train.md",
                features=(
                    "trains a model with a manifest",
                    "trains again only when its recipe changes",
                    "waits in its team's queue",
                    "asks for GPUs",
                    NO_DRIFT,
                    REASON,
                    RESUMES,
                    GONE,
                ),
            ),
            Part(
                key="training/mpi",
                title="MPI",
                more="paths/train.md",
                features=(
                    "trains a model with a manifest",
                    "trains again only when its recipe changes",
                    "waits in its team's queue",
                    "asks for GPUs",
                    NO_DRIFT,
                    REASON,
                    RESUMES,
                    GONE,
                ),
            ),
            Part(
                key="training/ray",
                title="Ray",
                more="paths/train.md",
                features=(
                    "trains a model with a manifest",
                    "trains again only when its recipe changes",
                    "waits in its team's queue",
                    "asks for GPUs",
                    "workers come and go with the load",
                    "goes on when it loses a worker",
                    NO_DRIFT,
                    REASON,
                    RESUMES,
                    GONE,
                ),
            ),
        ),
    ),
    Area(
        title="Serving",
        matrix=True,
        parts=(
            Part(
                key="serving/deployment",
                title="Deployment",
                more="paths/serve.md",
                features=(
                    "answers predictions",
                    "refuses bad input",
                    "rolls out a new model without a failed request",
                    "rolls back to a version",
                    "scales on CPU",
                    "reads a model from a bucket",
                    "runs on a GPU pool, spread over its hosts",
                    "is measured, with objectives",
                ),
            ),
            Part(
                key="serving/tensorflow",
                title="TensorFlow Serving",
                more="paths/serve.md",
                features=(
                    "answers REST through its Service",
                    "answers gRPC through its Service",
                    "refuses bad input",
                    "answers requests together (batching)",
                    "is warm when it is ready",
                    "has its metrics, under TensorFlow Serving's names",
                    "runs TensorFlow Serving's own program",
                    NO_DRIFT,
                    GONE,
                ),
            ),
            Part(
                key="serving/stateful",
                title="StatefulSet",
                more="paths/serve.md",
                features=(
                    "answers requests through its Service",
                    "refuses bad input",
                    "keeps its data when a pod is lost",
                    "restores a lost volume from a backup",
                    NO_DRIFT,
                    GONE,
                ),
            ),
        ),
    ),
    Area(
        title="Batch inference",
        parts=(
            Part(
                key="batch",
                title="Batch inference",
                more="paths/batch.md",
                features=(
                    "answers for all shards, with a manifest",
                    "a finished shard is never done twice",
                    "goes on where a killed pod was",
                    "waits in its team's queue",
                    "runs by schedule, each run in a folder of its own",
                    NO_DRIFT,
                    REASON,
                    GONE,
                ),
            ),
        ),
    ),
    Area(
        title="Services",
        parts=(
            Part(
                key="queueing",
                title="Queues (Kueue)",
                more="queues.md",
                features=(
                    "a gang starts whole, and two never deadlock",
                    "a team over its quota waits and is told why",
                    "idle quota is borrowed and given back",
                    "a higher priority goes first",
                    "500 queued Jobs drain",
                    "what Kueue changes is no drift",
                ),
            ),
            Part(
                key="gpu",
                title="GPUs",
                more="gpu.md",
                features=(
                    "GPU nodes take GPU work and nothing else",
                    "each GPU node has a device plugin and a DCGM exporter",
                    "time-slicing: slices are resources that quotas count",
                    "MIG: partitions are resources that quotas count",
                    "claims (DRA) get devices of one node",
                    "nodes are dedicated to a team",
                    "servers take the place of preemptible work",
                    "a pod that waits says why",
                    "the GPU Operator, for nodes with a driver and for MIG",
                    "a program computes on a physical GPU",
                ),
            ),
            Part(
                key="monitoring",
                title="Monitoring",
                more="monitoring.md",
                features=(
                    "Prometheus reads every target",
                    "every rule is evaluated on series that exist",
                    "every alert fires when it should and only then",
                    "an alert reaches Alertmanager",
                    "every panel of every dashboard has data",
                    "alerts are routed to their receivers",
                    "metrics of a physical GPU",
                ),
            ),
            Part(
                key="logging",
                title="Logs (OpenTelemetry, Loki)",
                more="logs.md",
                features=("a collector sends logs to Loki or another store", "logs of pods are found in Loki"),
            ),
            Part(
                key="external-secrets",
                title="External Secrets",
                more="secrets.md",
                features=(
                    "an entry of Secrets Manager becomes a Secret",
                    "a rotation rolls the servers that read it",
                    "no value is anywhere else",
                    "a team reads no entry of another",
                ),
            ),
            Part(
                key="gateway",
                title="Gateway",
                more="gateway.md",
                features=(
                    "a host and a path for each server",
                    "only teams' namespaces attach routes",
                    "teams join a service mesh",
                    "a request gets through a gateway's controller",
                ),
            ),
        ),
    ),
    Area(
        title="Storage",
        parts=(
            Part(
                key="storage/volume",
                title="Volumes",
                more="storage.md",
                features=(MOUNTED, "data is kept where it is protected"),
            ),
            Part(key="storage/nfs", title="NFS", more="storage.md", features=(BOUND, CLASS, MOUNTED)),
            Part(key="storage/efs", title="EFS", more="storage.md", features=(BOUND, CLASS, MOUNTED)),
            Part(key="storage/fsx", title="FSx for Lustre", more="storage.md", features=(BOUND, CLASS, MOUNTED)),
            Part(key="storage/ceph", title="CephFS", more="storage.md", features=(BOUND, CLASS, MOUNTED)),
            Part(key="storage/mountpoint", title="S3, mounted", more="storage.md", features=(BOUND, MOUNTED)),
            Part(
                key="storage/s3",
                title="S3, by its API",
                more="storage.md",
                features=(
                    "models go through the platform's own S3 server",
                    "keys of another team are refused",
                    "keys are in their Secrets and nowhere else",
                    "on AWS, with the pod's own identity",
                ),
            ),
        ),
    ),
    Area(
        title="Teams",
        parts=(
            Part(
                key="teams",
                title="Teams",
                more="security.md",
                features=(
                    "members may do what their role says, verb by verb",
                    "a pod below the restricted standard is refused",
                    "quotas limit what a team asks for",
                    "network policies are enforced",
                    "a stack of a team's own",
                ),
            ),
            Part(
                key="secrets",
                title="Secrets",
                more="secrets.md",
                features=(
                    "reach pods as files and variables",
                    "are nowhere but in their Secret",
                    "a new value rolls the server that reads it",
                ),
            ),
        ),
    ),
    Area(
        title="AWS",
        parts=(
            Part(
                key="aws",
                title="AWS",
                more="aws.md",
                features=(
                    "network: subnets over zones that move nothing when one is added",
                    "EKS: private, encrypted, with its add-ons",
                    "node pools: groups, Karpenter, Auto Mode, capacity blocks",
                    "identities: each pod its own role, no statement too wide",
                    "data: buckets, file systems, databases and registries encrypted and protected",
                    "AWS's API takes every resource",
                    "a Kubernetes API server takes every object",
                    "an update in an AWS account",
                ),
            ),
        ),
    ),
    Area(
        title="Operations",
        parts=(
            Part(
                key="operations",
                title="Changes",
                more="concepts/changes.md",
                features=(
                    "an update without a change changes nothing",
                    "a killed update goes on where it was",
                    "a wrong stack file reaches no API server",
                    "what others deleted or edited is repaired",
                    "destroy leaves nothing, even while an operator is down",
                ),
            ),
            Part(
                key="reviews",
                title="Reviews",
                more="ci.md",
                features=(
                    "policies judge every preview",
                    "a preview becomes a comment on the pull request",
                    "what a change costs on AWS",
                    "what an account lacks before an update",
                    "what an upgrade of a chart changes",
                    "the workflows run in GitHub",
                ),
            ),
            Part(
                key="embedded",
                title="Embedded cluster",
                more="embedded-cluster.md",
                features=(
                    "programs and nodes that are killed come back",
                    "Secrets are encrypted, and nothing listens wider than it must",
                    "a stop leaves nothing on the machine",
                ),
            ),
        ),
    ),
)
PARTS = {part.key: part for area in AREAS for part in area.parts}
