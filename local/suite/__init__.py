"""What `make test`, `make test-groups`, `make test-all` and CI run, and what they write down of it."""
