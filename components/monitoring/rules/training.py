"""Alerts about trainings that failed, that do not start, or that run without doing anything."""

from __future__ import annotations

from components.monitoring.rules.model import Alert, RuleGroup
from components.monitoring.rules.select import COMPONENT, ENTRY, of_component
from components.monitoring.training_state import CONDITION

JOB = "{{ $labels.namespace }}/{{ $labels.job_name }}"
POD = "{{ $labels.namespace }}/{{ $labels.pod }}"
ENTRY_NAME = f"{{{{ $labels.namespace }}}}/{{{{ $labels.{ENTRY} }}}}"
TRAINING_POD = of_component("pod", "training")
TRAINING_JOB = of_component("job", "training", label="job_name")

GROUP = RuleGroup(
    name="training",
    rules=[
        Alert(
            name="TrainingFailed",
            expression=f'(kube_job_failed{{condition="true"}} == 1\n{TRAINING_JOB})\n'
            f'or {CONDITION}{{condition="Failed"}} == 1',
            severity="warning",
            summary=f"The training {JOB} failed.",
        ),
        Alert(
            name="TrainingNotStarted",
            # A training that waits in a queue is suspended, and has no pod.
            expression=f'kube_pod_status_phase{{phase="Pending"}} == 1\n{TRAINING_POD}',
            hold="30m",
            severity="warning",
            summary=f"The training pod {POD} waits for 30 minutes to start.",
        ),
        Alert(
            name="TrainingStuck",
            # Of all pods together: a launcher or a parameter server may well have nothing to do.
            expression=f"sum by (namespace, {ENTRY}) (\n"
            '  sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{container!=""}[15m]))\n'
            f'  * on (namespace, pod) group_left ({ENTRY}) kube_pod_labels{{{COMPONENT}="training"}}\n'
            ") < 0.01",
            hold="30m",
            severity="warning",
            summary=f"The pods of the training {ENTRY_NAME} have used no CPU for 30 minutes.",
        ),
    ],
)
