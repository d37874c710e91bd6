"""The corpus of stack files: each malformed one gives the faults that its first lines name, each valid one a model.

A malformed file begins with a line for each fault, `# expect: <key path> | <part of the message>`, the path empty
where the fault is the file's. Lines that end in `# fault` are the ones that the faults must name, if any does.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stacks.check import check_stack_file, main
from stacks.environment.config import Environment

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
MALFORMED = sorted((HERE / "malformed").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
VALID = [*sorted((HERE / "valid").glob("*.yaml")), *EXAMPLES, ROOT / "Pulumi.dev.yaml"]
EXPECTED = re.compile(r"# expect: (.*?) ?\| (.+)")
# Every message says what to write instead, after a semicolon or, of a missing key, what it is.
REMEDY = re.compile(r"; \w|: is required: \w")


def name(path: Path) -> str:
    return path.stem


def test_the_corpus_is_broad():
    assert len(MALFORMED) >= 170


@pytest.mark.parametrize("path", MALFORMED, ids=name)
def test_malformed_file(path: Path, capsys: pytest.CaptureFixture[str]):
    source = path.read_bytes().decode("utf-8", errors="replace").splitlines()
    expected = [match.groups() for line in source if (match := EXPECTED.fullmatch(line))]
    marked = {number for number, line in enumerate(source, 1) if line.endswith("# fault")}
    assert expected, "the file does not say what is wrong with it"

    started = time.process_time()
    code = main([str(path)])
    spent = time.process_time() - started

    output = capsys.readouterr()
    lines = output.err.splitlines()
    assert code == 1
    assert output.out == ""
    assert len(lines) == len(expected), output.err
    for key_path, message in expected:
        place = rf"{re.escape(path.name)}(:\d+)?: " + (rf"{re.escape(key_path)}: " if key_path else "")
        assert any(re.match(place, line) and message in line for line in lines), (key_path, output.err)
    assert all(REMEDY.search(line) for line in lines), output.err
    if marked:
        assert {int(line.split(":")[1]) for line in lines} == marked
    # A file is a page of text; a bomb in it must not cost more than a page.
    assert spent < 1


@pytest.mark.parametrize("path", VALID, ids=name)
def test_valid_file(path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(path)]) == 0
    assert capsys.readouterr() == ("", "")
    assert isinstance(check_stack_file(path), Environment)


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stacks.check", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_lists_the_faults_of_all_files_and_fails():
    bad = [HERE / "malformed" / f"{name}.yaml" for name in ("cpu-unit", "file-open-bracket")]
    done = check(str(bad[0]), str(ROOT / "Pulumi.dev.yaml"), str(bad[1]))
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert done.stdout == ""
    assert [line.split(":")[0] for line in lines] == ["cpu-unit.yaml", "file-open-bracket.yaml"]
    assert "Traceback" not in done.stderr


def test_the_command_is_silent_about_a_sound_file():
    done = check("Pulumi.dev.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_command_without_a_file_says_how_to_call_it():
    done = check()
    assert done.returncode == 2
    assert done.stderr.startswith("usage: python -m stacks.check")


def test_the_check_needs_no_pulumi():
    # Its import takes longer than the whole check, and the check runs before there is a Pulumi.
    code = "import sys, stacks.check; print([name for name in sys.modules if name.startswith('pulumi')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
