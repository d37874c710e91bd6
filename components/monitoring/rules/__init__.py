"""All alerts of the platform. Each has tests that make it fire and keep it silent, and an entry in the runbooks."""

from components.monitoring.rules import certificates, gpu, nodes, queueing, serving, storage, training
from components.monitoring.rules import monitoring as own
from components.monitoring.rules.model import Alert, RuleGroup

GROUPS: tuple[RuleGroup, ...] = (
    serving.GROUP,
    training.GROUP,
    queueing.GROUP,
    gpu.GROUP,
    storage.GROUP,
    nodes.GROUP,
    certificates.GROUP,
    own.GROUP,
)
ALERTS: tuple[Alert, ...] = tuple(rule for group in GROUPS for rule in group.rules if isinstance(rule, Alert))
