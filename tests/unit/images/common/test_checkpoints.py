"""Checkpoints: the newest complete one of the same recipe is gone on from, whatever else lies about."""

import json
from pathlib import Path

import pytest

from images.workloads.common.checkpoints import Checkpoints

RECIPE = {"data": "abc", "epochs": 40}


def _checkpoints(folder: Path | None, **recipe: object) -> Checkpoints:
    return Checkpoints(parent=folder, recipe={**RECIPE, **recipe})


def _save(checkpoints: Checkpoints, epoch: int) -> None:
    def write(draft: Path) -> None:
        (draft / "state").write_text(f"after {epoch}")

    checkpoints.save(epoch, write)


def _newest(checkpoints: Checkpoints) -> tuple[int, str] | None:
    with checkpoints.newest() as found:
        return found and (found[0], (found[1] / "state").read_text())


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_without_a_folder_there_are_none() -> None:
    checkpoints = _checkpoints(None)
    _save(checkpoints, 5)
    assert _newest(checkpoints) is None


def test_a_folder_that_is_not_there_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _newest(_checkpoints(tmp_path / "none")) is None
    event = json.loads(capsys.readouterr().out)
    assert event["event"] == "no checkpoint to resume from"
    assert event["folder"] == str(tmp_path / "none")


def test_the_newest_is_found_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for epoch in (5, 10, 100):
        _save(_checkpoints(tmp_path), epoch)
    capsys.readouterr()
    assert _newest(_checkpoints(tmp_path)) == (100, "after 100")
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["epoch"], event["checkpoint"]) == (
        "resuming",
        100,
        str(tmp_path / "epoch-0000100"),
    )


def test_who_only_looks_at_one_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _save(_checkpoints(tmp_path), 5)
    capsys.readouterr()
    with _checkpoints(tmp_path).newest("evaluating") as found:
        assert found
    assert json.loads(capsys.readouterr().out)["event"] == "evaluating"
    assert _checkpoints(tmp_path).epochs() == [5]
    assert _checkpoints(None).epochs() == []


def test_the_last_two_stay(tmp_path: Path) -> None:
    for epoch in (5, 10, 15, 20):
        _save(_checkpoints(tmp_path), epoch)
    assert _names(tmp_path) == ["epoch-0000015", "epoch-0000020"]


def test_one_that_is_not_complete_is_left_out_and_written_anew(tmp_path: Path) -> None:
    _save(_checkpoints(tmp_path), 5)
    (tmp_path / "epoch-0000010").mkdir()
    (tmp_path / "epoch-0000010" / "state").write_text("half")
    (tmp_path / ".epoch-0000015.draft-1").mkdir()
    assert _newest(_checkpoints(tmp_path)) == (5, "after 5")
    _save(_checkpoints(tmp_path), 10)
    assert _newest(_checkpoints(tmp_path)) == (10, "after 10")


def test_one_of_another_recipe_is_left_out_and_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _save(_checkpoints(tmp_path, data="other"), 20)
    assert _newest(_checkpoints(tmp_path)) is None
    assert "of other data or arguments" in capsys.readouterr().out
    _save(_checkpoints(tmp_path), 5)
    assert _names(tmp_path) == ["epoch-0000005"]
    assert _newest(_checkpoints(tmp_path)) == (5, "after 5")


def test_what_is_no_checkpoint_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "epoch-1").touch()
    for epoch in (1, 2, 3):
        _save(_checkpoints(tmp_path), epoch)
    assert _names(tmp_path) == ["epoch-0000002", "epoch-0000003", "epoch-1", "notes"]


def test_a_kill_in_the_middle_of_a_write_leaves_the_one_before(tmp_path: Path) -> None:
    _save(_checkpoints(tmp_path), 5)

    def killed(draft: Path) -> None:
        (draft / "state").write_text("half")
        raise SystemExit(143)

    with pytest.raises(SystemExit):
        _checkpoints(tmp_path).save(10, killed)
    assert _newest(_checkpoints(tmp_path)) == (5, "after 5")
