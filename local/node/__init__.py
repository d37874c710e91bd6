"""The embedded cluster's one node: its namespaces, cgroups, network, certificates and programs."""
