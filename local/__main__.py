"""The commands behind `make`: `python -m local COMMAND`."""

import contextlib
import signal
import sys
import time
import traceback

import click

from local import locking, process, system
from local.errors import Failure
from local.paths import LOCAL, TEST_INSTANCES


@click.group()
@click.option("--stack", default="dev", show_default=True, help="The stack to work on.")
@click.pass_context
def cli(context: click.Context, stack: str) -> None:
    """A whole ML platform on one machine, from an empty machine to a prediction."""
    context.obj = stack


@cli.command()
@click.pass_obj
def up(stack: str) -> None:
    """Set up what is missing, start the cluster, run `pulumi up`, print the outputs."""
    from local.commands import up

    with locking.or_fail(LOCAL / "lock", "this checkout's cluster"):
        up.up(stack)


@cli.command()
@click.pass_obj
def cluster(stack: str) -> None:
    """Only the embedded cluster, without `pulumi up`."""
    from local.commands import up

    with locking.or_fail(LOCAL / "lock", "this checkout's cluster"):
        up.up(stack, only_cluster=True)


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1)
@click.pass_obj
def preview(stack: str, words: tuple[str, ...]) -> None:
    """`pulumi preview` with the policy pack, and in a cloud the cost; further words go to Pulumi."""
    from local.commands import preview

    sys.exit(preview.show(stack, words))


@cli.command()
@click.pass_obj
def outputs(stack: str) -> None:
    """The stack outputs as JSON."""
    from local.commands import outputs

    outputs.outputs(stack)


@cli.command()
@click.option("--count", default=10, show_default=True, help="How many samples to show; all are sent.")
@click.pass_obj
def predict(stack: str, count: int) -> None:
    """Send held-out samples through the Service: label, prediction, accuracy."""
    from local.commands import predict

    predict.predict(stack, count)


@cli.command()
@click.pass_obj
def status(stack: str) -> None:
    """What runs, what waits and why."""
    from local.commands import status

    status.show(stack)


@cli.command()
@click.pass_obj
def env(stack: str) -> None:
    """Shell lines for plain `pulumi` and `kubectl` on this stack."""
    from local.commands import outputs

    outputs.show_environment(stack)


@cli.command()
@click.pass_obj
def recover(stack: str) -> None:
    """After a killed command: wait for what still runs, settle what is pending. Safe at any time."""
    from local.commands import recover

    recover.recover(stack)


@cli.command()
@click.pass_obj
def down(stack: str) -> None:
    """Destroy the stack and stop the cluster."""
    from local.commands import down

    with locking.or_fail(LOCAL / "lock", "this checkout's cluster"):
        down.down(stack)


@cli.command()
@click.argument("entries", nargs=-1)
def mirror(entries: tuple[str, ...]) -> None:
    """Charts, manifests and images for the embedded cluster: those named, else all that can be had here."""
    from local.mirror import making

    making.make(entries)


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1)
def test(words: tuple[str, ...]) -> None:
    """The tests that need no mirror; further words go to one pytest."""
    from local.suite import run

    sys.exit(run.pytest(words) if words else run.test())


@cli.command()
@click.argument("groups", nargs=-1)
def test_groups(groups: tuple[str, ...]) -> None:
    """The groups of tests that need the mirror: those named, such as platform or platform-queues, otherwise all."""
    from local.suite import run

    sys.exit(run.test_groups(groups))


@cli.command()
def test_all() -> None:
    """All tests and all groups; writes docs/results/tests.json."""
    from local.suite import run

    sys.exit(run.test_all())


@cli.command()
@click.option("--began", type=float, envvar="CI_BEGAN", help="When CI began, in seconds since 1970; now by default.")
def ci(began: float | None) -> None:
    """All tests, then the groups whose operators the mirror has, until an hour is over."""
    from local.suite import run

    sys.exit(run.ci(began or time.time()))


@cli.command()
def stop_tests() -> None:
    """Stop the clusters of tests that were killed."""
    from local.suite import leftovers

    if left := leftovers.stop_test_clusters():
        raise Failure(f"left on the machine: {', '.join(left[:5])}", "run the same command again")


@cli.command()
@click.option("--cache", is_flag=True, help="Remove the cache of built tools and images too.")
def clean(cache: bool) -> None:
    """Stop the clusters and remove everything that `make` made here."""
    from local.commands import down

    with contextlib.ExitStack() as held:
        held.enter_context(locking.or_fail(LOCAL / "lock", "this checkout's cluster"))
        for name in TEST_INSTANCES:
            held.enter_context(locking.or_fail(LOCAL / f"{name}.lock", f"this checkout's cluster {name!r}"))
        down.clean(cache=cache)


def main() -> None:
    process.interrupt_on((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    system.complete_path()
    system.bypass_proxies()
    try:
        cli(standalone_mode=False)
    except Failure as failure:
        click.secho(f"error: {failure}", fg="red", err=True)
        sys.exit(1)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.secho(f"interrupted; the same command goes on from here (logs: {LOCAL / 'log'})", err=True)
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  (a fault of ours: one line for the user, the rest in a log)
        log = LOCAL / "log" / "crash.log"
        # A full disk may be what went wrong.
        with contextlib.suppress(OSError):
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(traceback.format_exc())
        click.secho(
            f"error: {type(error).__name__}: {error}; this is a fault of the command itself; log: {log}", err=True
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
