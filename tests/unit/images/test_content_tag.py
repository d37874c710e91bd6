"""The name of an image's version: equal for equal build contexts, another for any other."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import images
from images import content_tag, context_digest, context_files, sample_images


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "package").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "package" / "run.py").write_text("print()\n")
    return folder


def test_the_sample_images_are_the_two_workloads() -> None:
    assert sample_images() == ("predictor", "trainer")


@pytest.mark.parametrize("name", sample_images())
def test_a_tag_is_twelve_hex_digits_of_the_context(name: str) -> None:
    tag = content_tag(name)
    assert re.fullmatch(r"[0-9a-f]{12}", tag)
    assert context_digest(Path(images.__file__).parent / name).startswith(tag)


def test_the_images_have_different_tags() -> None:
    assert content_tag("trainer") != content_tag("predictor")


@pytest.mark.parametrize("name", ["", "Trainer", "../images/trainer", "README.md"])
def test_an_unknown_image_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(LookupError, match="images/ has predictor, trainer"):
        content_tag(name)


def test_a_context_has_what_its_dockerfile_copies() -> None:
    folder = Path(images.__file__).parent / "trainer"
    found = {path.relative_to(folder).as_posix() for path in context_files(folder)}
    assert {"Dockerfile", "requirements.lock", "trainer/__main__.py"} <= found
    assert not any("__pycache__" in path or path.startswith(".") for path in found)


def test_another_checkout_has_the_same_tag(context: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "package").mkdir(parents=True)
    for path in reversed(context_files(context)):
        shutil.copyfile(path, other / path.relative_to(context))
    assert context_digest(other) == context_digest(context)


def _append(context: Path) -> None:
    (context / "package" / "run.py").write_text("print(1)\n")


def _make_executable(context: Path) -> None:
    (context / "package" / "run.py").chmod(0o755)


def _rename(context: Path) -> None:
    (context / "package" / "run.py").rename(context / "package" / "ran.py")


def _move(context: Path) -> None:
    (context / "package" / "run.py").rename(context / "run.py")


def _add_empty(context: Path) -> None:
    (context / "package" / "__init__.py").touch()


def _link(context: Path) -> None:
    (context / "package" / "linked.py").symlink_to("run.py")


def _shift_a_byte_between_files(context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch")
    (context / "package" / "run.py").write_text("\nprint()\n")


def _put_one_file_into_the_other(context: Path) -> None:
    run = context / "package" / "run.py"
    with (context / "Dockerfile").open("a") as dockerfile:
        dockerfile.write(f"package/run.pyfile{run.read_text()}")
    run.unlink()


@pytest.mark.parametrize(
    "change",
    [
        _append,
        _make_executable,
        _rename,
        _move,
        _add_empty,
        _link,
        _shift_a_byte_between_files,
        _put_one_file_into_the_other,
    ],
)
def test_a_change_of_the_context_changes_the_tag(context: Path, change: Callable[[Path], None]) -> None:
    before = context_digest(context)
    change(context)
    assert context_digest(context) != before


@pytest.mark.parametrize(
    "path",
    [
        "wheels/numpy-2-cp311.whl",
        "__pycache__/run.cpython-311.pyc",
        "package/__pycache__/run.cpython-311.pyc",
        ".dockerignore",
        "package/.run.py.swp",
        "requirements.in",
    ],
)
def test_what_is_not_in_the_context_does_not_count(context: Path, path: str) -> None:
    before = context_digest(context)
    (context / path).parent.mkdir(exist_ok=True)
    (context / path).write_text("anything")
    assert context_digest(context) == before


def test_times_and_other_mode_bits_do_not_count(context: Path) -> None:
    before = context_digest(context)
    (context / "package" / "run.py").touch()
    (context / "package" / "run.py").chmod(0o600)
    assert context_digest(context) == before
