"""The `monitoring` section: metrics, alerts, objectives, dashboards."""
