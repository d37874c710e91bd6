"""How an MPIJob starts the trainer: workers run sshd, the launcher mpirun, which starts the ranks on the workers."""

import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..common.command import PeerError

MODULE = "workloads.mpi_trainer"
SSH_PORT = 2222

# What a rank needs of the launcher's environment, beyond what sshd gives it.
_PASSED_ON = (
    *("DATA_DIR", "MODEL_DIR", "MODEL_NAME", "MODEL_VERSION", "CODE_VERSION", "CHECKPOINT_DIR", "MIN_ACCURACY"),
    *("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("LANG", "HOME", "TMPDIR"),
)
_PREFIX_PASSED_ON = "AWS_"


def host_file(environ: Mapping[str, str]) -> Path:
    """The file that names the workers, one a line with its slots."""
    return Path(environ.get("OMPI_MCA_orte_default_hostfile", "/etc/mpi/hostfile"))


def hosts(file: Path) -> list[str]:
    """The names of the workers."""
    return [line.split()[0] for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def wait_for(names: Sequence[str], seconds: float, port: int = SSH_PORT) -> None:
    """Wait until each worker takes connections: one that is new has a name late. Raises PeerError."""
    deadline = time.monotonic() + seconds
    for name in names:
        while True:
            try:
                socket.create_connection((name, port), timeout=5).close()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise PeerError(f"worker {name} takes no connection in {seconds:g} s: {error}") from None
                time.sleep(1)
            else:
                break


def worker() -> list[str]:
    """The command of a worker."""
    return ["/usr/sbin/sshd", "-D", "-e"]


def launcher(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The command of a launcher: as many ranks as the workers have slots, each with the arguments `argv`."""
    # The operator's variables for the hosts and for ssh are those of Open MPI 4; 5 does not read them.
    names = [key for key in environ if key in _PASSED_ON or key.startswith(_PREFIX_PASSED_ON)]
    return [
        *("mpirun", "--hostfile", str(host_file(environ))),
        *("--prtemca", "prte_keep_fqdn_hostnames", "1"),
        *("--prtemca", "plm_ssh_args", environ.get("OMPI_MCA_plm_rsh_args", "-o ConnectionAttempts=10")),
        # The kernel shares out the cores of a pod.
        *("--bind-to", "none"),
        *(word for name in sorted(names) for word in ("-x", name)),
        *("--wdir", "/opt/app", "python3", "-m", MODULE, *argv),
    ]


def run(words: Sequence[str]) -> int:
    """Run a command, and end it when this process is told to end; its exit code, as a shell has it."""
    with subprocess.Popen(words) as process:
        try:
            code = process.wait()
        except SystemExit:
            process.terminate()
            raise
    return code if code >= 0 else 128 - code
