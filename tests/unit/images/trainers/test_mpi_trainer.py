"""The MPI trainer: what launcher and workers start, and the training itself with ranks that are threads."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from images.workloads.common import environment
from images.workloads.common.command import PeerError
from images.workloads.common.network import NetworkArgs
from images.workloads.mpi_trainer import launch
from images.workloads.mpi_trainer.__main__ import main
from images.workloads.mpi_trainer.train import train
from tests.unit.images.workload import NAME, VERSION, Trained

OPERATOR = {
    "K_MPI_JOB_ROLE": "launcher",
    "OMPI_MCA_orte_default_hostfile": "/etc/mpi/hostfile",
    "OMPI_MCA_orte_keep_fqdn_hostnames": "true",
    "OMPI_MCA_plm_rsh_args": "-o ConnectionAttempts=10",
}


def _environ(trained: Trained, root: Path, **more: str) -> dict[str, str]:
    folders = {"DATA_DIR": str(trained.data), "MODEL_DIR": str(root / NAME / VERSION)}
    return {**folders, "CHECKPOINT_DIR": str(root / "checkpoints"), **more}


def test_the_launcher_says_in_the_words_of_open_mpi_5_what_the_operator_says_in_those_of_4() -> None:
    words = launch.launcher(["train", "--epochs", "3"], OPERATOR)
    text = " ".join(words)
    assert text.startswith("mpirun --hostfile /etc/mpi/hostfile ")
    assert "--prtemca prte_keep_fqdn_hostnames 1" in text
    assert words[words.index("plm_ssh_args") + 1] == "-o ConnectionAttempts=10"
    assert text.endswith("python3 -m workloads.mpi_trainer train --epochs 3")


def test_ranks_get_the_contract_and_the_keys_and_nothing_of_the_launchers_own() -> None:
    environ = {**OPERATOR, "MODEL_DIR": "/m", "AWS_ACCESS_KEY_ID": "k", "PATH": "/bin", "HOSTNAME": "launcher"}
    words = launch.launcher(["train"], environ)
    assert [words[at + 1] for at, word in enumerate(words) if word == "-x"] == ["AWS_ACCESS_KEY_ID", "MODEL_DIR"]


def test_hosts_are_those_of_the_operators_file(tmp_path: Path) -> None:
    file = tmp_path / "hostfile"
    file.write_text("solver-worker-0.solver.team.svc slots=1\nsolver-worker-1.solver.team.svc slots=1\n\n")
    assert launch.host_file({"OMPI_MCA_orte_default_hostfile": str(file)}) == file
    assert launch.host_file({}) == Path("/etc/mpi/hostfile")
    assert launch.hosts(file) == ["solver-worker-0.solver.team.svc", "solver-worker-1.solver.team.svc"]


def test_a_worker_that_comes_late_is_waited_for() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        timer = threading.Timer(0.3, listener.listen)
        timer.start()
        launch.wait_for(["127.0.0.1"], 30, port=listener.getsockname()[1])
        timer.join()


def test_a_worker_that_does_not_come_is_named() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(PeerError, match=r"worker 127\.0\.0\.1 takes no connection in 0\.1 s"):
            launch.wait_for(["127.0.0.1"], 0.1, port=bound.getsockname()[1])


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 65", 65), ("kill -9 $$", 137)])
def test_the_code_of_mpirun_is_that_of_a_shell(script: str, code: int) -> None:
    assert launch.run(["sh", "-c", script]) == code


@pytest.fixture
def mpirun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a script in the place of mpirun, and has no worker to wait for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    (tmp_path / "hostfile").touch()

    def make(script: str) -> None:
        (folder / "mpirun").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "mpirun").chmod(0o755)

    return make


def _launch(trained: Trained, root: Path) -> int:
    hostfile = str(root / "hostfile")
    return main(["train"], _environ(trained, root, **{**OPERATOR, "OMPI_MCA_orte_default_hostfile": hostfile}))


def test_a_launcher_whose_mpirun_lost_a_worker_unnoticed_fails(
    trained: Trained, tmp_path: Path, mpirun: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    mpirun("exit 0")
    assert _launch(trained, tmp_path) == 1
    assert "mpirun ended without a fault, but" in capsys.readouterr().err


def test_a_launcher_ends_with_the_code_of_its_ranks(
    trained: Trained, tmp_path: Path, mpirun: Callable[[str], None]
) -> None:
    mpirun("exit 65")
    with pytest.raises(SystemExit) as end:
        _launch(trained, tmp_path)
    assert end.value.code == 65


def test_a_launcher_whose_ranks_wrote_the_model_says_what_it_is_worth(
    trained: Trained, tmp_path: Path, mpirun: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    mpirun(f"mkdir -p {tmp_path / NAME} && cp -r {trained.model} {tmp_path / NAME / VERSION}")
    assert _launch(trained, tmp_path) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert done["event"] == "done"
    assert done["metrics"]["accuracy"] >= 0.97


def test_the_configuration_of_ssh_is_where_the_job_mounts_its_keys() -> None:
    folder = Path(launch.__file__).parents[2] / "mpi-trainer"
    server, client = (folder.joinpath(name).read_text() for name in ("sshd_config", "ssh_config"))
    assert f"Port {launch.SSH_PORT}\n" in server
    assert f"Port {launch.SSH_PORT}\n" in client
    assert "HostKey /etc/mpi-ssh/id_rsa\n" in server
    assert "AuthorizedKeysFile /etc/mpi-ssh/authorized_keys\n" in server
    assert "IdentityFile /etc/mpi-ssh/id_rsa\n" in client


class World:
    """Ranks that are threads of this process: each adds what it has at a barrier."""

    IN_PLACE = object()

    def __init__(self, size: int) -> None:
        self.size = size
        self._mine = threading.local()
        self._barrier = threading.Barrier(size)
        self._given: list[Any] = [None] * size
        self.aborted: list[int] = []
        self.garbled = 0

    @property
    def COMM_WORLD(self) -> World:  # noqa: N802  the name in mpi4py
        return self

    @property
    def rank(self) -> int:
        return self._mine.rank

    def join(self, rank: int) -> None:
        self._mine.rank = rank

    def _exchange(self, value: Any) -> list[Any]:
        self._given[self.rank] = value
        self._barrier.wait(60)
        given = list(self._given)
        self._barrier.wait(60)
        return given

    def allreduce(self, value: int) -> int:
        return sum(self._exchange(value)) + self.garbled

    def Allreduce(self, place: object, array: Any) -> None:  # noqa: N802
        assert place is self.IN_PLACE
        array[:] = np.sum(self._exchange(array.copy()), axis=0)

    def bcast(self, value: Any) -> Any:
        return self._exchange(value)[0]

    def Abort(self, code: int) -> None:  # noqa: N802
        self.aborted.append(code)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], World]:
    def make(size: int) -> World:
        made = World(size)
        module = ModuleType("mpi4py")
        vars(module)["MPI"] = made
        monkeypatch.setitem(sys.modules, "mpi4py", module)
        return made

    return make


def _ranks(made: World, trained: Trained, root: Path, args: NetworkArgs) -> list[Any]:
    results: list[Any] = [None] * made.size

    def one(rank: int) -> None:
        made.join(rank)
        environ = _environ(trained, root, OMPI_COMM_WORLD_RANK=str(rank), MIN_ACCURACY="0.9")
        try:
            results[rank] = train(environment.run(environ), args, environ)
        except Exception as error:  # noqa: BLE001
            results[rank] = error

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(made.size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results


def _events(output: str, name: str) -> list[Any]:
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [SimpleNamespace(**line) for line in lines if line["event"] == name]


def test_ranks_train_one_model_and_go_on_from_its_checkpoint(
    trained: Trained, tmp_path: Path, world: Callable[[int], World], capsys: pytest.CaptureFixture[str]
) -> None:
    whole, *helpers = _ranks(world(3), trained, tmp_path, NetworkArgs(epochs=12))
    assert helpers == [None, None]
    output = capsys.readouterr().out
    (added,) = _events(output, "allreduce")
    assert (added.ranks, added.sum, added.expected) == (3, 6, 6)
    assert [event.epoch for event in _events(output, "progress")] == list(range(1, 13))
    # Of a run that ended after the checkpoint of epoch 10, another number of ranks makes the same model.
    shutil.rmtree(tmp_path / NAME)
    shutil.rmtree(tmp_path / "checkpoints" / "epoch-0000012")
    resumed, *_ = _ranks(world(2), trained, tmp_path, NetworkArgs(epochs=12))
    output = capsys.readouterr().out
    assert [event.epoch for event in _events(output, "progress")] == [11, 12]
    assert resumed["metrics"] == pytest.approx(whole["metrics"], abs=0.005)


def test_a_sum_that_is_wrong_ends_all_ranks(trained: Trained, tmp_path: Path, world: Callable[[int], World]) -> None:
    made = world(2)
    made.garbled = 1
    errors = _ranks(made, trained, tmp_path, NetworkArgs(epochs=1))
    assert [str(error) for error in errors] == [
        f"rank {rank}: the sum of 1 to 2 came out as 4, not 3" for rank in range(2)
    ]
    assert made.aborted == [1, 1]
    assert not (tmp_path / NAME / VERSION).exists()
