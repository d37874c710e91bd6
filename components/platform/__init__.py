"""What operators are installed with: charts, CRDs, drift repair, drains, the connection to the cluster."""
