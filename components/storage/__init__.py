"""Storage of a team, by kind; `access` is what its workloads see of any of them."""
