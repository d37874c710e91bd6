"""Workloads that answer with models."""
