"""The `priorities` section: PriorityClasses."""
