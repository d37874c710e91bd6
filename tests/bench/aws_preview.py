"""How long the program takes for prod, and how much memory, under mocks: in a fresh interpreter, imports included.

python -m tests.bench.aws_preview [stack] [runs]

Prints a line for each run and, last, the bars: 15 s and 1 GiB. Ends with 1 when the median run is above one of them.
The engine and the plugins of a real preview are not in it, nor is any call of AWS.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

SECONDS = 15.0
MEBIBYTES = 1024.0

PROGRAM = """
import resource, sys
from tests.unit.aws.engine import deployed
graph = deployed(sys.argv[1]).graph
print(len(graph.registrations), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def run(stack: str) -> tuple[float, float, float, int]:
    """Wall and CPU seconds, MiB at most, and resources of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, stack]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    resources, memory = done.stdout.split()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, float(memory), int(resources)


def main(arguments: list[str]) -> int:
    stack = arguments[0] if arguments else "prod"
    runs = int(arguments[1]) if len(arguments) > 1 else 5
    measured = [run(stack) for _ in range(runs)]
    for wall, cpu, memory, resources in measured:
        print(f"{stack}: {resources} resources, {wall:.1f} s wall, {cpu:.1f} s CPU, {memory:.0f} MiB")
    wall, memory = (statistics.median(values) for values in ([m[0] for m in measured], [m[2] for m in measured]))
    print(f"median {wall:.1f} s of {SECONDS:.0f} s, {memory:.0f} MiB of {MEBIBYTES:.0f} MiB")
    return 0 if wall <= SECONDS and memory <= MEBIBYTES else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
