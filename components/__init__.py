"""Typed building blocks: one component a module, pure functions beside them for every decision."""
