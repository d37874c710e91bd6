"""Typed building blocks for AWS."""
