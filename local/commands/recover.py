"""`make recover`: after a killed command, by hand. `make up` and `make down` do the same before they begin."""

from local import locking
from local.commands.prepare import existing_pulumi
from local.paths import LOCAL
from local.progress import Steps


def recover(stack: str) -> None:
    """Wait for commands that still run on the stack, remove stale locks, settle pending operations."""
    pulumi = existing_pulumi(stack)
    with Steps() as steps, locking.waiting_for(LOCAL / "lock", steps):
        settled = pulumi.recover(steps)
        if settled is None:
            steps.say("nothing to recover: no update was interrupted")
            return
        for urns, became in (
            (settled.adopted, "was made; the state has it now, and the next update goes on with it"),
            (settled.repeated, "was being changed; the next update applies it again"),
            (settled.forgotten, "the next update does it, if it is still to be done"),
        ):
            for urn in urns:
                steps.say(f"  {urn.rpartition('::')[2]}: {became}")
