"""Alerts about certificates that expire, after which nothing talks to the API server or the kubelet any more."""

from __future__ import annotations

from components.monitoring.rules.model import Alert, RuleGroup

WEEK_SECONDS = 7 * 86400

GROUP = RuleGroup(
    name="certificates",
    rules=[
        Alert(
            name="ClientCertificateExpires",
            # A histogram of what clients show, not of who they are: the audit log tells that.
            expression="histogram_quantile(0.01, sum by (le) (\n"
            "  rate(apiserver_client_certificate_expiration_seconds_bucket[30m])\n"
            f")) < {WEEK_SECONDS}",
            hold="15m",
            severity="warning",
            summary="A client talks to the API server with a certificate that expires within a week.",
        ),
        Alert(
            name="KubeletCertificateExpires",
            # Kubelets that do not renew their certificates themselves report that these never expire.
            expression="min by (node) (\n"
            '  {__name__=~"kubelet_certificate_manager_(client|server)_ttl_seconds"}\n'
            f") < {WEEK_SECONDS}",
            hold="1h",
            severity="warning",
            summary="A certificate of the kubelet of {{ $labels.node }} expires within a week and was not renewed.",
        ),
    ],
)
