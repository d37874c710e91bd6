"""The site builds without a warning, and none of its pages loads anything from the network."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.docs.documents import ROOT

built = pytest.mark.skipif(
    importlib.util.find_spec("zensical") is None, reason="zensical is not installed: local/environment.sh docs"
)
# What a browser fetches when it opens a page or reads a style: links that a person clicks are not among them.
FETCHED = re.compile(
    r"""(?:<(?:script|img|iframe|source|video|audio|embed|object|use|image)\b[^>]*?\b(?:src|data|href|srcset)=["']?"""
    r"""|<link\b(?![^>]*\brel=["']?canonical)[^>]*?\bhref=["']?|@import\s+(?:url\()?["']?|url\(["']?)"""
    r"""((?:https?:)?//[^"'\s)>]+)"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built in a folder of its own from the documentation of this checkout."""
    folder = tmp_path_factory.mktemp("site")
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    config["site_dir"] = "built"
    # Zensical refuses a folder of pages that is a link to another place.
    shutil.copytree(ROOT / "docs", folder / "docs")
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(config, sort_keys=False))
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "built"


@built
@pytest.mark.timeout(120)
def test_nothing_comes_from_the_network(site: Path) -> None:
    pages = [*site.rglob("*.html"), *site.rglob("*.css"), *site.rglob("*.svg")]
    assert len([page for page in pages if page.suffix == ".html"]) > 20
    found = {f"{page.relative_to(site)}: {url}" for page in pages for url in FETCHED.findall(page.read_text())}
    assert not found


def test_what_a_browser_fetches_is_found() -> None:
    """The test above can fail."""
    for text in (
        '<script src="https://unpkg.com/mermaid"></script>',
        '<link rel="stylesheet" href="//fonts.googleapis.com/css">',
        "@import 'https://example.com/a.css'",
        "background: url(https://example.com/a.png)",
    ):
        assert FETCHED.search(text), text
    for text in ('<a href="https://kueue.sigs.k8s.io/">', '<link rel=canonical href="https://example.com/">'):
        assert not FETCHED.search(text), text


def test_the_packages_of_the_site_agree_with_those_of_the_tests() -> None:
    def versions(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / f"{name}.lock").read_text()
        return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))

    site, tests = versions("docs"), versions("dev")
    assert site
    assert {name: tests[name] for name in site if name in tests} == {n: v for n, v in site.items() if n in tests}, (
        "lock requirements/docs.lock again (docs/contributing.md)"
    )
