"""What Docker would refuse, or do otherwise than the local builder, as far as it shows without Docker."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from images import CONTEXT, image_files, sample_images
from local.image_names import BASES, base_of

_INSTRUCTIONS = {"ARG", "FROM", "ENV", "COPY", "RUN", "WORKDIR", "EXPOSE", "USER", "ENTRYPOINT"}


def _instructions(name: str) -> list[tuple[str, str]]:
    """Instruction and arguments of each, continued lines joined, comments left out."""
    text = (CONTEXT / name / "Dockerfile").read_text()
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", "")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines.splitlines() if line.strip())]


def _of(name: str, instruction: str) -> list[str]:
    return [rest for word, rest in _instructions(name) if word == instruction]


@pytest.mark.parametrize("name", sample_images())
def test_only_plain_instructions_are_used(name: str) -> None:
    assert {word for word, _ in _instructions(name)} <= _INSTRUCTIONS


@pytest.mark.parametrize("name", sample_images())
def test_every_stage_stands_on_the_one_base(name: str) -> None:
    first, *_ = _instructions(name)
    default = first[1].removeprefix("BASE=")
    assert first == ("ARG", f"BASE={default}")
    assert base_of(name) is BASES[default]
    assert [stage.split()[0] for stage in _of(name, "FROM")] == ["${BASE}"] * 2


@pytest.mark.parametrize("name", sample_images())
def test_every_source_of_a_copy_is_in_the_context(name: str) -> None:
    files = image_files(CONTEXT, name)
    for arguments in _of(name, "COPY"):
        *sources, target = arguments.split()
        # Docker wants a folder, said by its slash, where there are several sources.
        assert len(sources) == 1 or target.endswith("/") or sources[0].startswith("--from=")
        for source in sources:
            if source.startswith("--from="):
                break
            # Docker copies nothing for a pattern that matches nothing, where another source is there.
            assert "*" in source or any(file.is_relative_to(source) for file in files), source
            assert not Path(source).is_absolute()
            assert ".." not in source


@pytest.mark.parametrize("name", sample_images())
def test_every_command_is_shell(name: str) -> None:
    for command in _of(name, "RUN"):
        subprocess.run(["sh", "-n", "-c", command], check=True)


@pytest.mark.parametrize("name", sample_images())
def test_it_runs_as_the_platforms_user_and_starts_its_program(name: str) -> None:
    assert _of(name, "USER") == ["10001:10001"]
    (entrypoint,) = _of(name, "ENTRYPOINT")
    python, flag, module = json.loads(entrypoint)
    assert (python, flag) == ("python3", "-m")
    assert (CONTEXT / module.replace(".", "/") / "__main__.py").is_file()
    assert _of(name, "WORKDIR") == ["/opt/app"]


def test_what_is_not_counted_is_not_sent_to_docker() -> None:
    ignored = {line for line in (CONTEXT / ".dockerignore").read_text().splitlines() if not line.startswith("#")}
    assert ignored == {"**/__pycache__", "**/.*", "**/requirements.in"}


@pytest.mark.parametrize("name", sample_images())
def test_packages_of_the_index_are_installed_by_their_hashes(name: str) -> None:
    (install,) = [command for command in _of(name, "RUN") if "pip install" in command]
    assert re.search(r"--require-hashes .* -r /build/requirements\.lock", install)
