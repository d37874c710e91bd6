"""The name of an image's version: equal for equal build contexts, another for any other."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from images import CONTEXT, content_tag, entry_point, files_digest, image_files, sample_images

_DOCKERFILE = """\
FROM base AS build
COPY app/requirements.lock app/wheels* /build/
COPY package /opt/package
FROM base
COPY --from=build /opt /opt
COPY one.py two.py /opt/
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    for name in ("app", "package", "other"):
        (folder / name).mkdir(parents=True)
    (folder / "app" / "Dockerfile").write_text(_DOCKERFILE)
    (folder / "app" / "requirements.lock").touch()
    for name in ("package/run.py", "one.py", "two.py", "three.py", "other/run.py"):
        (folder / name).write_text("print()\n")
    return folder


def _digest(context: Path) -> str:
    return files_digest(context, image_files(context, "app"))


def test_the_sample_images_are_the_workloads() -> None:
    trainers = {"mpi-trainer", "ray-trainer", "tf-trainer", "torch-trainer", "trainer"}
    assert sample_images() == tuple(sorted({"feature-store", "predictor", "tf-server", *trainers}))


@pytest.mark.parametrize("name", sample_images())
def test_the_entry_point_is_the_program_of_the_image(name: str) -> None:
    assert entry_point(name) == ("python3", "-m", f"workloads.{name.replace('-', '_')}")


@pytest.mark.parametrize("name", sample_images())
def test_a_tag_is_twelve_hex_digits_of_the_files(name: str) -> None:
    tag = content_tag(name)
    assert re.fullmatch(r"[0-9a-f]{12}", tag)
    assert files_digest(CONTEXT, image_files(CONTEXT, name)).startswith(tag)


def test_the_images_have_different_tags() -> None:
    assert len({content_tag(name) for name in sample_images()}) == len(sample_images())


@pytest.mark.parametrize("name", ["", "Trainer", "../images/trainer", "README.md", "workloads"])
def test_an_unknown_image_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(LookupError, match=r"images/ has feature-store, mpi-trainer, predictor, .*, trainer"):
        content_tag(name)


def test_the_files_are_the_dockerfile_and_what_it_copies(context: Path) -> None:
    assert [path.as_posix() for path in image_files(context, "app")] == [
        "app/Dockerfile",
        "app/requirements.lock",
        "one.py",
        "package/run.py",
        "two.py",
    ]


@pytest.mark.parametrize("name", sample_images())
def test_an_image_has_its_own_program_and_what_it_shares_and_no_other(name: str) -> None:
    found = {path.as_posix() for path in image_files(CONTEXT, name)}
    program = f"workloads/{name.replace('-', '_')}"
    assert {f"{name}/Dockerfile", f"{name}/requirements.lock", f"{program}/__main__.py"} <= found
    folders = {path.rpartition("/")[0] for path in found if not path.startswith(f"{program}/")}
    assert folders <= {name, "workloads/common", "workloads/web"}
    assert not any("__pycache__" in path or path.startswith(".") for path in found)


def test_a_change_of_how_models_are_trained_is_no_new_predictor() -> None:
    shared = {path.name for path in image_files(CONTEXT, "predictor") if path.parent.name == "common"}
    assert shared == {"buckets.py", "folder.py", "log.py", "objects.py", "place.py"}


def test_another_checkout_has_the_same_tag(context: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for path in reversed(image_files(context, "app")):
        (other / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(context / path, other / path)
    assert _digest(other) == _digest(context)


def _append(context: Path) -> None:
    (context / "package" / "run.py").write_text("print(1)\n")


def _make_executable(context: Path) -> None:
    (context / "package" / "run.py").chmod(0o755)


def _rename(context: Path) -> None:
    (context / "package" / "run.py").rename(context / "package" / "ran.py")


def _move(context: Path) -> None:
    (context / "package" / "deeper").mkdir()
    (context / "package" / "run.py").rename(context / "package" / "deeper" / "run.py")


def _change_another_source(context: Path) -> None:
    (context / "two.py").write_text("print(2)\n")


def _add_empty(context: Path) -> None:
    (context / "package" / "__init__.py").touch()


def _link(context: Path) -> None:
    (context / "package" / "linked.py").symlink_to("run.py")


def _shift_a_byte_between_files(context: Path) -> None:
    (context / "app" / "Dockerfile").write_text(_DOCKERFILE.removesuffix("\n"))
    (context / "app" / "requirements.lock").write_text("\n")


def _put_one_file_into_the_other(context: Path) -> None:
    run = context / "package" / "run.py"
    with (context / "app" / "Dockerfile").open("a") as dockerfile:
        dockerfile.write(f"package/run.pyfile{run.read_text()}")
    run.unlink()


@pytest.mark.parametrize(
    "change",
    [
        _append,
        _make_executable,
        _rename,
        _move,
        _change_another_source,
        _add_empty,
        _link,
        _shift_a_byte_between_files,
        _put_one_file_into_the_other,
    ],
)
def test_a_change_of_the_context_changes_the_tag(context: Path, change: Callable[[Path], None]) -> None:
    before = _digest(context)
    change(context)
    assert _digest(context) != before


@pytest.mark.parametrize(
    "path",
    [
        "app/wheels/numpy-2-cp311.whl",
        "package/__pycache__/run.cpython-311.pyc",
        ".dockerignore",
        "package/.run.py.swp",
        "app/requirements.in",
        "package/requirements.in",
        "three.py",
        "other/run.py",
        "app/notes.md",
    ],
)
def test_what_is_not_in_the_context_does_not_count(context: Path, path: str) -> None:
    before = _digest(context)
    (context / path).parent.mkdir(exist_ok=True)
    (context / path).write_text("anything")
    assert _digest(context) == before


def test_times_and_other_mode_bits_do_not_count(context: Path) -> None:
    before = _digest(context)
    (context / "package" / "run.py").touch()
    (context / "package" / "run.py").chmod(0o600)
    assert _digest(context) == before
