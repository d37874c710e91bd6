"""`make bench`: how long the way from a stopped cluster to a prediction takes."""

from tests.bench.spine import main

main()
