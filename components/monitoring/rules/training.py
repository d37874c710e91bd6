"""Alerts about trainings that failed, that do not start, or that run without doing anything."""

from __future__ import annotations

from components.monitoring.rules.model import Alert, RuleGroup
from components.monitoring.rules.select import of_component

JOB = "{{ $labels.namespace }}/{{ $labels.job_name }}"
TRAINING_JOB = of_component("job", "training", label="job_name")

GROUP = RuleGroup(
    name="training",
    rules=[
        Alert(
            name="TrainingFailed",
            expression=f'kube_job_failed{{condition="true"}} == 1\n{TRAINING_JOB}',
            severity="warning",
            summary=f"The training {JOB} failed.",
        ),
        Alert(
            name="TrainingNotStarted",
            # A Job that waits in a queue is suspended, and has no active pod.
            expression=f"(kube_job_status_active > 0 unless kube_job_status_ready > 0)\n{TRAINING_JOB}",
            hold="30m",
            severity="warning",
            summary=f"The training {JOB} has pods for 30 minutes, and none of them is ready.",
        ),
        Alert(
            name="TrainingStuck",
            # The containers of the two Jobs of a training (components/training/job.py).
            expression="sum by (namespace, pod) (\n"
            '  rate(container_cpu_usage_seconds_total{container=~"train|prepare"}[15m])\n'
            ") < 0.01",
            hold="30m",
            severity="warning",
            summary="The training pod {{ $labels.namespace }}/{{ $labels.pod }} runs, and has used no CPU for 30 "
            "minutes.",
        ),
    ],
)
