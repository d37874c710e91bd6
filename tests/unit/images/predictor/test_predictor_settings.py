"""The predictor's environment."""

from pathlib import Path

import pytest

from images.workloads.predictor.__main__ import main
from images.workloads.predictor.settings import Settings, SettingsError, from_environ
from images.workloads.web.wsgi import DrainingWorker, gunicorn_options

_REQUIRED = {"MODEL_NAME": "digits", "MODEL_VERSION": "v0123456789"}


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = from_environ(_REQUIRED)
    assert settings.folder == Path("/models/digits/v0123456789")
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)  # noqa: S104
    assert settings.drain_file == Path("/tmp/draining")  # noqa: S108


def test_everything_can_be_set() -> None:
    environ = {
        **_REQUIRED,
        "MODEL_ROOT": "/mnt",
        "HOST": "127.0.0.1",
        "PORT": "0",
        "THREADS": "3",
        "RETRY_SECONDS": "0.5",
        "STALL_SECONDS": "2",
        "DRAIN_SECONDS": "7",
        "QUIET_SECONDS": "0.5",
        "DRAIN_FILE": "/run/draining",
    }
    assert from_environ(environ) == Settings(
        model_name="digits",
        model_version="v0123456789",
        model_root=Path("/mnt"),
        host="127.0.0.1",
        port=0,
        threads=3,
        retry_seconds=0.5,
        stall_seconds=2,
        drain_seconds=7,
        quiet_seconds=0.5,
        drain_file=Path("/run/draining"),
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("MODEL_NAME", "", "MODEL_NAME is not set"),
        ("MODEL_NAME", "..", r"MODEL_NAME is '\.\.'"),
        ("MODEL_NAME", "a/b", "MODEL_NAME is 'a/b'"),
        ("MODEL_NAME", "digits\n", "MODEL_NAME is"),
        ("MODEL_VERSION", "", "MODEL_VERSION is not set"),
        ("MODEL_VERSION", "../v1", r"MODEL_VERSION is '\.\./v1'"),
        ("MODEL_ROOT", "models", "MODEL_ROOT is 'models': it must be an absolute path"),
        ("DRAIN_FILE", "", "DRAIN_FILE is ''"),
        ("PORT", "http", "PORT is 'http': it must be a whole number from 0 to 65535"),
        ("PORT", "65536", "PORT is '65536'"),
        ("PORT", "8080.5", r"PORT is '8080\.5'"),
        ("THREADS", "0", "THREADS is '0': it must be a whole number from 1 to 256"),
        ("RETRY_SECONDS", "0", "RETRY_SECONDS is '0': it must be a number from 0.05"),
        ("RETRY_SECONDS", "nan", "RETRY_SECONDS is 'nan'"),
        ("STALL_SECONDS", "inf", "STALL_SECONDS is 'inf'"),
        ("DRAIN_SECONDS", "-1", "DRAIN_SECONDS is '-1'"),
    ],
)
def test_a_wrong_value_is_named(key: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        from_environ({**_REQUIRED, key: value})


def test_the_command_says_in_one_line_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main({"MODEL_NAME": "digits"}) == 2
    error = capsys.readouterr().err
    assert error.startswith("predictor: MODEL_VERSION is not set")
    assert error.count("\n") == 1


def test_one_process_serves_so_that_the_metrics_are_whole() -> None:
    options = gunicorn_options(from_environ(_REQUIRED))
    assert (options["workers"], options["worker_class"], options["bind"]) == (1, DrainingWorker, "0.0.0.0:8080")
