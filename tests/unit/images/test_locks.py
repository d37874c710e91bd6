"""What the images install: locked, hashed, and the same versions that the tests here run on."""

import re
from pathlib import Path

import pytest

import images
from images import sample_images

_IMAGES = Path(images.__file__).parent
_ENTRY = re.compile(r"^([a-z0-9-]+)==(\S+) \\$((?:\n {4}--hash=sha256:[0-9a-f]{64}(?: \\)?$)+)", re.MULTILINE)


def _versions(path: Path) -> dict[str, str]:
    return {name: version for name, version, _ in _ENTRY.findall(path.read_text())}


def _lock(name: str) -> Path:
    return _IMAGES / name / "requirements.lock"


@pytest.mark.parametrize("name", sample_images())
def test_every_package_of_a_lock_has_hashes(name: str) -> None:
    named = re.findall(r"^[^\s#]+==", _lock(name).read_text(), re.MULTILINE)
    assert len(_versions(_lock(name))) == len(named) > 0


@pytest.mark.parametrize("name", sample_images())
def test_a_lock_has_what_is_asked_for_in_that_version(name: str) -> None:
    asked = re.findall(r"^([a-z-]+)==(\S+)$", (_IMAGES / name / "requirements.in").read_text(), re.MULTILINE)
    assert asked
    assert dict(asked).items() <= _versions(_lock(name)).items()


@pytest.mark.parametrize("name", sample_images())
def test_a_lock_names_no_index_and_no_path_of_a_machine(name: str) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|(^|\s)/", _lock(name).read_text(), re.MULTILINE)


# Its packages want other versions than Pulumi's: no test here imports them.
_APART = {"tf-server", "tf-trainer"}


@pytest.mark.parametrize("name", sorted({*sample_images()} - _APART))
def test_versions_are_those_of_the_development_environment(name: str) -> None:
    tested = _versions(_IMAGES.parent / "requirements" / "dev.lock")
    locked = _versions(_lock(name))
    assert {package: tested.get(package, version) for package, version in locked.items()} == locked


@pytest.mark.parametrize("name", sorted({*sample_images()} - {"predictor", "feature-store", "tf-server"}))
def test_the_predictor_has_the_versions_that_a_trainer_wrote_with(name: str) -> None:
    served_with = _versions(_lock("predictor"))
    for package in ("joblib", "numpy", "scikit-learn", "scipy"):
        assert _versions(_lock(name))[package] == served_with[package]
