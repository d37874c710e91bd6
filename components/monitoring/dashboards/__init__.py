"""Grafana dashboards, built with Grafana's own typed library: what a panel shows is a PromQL query and a sentence."""
