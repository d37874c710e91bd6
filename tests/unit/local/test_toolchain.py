"""The pinned tools: what a change of a pin changes, and what a failed build says."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local import locking, process
from local.errors import Failure
from local.mirror.recipes import MIRROR_TOOLS
from local.paths import ROOT, TOOL_MODULES
from local.toolchain.tool import BUILD_FLAGS, Tool, key
from local.toolchain.tools import CLUSTER_TOOLS, PULUMI, PULUMI_CLI, PULUMI_KUBERNETES, PULUMI_PROVIDER, TOOLS

ALL_TOOLS = (*TOOLS, *MIRROR_TOOLS.values())


def test_every_tool_has_its_module_and_checksums() -> None:
    for tool in ALL_TOOLS:
        assert (tool.folder / "go.mod").is_file()
        assert (tool.folder / "go.sum").is_file()


def test_no_module_is_left_without_a_tool() -> None:
    assert {tool.folder for tool in ALL_TOOLS} == {file.parent for file in TOOL_MODULES.glob("*/go.mod")}


def test_the_modules_pin_the_versions_that_the_table_names() -> None:
    for tool in ALL_TOOLS:
        if tool is not PULUMI_PROVIDER:  # pinned by commit: its release is no tag of the module
            assert re.search(rf"\s{re.escape(tool.version)}\b", (tool.folder / "go.mod").read_text()), tool.module


def test_the_python_packages_match_the_tools() -> None:
    lock = (ROOT / "requirements" / "run.lock").read_text()
    assert f"pulumi=={PULUMI.removeprefix('v')} " in lock
    assert f"pulumi-kubernetes=={PULUMI_KUBERNETES.removeprefix('v')} " in lock


def test_the_run_environment_is_a_part_of_the_test_environment() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+==\S+", (ROOT / "requirements" / name).read_text(), re.MULTILINE))

    assert pins("run.lock") < pins("dev.lock")


def test_a_key_changes_with_what_goes_into_a_build() -> None:
    tool = PULUMI_CLI
    keys = {
        key(tool, "1.26.0"),
        key(tool, "1.27.0"),
        key(replace(tool, variables={}), "1.26.0"),
        key(CLUSTER_TOOLS[0], "1.26.0"),
    }
    assert len(keys) == 4
    assert key(tool, "1.26.0") in keys
    # A correction of Go is no reason to build everything anew.
    assert key(tool, "1.26.0") == key(tool, "1.26.11")


def test_the_key_of_a_tool_without_tags_does_not_know_of_tags() -> None:
    # The key digests this text: a field more in it would build every tool anew on every machine.
    tool = Tool(module="kwok", version="v1", packages=("a/b",))
    shown = "Tool(module='kwok', version='v1', packages=('a/b',), variables={}, embeds=None, no_checksum_database='')"
    assert repr(tool) == shown
    inputs = hashlib.sha256(f"({shown}, {BUILD_FLAGS!r}, '1.26')".encode())
    for name in ("go.mod", "go.sum"):
        inputs.update((tool.folder / name).read_bytes())
    assert key(tool, "1.26.0") == inputs.hexdigest()[:12]
    assert key(replace(tool, tags=("x",)), "1.26.0") not in {
        key(tool, "1.26.0"),
        key(replace(tool, tags=("y",)), "1.26.0"),
    }


def test_prometheus_is_built_without_the_discoveries_of_clouds() -> None:
    assert "remove_all_sd" in MIRROR_TOOLS["prometheus"].tags


def test_program_names_are_unique() -> None:
    names = [name for tool in ALL_TOOLS for name in tool.programs]
    assert len(names) == len(set(names))
    assert {"etcd", "pulumi", "kubelet", "coredns", "pulumi-resource-kubernetes"} <= set(names)


def test_a_failed_program_names_its_last_words_and_its_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    script = "import sys; print('reading'); sys.exit('no space left')"
    with pytest.raises(Failure) as failed:
        process.run([sys.executable, "-c", script], log=log, what="building x failed", remedy="free some disk")
    assert str(failed.value) == f"building x failed: no space left; free some disk; log: {log}"
    assert "reading" in log.read_text()


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no-such-program is not installed; install it"):
        process.run(["no-such-program"], log=tmp_path / "x.log", what="x", remedy="install it")


def test_a_lock_that_is_held_is_not_waited_for(tmp_path: Path) -> None:
    with locking.if_free(tmp_path / "lock") as free:
        assert free
        with locking.if_free(tmp_path / "lock") as again:
            assert not again
    with locking.if_free(tmp_path / "lock") as free:
        assert free
