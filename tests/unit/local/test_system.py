"""What a machine must have, and what is said where it has not."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local import locking, system
from local.errors import Failure
from local.paths import ROOT
from local.progress import Steps
from local.waiting import wait_until


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("system", "Darwin", "needs Linux, this is Darwin"), ("machine", "riscv64", "this is riscv64")],
)
def test_another_machine_is_told_to_use_a_cluster_that_exists(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, name, lambda: value)
    with pytest.raises(Failure) as failure:
        system.check_machine()
    assert said in str(failure.value)
    assert "kind: existing" in str(failure.value)


def test_without_root_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Failure, match="needs root"):
        system.check_machine()


def test_the_folders_of_the_system_are_searched_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/own::/usr/bin")
    system.complete_path()
    folders = os.environ["PATH"].split(":")
    assert folders[:2] == ["/own", "/usr/bin"]
    assert {"/usr/sbin", "/sbin"} < set(folders)
    assert len(folders) == len(set(folders))
    system.complete_path()
    assert os.environ["PATH"].split(":") == folders


def test_missing_packages_are_found_by_their_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "PACKAGES", {"sh": "dash", "no-such-program": "no-such-package"})
    assert system.missing_packages() == ["no-such-package"]


def test_a_machine_without_apt_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "PACKAGES", {"no-such-program": "no-such-package"})
    monkeypatch.setattr(system.shutil, "which", lambda *_, **__: None)
    with pytest.raises(Failure, match="no apt-get: no-such-package"):
        system.ensure_packages(Steps())


def test_a_second_command_is_refused_and_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    refused = pytest.raises(Failure, match="works on this cluster")
    with locking.or_fail(lock, "this cluster"), refused, locking.or_fail(lock, "this cluster"):
        raise AssertionError("both held it")
    with locking.or_fail(lock, "this cluster"):
        pass


def test_a_wait_for_another_command_is_shown(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holding, shown = threading.Event(), threading.Event()

    def hold() -> None:
        with locking.waiting_for(lock):
            holding.set()
            shown.wait(10)

    class Display(Steps):
        def say(self, line: str) -> None:
            lines.append(line)
            shown.set()

    lines: list[str] = []
    holder = threading.Thread(target=hold)
    holder.start()
    assert holding.wait(10)
    with locking.waiting_for(lock, Display()):
        holder.join()
    assert "wait for another command" in lines[0]
    with locking.waiting_for(lock, Display()):
        assert len(lines) == 2


HOLDER = """
import sys
from pathlib import Path
from local import locking, process
with locking.waiting_for(Path(sys.argv[1])):
    process.run(["sh", "-c", "echo $$; exec sleep 60"], log=Path(sys.argv[2]), what="", remedy="",
                on_line=lambda line: print(line, flush=True))
"""


def test_what_a_killed_command_started_keeps_its_lock_to_its_end(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    words = [sys.executable, "-c", HOLDER, str(lock), str(tmp_path / "log")]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        survivor = int(holder.stdout.readline())
        holder.kill()
    try:
        with locking.if_free(lock) as free:
            assert not free
    finally:
        os.kill(survivor, signal.SIGKILL)

    def released() -> bool:
        with locking.if_free(lock) as free:
            return free

    assert wait_until(released, 10)


def test_the_clusters_are_reached_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost,.example.com")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("ML_PLATFORM_CIDR", "10.214.0.0/16")
    system.bypass_proxies()
    system.bypass_proxies()
    assert os.environ["NO_PROXY"] == "localhost,.example.com,10.214.0.0/16"
    assert os.environ["no_proxy"] == "10.214.0.0/16"
