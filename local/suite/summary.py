"""The last lines of a run: what ran, what did not and why, and the counts that CI systems read."""

from collections.abc import Sequence

from local.suite.results import Part, Run, totals


def line(part: Part) -> str:
    """What came of a part, such as `platform-queues: not run: the mirror lacks kueue; …`."""
    if part.outcome == "not run":
        return f"{part.name}: not run: {part.why}"
    took = f"{part.name}: {part.outcome} in {duration(part.seconds)}"
    return f"{took}: {part.why}" if part.why else took


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def last_lines(run: Run) -> list[str]:
    return [*map(line, run.parts), totals(run.tests)]


def with_rest(parts: Sequence[Part], planned: Sequence[str], why: str) -> list[Part]:
    """The parts of a run that ended early, with those that it did not finish; `why` it ended."""
    done = {part.name for part in parts}
    rest = [Part(name=name, outcome="not run", complete=False, why=why) for name in planned]
    return [*parts, *(part for part in rest if part.name not in done)]
