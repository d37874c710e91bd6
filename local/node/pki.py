"""The cluster's certificates: one authority a cluster, a key pair for each identity, private keys 0600."""

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(days=365)
#: A pair is made again when it has less than this left, so a running cluster never reaches the end.
RENEW_BEFORE = datetime.timedelta(days=60)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who a certificate speaks for. `names` are DNS names and IP addresses: with any, it is a server's."""

    file: str
    common_name: str
    organization: str | None = None
    names: tuple[str, ...] = ()


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, complete or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as sink:
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())
    partial.rename(file)


class Authority:
    """A certificate authority kept in a folder as `<name>.crt` and `<name>.key`."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.certificate_file = folder / f"{name}.crt"
        key_file = folder / f"{name}.key"
        if not _is_pair(self.certificate_file, key_file) or _expiring(self.certificate_file):
            key = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
            certificate = (
                _builder(subject, subject, key.public_key(), LIFETIME * 10)
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_usage(authority=True), critical=True)
                .sign(key, hashes.SHA256())
            )
            write_private(key_file, _pem(key))
            write_private(self.certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
        self.certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self.key = key

    def issue(self, identity: Identity) -> bool:
        """Make the identity's pair when it is missing, expiring, of another authority or for other names.

        Returns whether a new pair was made (who uses the old one must then be restarted).
        """
        certificate_file = self.folder / f"{identity.file}.crt"
        key_file = self.folder / f"{identity.file}.key"
        if _is_pair(certificate_file, key_file) and self._still_good(certificate_file, identity):
            return False
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, identity.common_name)]
        if identity.organization:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, identity.organization))
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = _builder(x509.Name(attributes), self.certificate.subject, key.public_key(), LIFETIME)
        if identity.names:
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
            builder = builder.add_extension(_alternatives(identity.names), critical=False)
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        write_private(key_file, _pem(key))
        write_private(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
        return True

    def _still_good(self, file: Path, identity: Identity) -> bool:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except Exception:  # noqa: BLE001  (a wrong signature is InvalidSignature, a wrong issuer ValueError)
            return False
        if _expiring(file):
            return False
        if not identity.names:
            return True
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return set(found) == set(_alternatives(identity.names))


def service_account_keys(folder: Path) -> None:
    """The pair that signs service account tokens: `service-accounts.key` and `.pub`."""
    private, public = folder / "service-accounts.key", folder / "service-accounts.pub"
    if not (private.exists() and public.exists()):
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(private, _pem(key))
        write_private(public, _public_pem(key.public_key()))


def _is_pair(certificate_file: Path, key_file: Path) -> bool:
    """Whether both files are there and belong together: a run may be killed between the writing of the two."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        return False
    return _public_pem(key.public_key()) == _public_pem(certificate.public_key())


def _expiring(file: Path) -> bool:
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    return certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC) < RENEW_BEFORE


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: datetime.timedelta
) -> x509.CertificateBuilder:
    # Five minutes back: a machine's clock may step after its start.
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lifetime)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(names: Sequence[str]) -> x509.SubjectAlternativeName:
    def general(name: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            return x509.DNSName(name)

    return x509.SubjectAlternativeName([general(name) for name in names])


def _public_pem(key: CertificatePublicKeyTypes | PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
