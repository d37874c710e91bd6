"""The mirror of this machine: charts, manifests and images of the catalog, made from source."""
