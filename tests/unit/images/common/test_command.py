"""`python -m images`: the sample images for a cluster of the user's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from images import CONTEXT, content_tag
from images.__main__ import LOCAL_REGISTRY, main


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`docker` and `kind` that write down how they are called; `kind` fails where the file `broken` exists."""
    log = tmp_path / "calls"
    log.touch()
    for name in ("docker", "kind"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {log}\n[ ! -e {tmp_path}/broken-{name} ]\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return log


def reference(name: str, registry: str = LOCAL_REGISTRY) -> str:
    return f"{registry}/{name}:{content_tag(name)}"


def build(name: str, registry: str = LOCAL_REGISTRY) -> str:
    return f"docker build --tag {reference(name, registry)} --file {CONTEXT / name / 'Dockerfile'} {CONTEXT}"


def test_images_go_into_a_kind_cluster(calls: Path) -> None:
    assert main(["--kind", "ml"]) == 0
    assert calls.read_text().splitlines() == [
        build("trainer"),
        f"kind load docker-image {reference('trainer')} --name ml",
        build("predictor"),
        f"kind load docker-image {reference('predictor')} --name ml",
    ]


def test_images_are_pushed_to_a_registry(calls: Path) -> None:
    registry = "registry.example/ml"
    assert main(["--registry", registry, "--push", "predictor"]) == 0
    assert calls.read_text().splitlines() == [
        build("predictor", registry),
        f"docker push {reference('predictor', registry)}",
    ]


def test_a_failed_build_ends_the_command_with_its_exit_code(calls: Path) -> None:
    (calls.parent / "broken-docker").touch()
    assert main(["--kind", "ml"]) == 1
    assert len(calls.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "no sample image is called nothing: there are feature-store, mpi-trainer"),
        (["--push"], "--push needs --registry"),
        (["--push", "--kind", "ml"], "not allowed with"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_built(
    calls: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not calls.read_text()


def test_a_machine_without_docker_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main([]) == 1
    assert "docker is not installed" in capsys.readouterr().err
