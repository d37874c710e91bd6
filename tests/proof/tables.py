"""From what came of a run to the tables of the documentation: pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from local.suite.results import Run, totals
from local.suite.summary import duration
from tests.proof.features import API_SERVER, AREAS, LEVELS, MOCKS, REAL_RUN, Area, Part

NOT_RUN, FAILED = "not run", "failed"
LEGEND = f"""\
- **{REAL_RUN}**: processes did it, in real containers of the embedded cluster or against them.
- **{API_SERVER}**: the real API server, scheduler and operators handled the objects; nodes, devices or clouds were
  simulated.
- **{MOCKS}**: seen in the program's graph without a cluster, or against a stand-in for what is not here (moto for AWS,
  promtool for alerts over time).
- **{NOT_RUN}**: nobody could try it here, or the tests were skipped."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How well a feature was proved, and by which files of tests."""

    level: str
    files: tuple[str, ...] = ()


Proofs = Mapping[tuple[str, str], Proof]


def proofs(run: Run) -> Proofs:
    """What a run proved, by part and feature: the strongest level of the tests that passed; failed if any failed."""
    levels: dict[tuple[str, str], set[str]] = {}
    files: dict[tuple[str, str], set[str]] = {}
    for result in run.tests:
        for part, feature, level in result.proves:
            if result.outcome == "skipped":
                continue
            levels.setdefault((part, feature), set()).add(FAILED if result.outcome == "failed" else level)
            files.setdefault((part, feature), set()).add(result.test.partition("::")[0])
    return {key: Proof(level=_strongest(levels[key]), files=tuple(sorted(files[key]))) for key in levels}


def _strongest(levels: set[str]) -> str:
    return next(level for level in (FAILED, *LEVELS) if level in levels)


def of(part: Part, feature: str, known: Proofs) -> Proof:
    return known.get((part.key, feature), Proof(level=NOT_RUN))


# -- pages -----------------------------------------------------------------------------------------------------


def page(run: Run | None, areas: Sequence[Area] = AREAS) -> str:
    """The page that has a row for each feature."""
    sections = ("# Proof", origin(run), LEGEND, *(_section(area, _known(run)) for area in areas), parts_table(run))
    return "\n\n".join(filter(None, sections)) + "\n"


def overview(run: Run | None, areas: Sequence[Area] = AREAS) -> str:
    """A table with a row for each part: how many of its features were proved how well."""
    known = _known(run)
    columns = (*LEVELS, NOT_RUN)
    rows = [
        (f"{area.title}: {part.title}" if area.matrix else part.title, *_counts(part, columns, known))
        for area in areas
        for part in area.parts
    ]
    return f"{origin(run)}\n\n{table(('part', *columns), rows)}"


def origin(run: Run | None) -> str:
    """On which commits the tests ran."""
    if run is None or not run.tests:
        return "No run of the tests has been recorded: `make test-all` does it."
    commits = list(dict.fromkeys(part.commit[:10] for part in run.parts))
    where = f"commit {commits[0]}" if len(commits) == 1 else f"commits {', '.join(commits[:-1])} and {commits[-1]}"
    return f"From {len(run.tests):,} tests on {where}: {totals(run.tests)}."


def parts_table(run: Run | None) -> str:
    """When each part of the tests last ran to its end, and what came of it; empty where nothing is recorded."""
    tests = run.tests if run else ()
    rows = [
        (
            f"`{part.name}`",
            part.commit[:10],
            duration(part.seconds),
            totals(result for result in tests if result.part == part.name),
        )
        for part in (run.parts if run else ())
    ]
    return f"## The runs\n\n{table(('part', 'commit', 'took', 'tests'), rows)}" if rows else ""


def _known(run: Run | None) -> Proofs:
    return proofs(run) if run else {}


def _counts(part: Part, columns: Sequence[str], known: Proofs) -> Iterator[str]:
    levels = [of(part, feature, known).level for feature in part.features]
    for column in columns:
        count = sum(level == column for level in levels)
        failed = levels.count(FAILED) if column == NOT_RUN else 0
        yield ", ".join(filter(None, (f"{count}" if count else "", f"{failed} failed" if failed else "")))


def _section(area: Area, known: Proofs) -> str:
    return f"## {area.title}\n\n{_matrix(area, known) if area.matrix else _list(area, known)}"


def _list(area: Area, known: Proofs) -> str:
    rows: list[tuple[str, ...]] = []
    for part in area.parts:
        for number, feature in enumerate(part.features):
            proof = of(part, feature, known)
            title = f"[{part.title}]({part.more})" if number == 0 else ""
            rows.append((title, feature, proof.level, _files(proof)))
    return table(("", "feature", "proved by", "tests"), rows)


def _matrix(area: Area, known: Proofs) -> str:
    features = list(dict.fromkeys(feature for part in area.parts for feature in part.features))
    rows = [
        (feature, *(of(part, feature, known).level if feature in part.features else "–" for part in area.parts))
        for feature in features
    ]
    return table(("", *(f"[{part.title}]({part.more})" for part in area.parts)), rows)


def _files(proof: Proof) -> str:
    return ", ".join(f"`{file}`" for file in proof.files)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


# -- files -----------------------------------------------------------------------------------------------------

BEGIN, END = "<!-- proof: begin, made by python -m tests.proof -->", "<!-- proof: end -->"


def with_overview(text: str, run: Run | None) -> str:
    """A page with the overview between its two marks. ValueError when it lacks them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{overview(run)}\n\n{END}{after}"
