"""The installation's own certificates: a small authority for one server, and what that server shows.

The authority may sign for the names and addresses it was made for and no others (name constraints), so a machine
that trusts it does not trust its holder with the rest of the network.

Source: quality.md, Security; RFC 5280, 4.2.1.10.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.storage.private_files import make_folder, open_private

AUTHORITY_LASTS = timedelta(days=3652)
SERVER_LASTS = timedelta(days=397)
"""What browsers take at most of a certificate, with a month to spare for none of them."""
EARLIER = timedelta(days=7)
"""A machine whose clock is a few days behind, as restored ones are, must not refuse a fresh certificate."""
SOON = timedelta(days=30)
FOLDER, AUTHORITY, SERVER = "tls", "authority", "server"
_HOST = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)


@dataclass(frozen=True, slots=True)
class ServedCertificate:
    """What `cbt serve` shows: until when, and the authority above it (PEM, and its SHA-256) when it is our own."""

    expires_at: datetime
    authority: bytes
    fingerprint: str

    def expires_soon(self, now: datetime) -> bool:
        return now >= self.expires_at - SOON


def read_names(typed: Iterable[str]) -> list[x509.GeneralName]:
    """Return host names and addresses as a certificate holds them; raise InvalidInput("tls.name") for a bad one."""
    general_names: dict[str, x509.GeneralName] = {}
    for text in typed:
        name = text.strip().casefold().rstrip(".")
        try:
            general_names[name] = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            if not _HOST.fullmatch(name) or re.fullmatch(r"[\d.]+", name):
                raise InvalidInput("tls.name", value=text) from None
            general_names[name] = x509.DNSName(name)
    return list(general_names.values())


def make_authority(folder: Path, names: Sequence[x509.GeneralName], *, now: datetime) -> None:
    """Make the authority in `folder`, its key 0600; raise Conflict("tls.there") where there is one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _named(f"cbt {_text(names[0])} {now:%Y-%m-%d}")
    certificate = (
        _builder(name, name, key.public_key(), now=now, lasts=AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints([_permitted(one) for one in names], None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    if (folder / f"{AUTHORITY}.key").exists():
        raise Conflict("tls.there", path=str(folder))
    make_folder(folder)
    _write(folder / f"{AUTHORITY}.key", _key_bytes(key))
    _write(folder / f"{AUTHORITY}.crt", certificate.public_bytes(serialization.Encoding.PEM))


def make_server(folder: Path, names: Sequence[x509.GeneralName], *, now: datetime) -> datetime:
    """Sign a fresh certificate for `names` and return when it ends.

    Raise Unavailable("tls.no_authority"|"tls.authority_over"), InvalidInput("tls.not_permitted") naming what the
    authority was not made for.
    """
    authority, authority_key = _authority(folder)
    if now + SERVER_LASTS >= authority.not_valid_after_utc:
        raise Unavailable("tls.authority_over", path=str(folder))
    permitted = {_text(one) for one in permitted_names(authority)}
    for name in names:
        if _text(name) not in permitted:
            raise InvalidInput("tls.not_permitted", value=_text(name), names=sorted(permitted))
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(_named(_text(names[0])), authority.subject, key.public_key(), now=now, lasts=SERVER_LASTS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),  # type: ignore[arg-type]  # ours is EC
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    _write(folder / f"{SERVER}.key", _key_bytes(key))
    _write(folder / f"{SERVER}.crt", certificate.public_bytes(pem) + authority.public_bytes(pem))
    return certificate.not_valid_after_utc


def server_names(folder: Path) -> list[x509.GeneralName]:
    """Return the names of the present server certificate; raise Unavailable("tls.no_authority") without one."""
    path = folder / f"{SERVER}.crt"
    if not path.is_file():
        raise Unavailable("tls.no_authority", path=str(folder))
    return list(_alternative_names(x509.load_pem_x509_certificate(path.read_bytes())))


def permitted_names(authority: x509.Certificate) -> list[x509.GeneralName]:
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    return list(constraints.permitted_subtrees or ())


def read_shown(certificate: Path, key: Path) -> ServedCertificate:
    """Return what a certificate file shows; raise Unavailable("tls.unreadable") for one that cannot be served."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise Unavailable("tls.unreadable", path=f"{certificate}, {key}") from error
    if private.public_key() != chain[0].public_key():
        raise Unavailable("tls.unreadable", path=f"{certificate}, {key}")
    above = chain[-1]
    own = len(chain) > 1 and above.issuer == above.subject
    return ServedCertificate(
        expires_at=chain[0].not_valid_after_utc,
        authority=above.public_bytes(serialization.Encoding.PEM) if own else b"",
        fingerprint=fingerprint(above) if own else "",
    )


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 fingerprint as systems show it: AB:CD:…"""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _text(name: x509.GeneralName) -> str:
    value = name.value
    if isinstance(value, (ipaddress.IPv4Network, ipaddress.IPv6Network)):
        return str(value.network_address)
    return str(value)


def _permitted(name: x509.GeneralName) -> x509.GeneralName:
    # An address is permitted as the network that holds nothing else.
    return x509.IPAddress(ipaddress.ip_network(name.value)) if isinstance(name, x509.IPAddress) else name


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate((folder / f"{AUTHORITY}.crt").read_bytes())
        key = serialization.load_pem_private_key((folder / f"{AUTHORITY}.key").read_bytes(), None)
    except (OSError, ValueError) as error:
        raise Unavailable("tls.no_authority", path=str(folder)) from error
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return certificate, key


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, now: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now - EARLIER + lasts)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, body: bytes) -> None:
    """Put a file in place, 0600, whole or not at all."""
    arriving = path.with_name(f"{path.name}.new")
    arriving.unlink(missing_ok=True)
    with os.fdopen(open_private(arriving, os.O_WRONLY | os.O_EXCL), "wb") as handle:
        handle.write(body)
        handle.flush()
        os.fsync(handle.fileno())
    arriving.replace(path)
