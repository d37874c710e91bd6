"""Workloads that write models."""
