# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate authority made for one run, and the certificates of the servers."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

_NO_PASSWORD = serialization.NoEncryption()


def make_authority(folder: Path) -> Path:
    """Write ``ca.pem`` and ``server.pem`` (certificate and key for localhost) into ``folder``; returns the former."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("Graph stand-in CA", ca_key, "Graph stand-in CA", ca_key, ca=True)
    key = ec.generate_private_key(ec.SECP256R1())
    server = _certificate("localhost", key, "Graph stand-in CA", ca_key)
    _write(folder / "ca.pem", ca.public_bytes(serialization.Encoding.PEM))
    _write(folder / "server.pem", server.public_bytes(serialization.Encoding.PEM) + _pem(key))
    return folder / "ca.pem"


def make_client_certificate(folder: Path, name: str = "client", passphrase: str = "") -> tuple[Path, Path]:
    """A self-signed certificate and its key, as an operator makes them for an app registration."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = _certificate(name, key, name, key)
    encryption = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else _NO_PASSWORD
    _write(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM))
    _write(folder / f"{name}.key", _pem(key, encryption))
    return folder / f"{name}.crt", folder / f"{name}.key"


def _certificate(name: str, key, issuer: str, issuer_key, ca: bool = False) -> x509.Certificate:
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not ca:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _pem(key, encryption=_NO_PASSWORD) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
