"""PromQL that narrows series of kube-state-metrics to objects of the platform's own kinds.

kube-state-metrics gives an object's labels as a series of their own, and only those labels that it is told to
(`components.monitoring.exporters`).
"""

from __future__ import annotations

# How kube-state-metrics spells `app.kubernetes.io/component`.
COMPONENT = "label_app_kubernetes_io_component"
# And `app.kubernetes.io/name`, on pods the name of their entry.
ENTRY = "label_app_kubernetes_io_name"


def of_component(kind: str, component: str, *, label: str | None = None) -> str:
    """`and …`: keeps the series whose object, such as a `deployment`, has that component label.

    `label` is the label that names the object where it is not the kind's own name.
    """
    return f'and on (namespace, {label or kind}) kube_{kind}_labels{{{COMPONENT}="{component}"}}'
