"""Folders that are complete or not there: re-runs, kills and races."""

import errno
import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from images.workloads.common.folder import FolderError, is_complete, publish, read_manifest

_REPOSITORY = Path(__file__).parents[4]

# Two files whose content is the writer's process id, the manifest last.
_WRITER = """
import errno, fcntl, json, os, pathlib, sys, time
from images.workloads.common.folder import publish
target, start = map(pathlib.Path, sys.argv[1:3])
locks, pause = sys.argv[3], float(sys.argv[4])
if locks == "no-locks":
    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    fcntl.flock = flock
def fill(draft):
    (draft / "data").write_text(str(os.getpid()))
    print("filling", flush=True)
    time.sleep(pause)
    (draft / "manifest.json").write_text(json.dumps({"pid": os.getpid()}))
print("up", flush=True)
while not start.exists():
    time.sleep(0.005)
print("written" if publish(target, fill) else "complete", flush=True)
"""


def _start_writer(target: Path, start: Path, *, locks: str = "locks", pause: float = 0.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, str(target), str(start), locks, str(pause)]
    return subprocess.Popen(command, cwd=_REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _read_line(writer: subprocess.Popen[str]) -> str:
    assert writer.stdout is not None
    return writer.stdout.readline().rstrip()


def _fill(draft: Path) -> None:
    (draft / "nested").mkdir()
    (draft / "nested" / "data").write_text("ours")
    (draft / "manifest.json").write_text('{"by": "test"}')


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_published_folder_is_complete_and_alone(tmp_path: Path) -> None:
    target = tmp_path / "digits" / "v1"
    assert publish(target, _fill)
    assert read_manifest(target) == {"by": "test"}
    assert (target / "nested" / "data").read_text() == "ours"
    assert _names(target.parent) == ["v1"]


def test_a_complete_folder_is_left_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "v1"
    publish(target, _fill)
    before = [(path, path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(target.rglob("*"))]

    def never(_draft: Path) -> None:
        raise AssertionError("written again")

    assert not publish(target, never)
    assert [(path, path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(target.rglob("*"))] == before


def test_an_empty_folder_in_the_way_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    assert publish(tmp_path / "v1", _fill)
    assert is_complete(tmp_path / "v1")


def test_a_folder_of_somebody_else_is_neither_used_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "precious").write_text("theirs")
    with pytest.raises(FolderError, match=r"v1 has files but no manifest\.json.*move it away"):
        publish(tmp_path / "v1", _fill)
    assert (tmp_path / "v1" / "precious").read_text() == "theirs"
    assert _names(tmp_path) == ["v1"]


def test_a_failed_run_leaves_nothing(tmp_path: Path) -> None:
    def fail(draft: Path) -> None:
        (draft / "half").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        publish(tmp_path / "v1", fail)
    assert _names(tmp_path) == []


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    target, start = tmp_path / "v1", tmp_path / "start"
    start.touch()
    with _start_writer(target, start, pause=60) as writer:
        assert [_read_line(writer), _read_line(writer)] == ["up", "filling"]
        writer.kill()
        assert writer.wait() == -signal.SIGKILL
    left = _names(tmp_path)
    assert not is_complete(target)
    assert [name.partition("-")[0] for name in left] == [".v1.draft", ".v1.lock", "start"]

    # Another version's draft is another run's.
    (tmp_path / ".v2.draft-1").mkdir()
    assert publish(target, _fill)
    assert _names(tmp_path) == [".v2.draft-1", "start", "v1"]


@pytest.mark.parametrize("locks", ["locks", "no-locks"])
def test_of_racing_runs_one_wins_and_none_fails(tmp_path: Path, locks: str) -> None:
    target, start = tmp_path / "digits" / "v1", tmp_path / "start"
    writers = [_start_writer(target, start, locks=locks, pause=0.05) for _ in range(6)]
    assert [_read_line(writer) for writer in writers] == ["up"] * len(writers)
    start.touch()
    results = [writer.communicate(timeout=30) for writer in writers]

    assert [stderr for _, stderr in results] == [""] * len(writers)
    assert [writer.returncode for writer in writers] == [0] * len(writers)
    last_words = [stdout.splitlines()[-1] for stdout, _ in results]
    assert sorted(last_words) == ["complete"] * 5 + ["written"]
    winner = writers[last_words.index("written")]
    assert (target / "data").read_text() == str(winner.pid)
    assert read_manifest(target) == {"pid": winner.pid}
    assert _names(target.parent) == (["v1"] if locks == "locks" else [".v1.lock", "v1"])
    if locks == "locks":
        assert sum("filling" in stdout for stdout, _ in results) == 1


def test_a_lock_on_a_file_that_was_removed_does_not_count(tmp_path: Path) -> None:
    target, start, lock = tmp_path / "v1", tmp_path / "start", tmp_path / ".v1.lock"
    with _start_writer(target, start) as writer, lock.open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        start.touch()
        assert _read_line(writer) == "up"
        assert "waiting for another run" in _read_line(writer)
        # The first holder is done and a third run has the lock anew, on another file of the same name.
        lock.unlink()
        with lock.open("w") as second:
            fcntl.flock(second, fcntl.LOCK_EX)
            fcntl.flock(first, fcntl.LOCK_UN)
            assert "waiting for another run" in _read_line(writer)
        assert [_read_line(writer), _read_line(writer)] == ["filling", "written"]
    assert _names(tmp_path) == ["start", "v1"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, r"has no manifest\.json"), ("{", "is not JSON"), ("[]", "is not a JSON object")],
)
def test_a_bad_manifest_is_named(tmp_path: Path, content: str | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(FolderError, match=problem):
        read_manifest(tmp_path)
