"""Certificates of the embedded cluster."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from local.node import pki

SERVER = pki.Identity(file="server", common_name="server", names=("server.local", "127.0.0.1"))


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def test_a_pair_is_issued_once(tmp_path: Path) -> None:
    authority = pki.Authority(tmp_path, "ca")
    assert authority.issue(SERVER)
    first = certificate(tmp_path, "server")
    assert not pki.Authority(tmp_path, "ca").issue(SERVER)
    assert certificate(tmp_path, "server") == first
    first.verify_directly_issued_by(certificate(tmp_path, "ca"))


@pytest.mark.parametrize("file", ["ca.key", "server.key"])
def test_private_keys_are_for_their_owner_only(tmp_path: Path, file: str) -> None:
    pki.Authority(tmp_path, "ca").issue(SERVER)
    assert (tmp_path / file).stat().st_mode & 0o777 == 0o600


def test_other_names_or_another_authority_mean_another_pair(tmp_path: Path) -> None:
    authority = pki.Authority(tmp_path, "ca")
    authority.issue(SERVER)
    moved = pki.Identity(file="server", common_name="server", names=("10.0.0.1",))
    assert authority.issue(moved)
    assert not authority.issue(moved)
    (tmp_path / "ca.key").unlink()
    assert pki.Authority(tmp_path, "ca").issue(moved)


def test_a_pair_near_its_end_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = pki.Authority(tmp_path, "ca")
    monkeypatch.setattr(pki, "LIFETIME", pki.RENEW_BEFORE - datetime.timedelta(days=1))
    authority.issue(SERVER)
    monkeypatch.undo()
    assert authority.issue(SERVER)
    assert not authority.issue(SERVER)


def test_a_client_certificate_is_no_server(tmp_path: Path) -> None:
    pki.Authority(tmp_path, "ca").issue(pki.Identity(file="client", common_name="me", organization="us"))
    usages = certificate(tmp_path, "client").extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_a_killed_write_leaves_no_half_file(tmp_path: Path) -> None:
    target = tmp_path / "secret"
    target.with_name(".secret.partial").write_bytes(b"half")
    pki.write_private(target, b"whole")
    assert target.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["ca", "server"])
@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA"])
def test_a_file_that_a_power_cut_emptied_is_made_again(tmp_path: Path, name: str, content: bytes) -> None:
    pki.Authority(tmp_path, "ca").issue(SERVER)
    (tmp_path / f"{name}.crt").write_bytes(content)
    assert pki.Authority(tmp_path, "ca").issue(SERVER)
    certificate(tmp_path, "server").verify_directly_issued_by(certificate(tmp_path, "ca"))


def test_a_key_of_another_certificate_means_another_pair(tmp_path: Path) -> None:
    authority = pki.Authority(tmp_path, "ca")
    authority.issue(SERVER)
    (tmp_path / "server.key").write_bytes((tmp_path / "ca.key").read_bytes())
    assert authority.issue(SERVER)
    assert not authority.issue(SERVER)
