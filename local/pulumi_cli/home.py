"""The folder with which Pulumi runs: its programs and plugins as links and scripts, a state, a passphrase."""

import filecmp
import secrets
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from local.node.pki import write_private
from local.pulumi_cli.installed import PLUGIN, PLUGIN_PROGRAM, users_plugin

HOST = Path(__file__).with_name("host") / "host.py"


class Home:
    """The paths in a folder of an instance, and how they are filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.state = folder / "state"
        self.bin = folder / "bin"
        self.passphrase = folder / "passphrase"
        #: Temporary files of the provider's processes: one folder each, named by its PID.
        self.temporary = folder / "tmp"

    def ensure(self, programs: Mapping[str, Path]) -> None:
        """Make what is missing. `programs`: those that were built, by name."""
        for folder in (self.home / "plugins", self.state, self.temporary):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        if not self.passphrase.exists():
            write_private(self.passphrase, f"{secrets.token_urlsafe(32)}\n".encode())
        self._install_plugin(programs.get(PLUGIN_PROGRAM) or users_plugin() / PLUGIN_PROGRAM)
        self.link_programs(programs)

    def _install_plugin(self, program: Path) -> None:
        """A script in the place of the provider's plugin, which says where its temporary files go.

        The provider writes a copy of the kubeconfig for Helm into the folder for temporary files and leaves it there
        (`writeKubeconfigToFile` in its source). So each of its processes has a folder of its own, and the next one
        removes the folders of those that have ended.
        """
        plugin = self.home / "plugins" / PLUGIN
        if plugin.is_symlink():
            plugin.unlink()
        plugin.mkdir(exist_ok=True)
        folder, program_word = shlex.quote(str(self.temporary)), shlex.quote(str(program))
        script(
            plugin / PLUGIN_PROGRAM,
            f"for left in {folder}/[0-9]*; do\n"
            '  kill -0 "${left##*/}" 2> /dev/null || rm -rf "$left"\n'
            "done\n"
            f"export TMPDIR={folder}/$$\n"
            'mkdir -p -m 700 "$TMPDIR"\n'
            f'exec {program_word} "$@"\n',
        )

    def link_programs(self, programs: Mapping[str, Path]) -> None:
        """Put the built CLI, its language host and kubectl into the folder with which the PATH begins."""
        self.bin.mkdir(parents=True, exist_ok=True, mode=0o700)
        if "pulumi" in programs:
            # The CLI looks for its language host beside itself, and would warn of one from elsewhere.
            hard_link(self.bin / "pulumi", programs["pulumi"])
            python = f"exec {shlex.quote(sys.executable)} -u"
            # As in Pulumi's own distribution: the language host, and what runs resources written in Python.
            script(self.bin / "pulumi-language-python", f'{python} {shlex.quote(str(HOST))} "$@"\n')
            script(self.bin / "pulumi-resource-pulumi-python", f'{python} -m pulumi.dynamic "$@"\n')
        if "kubectl" in programs:
            link(self.bin / "kubectl", programs["kubectl"])


def script(file: Path, text: str) -> None:
    """A shell script that is right, whatever was there before."""
    text = f"#!/bin/sh\n{text}"
    if file.is_symlink() or not file.exists() or file.read_text() != text:
        partial = file.with_name(f".{file.name}.partial")
        partial.write_text(text)
        partial.chmod(0o755)
        partial.rename(file)


def link(name: Path, target: Path) -> None:
    """A symbolic link that is right, whatever was there before."""
    if name.is_symlink() and name.readlink() == target:
        return
    partial = name.with_name(f".{name.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    partial.rename(name)


def hard_link(name: Path, target: Path) -> None:
    """A second name of a file, or a copy of it where the file system cannot have two."""
    if name.is_file() and not name.is_symlink() and (name.samefile(target) or filecmp.cmp(name, target)):
        return
    partial = name.with_name(f".{name.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        partial.hardlink_to(target)
    except OSError:
        shutil.copy2(target, partial)
    partial.rename(name)
