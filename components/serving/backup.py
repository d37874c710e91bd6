"""Backups of a server that keeps data: a CronJob that makes them, and a suspended one that restores one when asked.

Both are templates too: `kubectl create job --from=cronjob/features-backup` makes a backup now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.labels import object_labels
from components.pods import Program, container, pod_spec
from components.serving.server import ServerArgs, service_account_name
from components.storage.access import TeamStorage

if TYPE_CHECKING:
    from pulumi_kubernetes.batch import v1 as batch

COMPONENT = "backup"
BACKUP_ROOT = "/backups"
# A schedule is required; one that is suspended never comes round.
NEVER = "@yearly"
# Exit codes by which a program says that another try would not help (docs/concepts/contracts.md).
PERMANENT = (64, 65, 78)


@dataclass(frozen=True, kw_only=True)
class Backup:
    """When and how backups are made: `program` with its arguments, and with `restore_args` to restore one."""

    schedule: str
    time_zone: str
    storage: TeamStorage
    keep: int
    program: Program
    restore: Program
    timeout_seconds: int


@dataclass(frozen=True, kw_only=True)
class BackupsArgs:
    """`peers`: the URLs of all replicas, separated by commas."""

    server: ServerArgs
    backup: Backup
    peers: str


def job_spec(args: BackupsArgs, program: Program, variables: Mapping[str, str]) -> batch.JobSpecArgsDict:
    """The Job of a backup or of a restore."""
    server, access = args.server, args.backup.storage.access
    mounts = access.mounts(BACKUP_ROOT, read_only=False)
    main = container(
        "backup",
        program,
        variables={
            **access.variables,
            "PEERS": args.peers,
            "SERVER_URL": f"http://{server.entry}",
            "BACKUP_DIR": f"{access.root(BACKUP_ROOT)}/{server.entry}",
            **variables,
        },
        secrets=access.secrets,
        mounts=mounts,
    )
    pod = pod_spec(
        main,
        service_account=service_account_name(server.entry),
        placement=server.placement,
        mounts=mounts,
        resources=program.resources,
        secret_files=program.secret_files,
    )
    pod["restart_policy"] = "Never"
    return {
        "backoff_limit": 3,
        "active_deadline_seconds": args.backup.timeout_seconds,
        "pod_failure_policy": {
            "rules": [
                {
                    "action": "FailJob",
                    "on_exit_codes": {"container_name": "backup", "operator": "In", "values": list(PERMANENT)},
                }
            ]
        },
        "template": {
            "metadata": {"labels": object_labels(server.owner, name=server.entry, component=COMPONENT)},
            "spec": pod,
        },
    }


class Backups(pulumi.ComponentResource):
    """Backups of a server on a schedule, and a way to restore one."""

    def __init__(self, name: str, args: BackupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:serving:Backups", name, None, opts)
        backup = args.backup
        backup_spec = job_spec(args, backup.program, {"BACKUP_KEEP": str(backup.keep)})
        restore_spec = job_spec(args, backup.restore, {"BACKUP": "latest"})
        jobs: Sequence[tuple[str, str, bool, batch.JobSpecArgsDict]] = (
            ("backup", backup.schedule, False, backup_spec),
            ("restore", NEVER, True, restore_spec),
        )
        entry, owner = args.server.entry, args.server.owner
        for what, schedule, suspended, spec in jobs:
            instance = f"{entry}-{what}"
            labels = object_labels(owner, name=entry, component=COMPONENT, instance=instance)
            k8s.batch.v1.CronJob(
                f"{name}-{what}",
                metadata={"name": instance, "namespace": args.server.namespace, "labels": labels},
                spec={
                    "schedule": schedule,
                    "time_zone": backup.time_zone,
                    "suspend": suspended,
                    "concurrency_policy": "Forbid",
                    # One that was missed while the controller was away is made up for within the hour.
                    "starting_deadline_seconds": 3600,
                    "successful_jobs_history_limit": 3,
                    "failed_jobs_history_limit": 3,
                    "job_template": {"metadata": {"labels": labels}, "spec": spec},
                },
                opts=pulumi.ResourceOptions(parent=self, depends_on=[backup.storage]),
            )
        self.register_outputs({})
