"""Who signs: the user's own certificate, or a test one that is made for the run and says so.

The test certificate is made anew for each run and its key is never written to a disk. It proves that a
file is unchanged since the run, not who made it, so there is nothing that a kept key would add: kept, it
could be stolen to sign other files with, and would tie all files of one person together. run.json has the
certificate's SHA-256, by which a file can be matched to its run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vidface.errors import UsageError

if TYPE_CHECKING:
    from cryptography import x509

TEST_NAME: Final = "vidface self-signed test certificate"
_TEST_AUTHORITY: Final = f"{TEST_NAME}: authority of one run"
_YEARS: Final = 20
"""Without a time stamp a signature counts as long as its certificate does."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its key, as C2PA wants them.

    Attributes:
        chain: PEM, the signer's certificate first.
        key: PEM (PKCS 8), not encrypted; never shown.
        algorithm: C2PA's name: es256, es384, es512, ps256 or ed25519.
        name: the certificate's common name.
        sha256: of the signer's certificate (DER).
        test: it is the self-signed test one.
    """

    chain: bytes
    key: bytes
    algorithm: str
    name: str
    sha256: str
    test: bool

    def __repr__(self) -> str:
        return f"Identity({self.name!r}, {self.algorithm}, {self.sha256[:12]})"

    def to_json(self) -> dict[str, Any]:
        """What run.json says of it."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "algorithm": self.algorithm,
            "self_signed_test": self.test,
        }


def own_identity(certificate: Path, key: Path, *, password: str | None = None) -> Identity:
    """The user's certificate (PEM, the chain below it in the same file) and private key (PEM).

    Args:
        password: of an encrypted key.

    Raises:
        UsageError: a file is missing or no PEM, the two do not belong together, or the time has run out.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    text = _read(certificate, "--sign-cert")
    try:
        chain = x509.load_pem_x509_certificates(text)
    except ValueError:
        raise UsageError(f"--sign-cert {certificate}: holds no certificate in PEM form") from None
    secret = private_key(key, password=password)
    first = chain[0]
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if secret.public_key().public_bytes(*form) != first.public_key().public_bytes(*form):
        raise UsageError(f"--sign-key {key}: is not the key of the first certificate in {certificate}")
    now = datetime.now(UTC)
    if not first.not_valid_before_utc <= now <= first.not_valid_after_utc:
        span = f"{first.not_valid_before_utc:%Y-%m-%d} to {first.not_valid_after_utc:%Y-%m-%d}"
        raise UsageError(f"--sign-cert {certificate}: is valid from {span} only")
    return _identity(chain, secret, str(key), test=False)


def private_key(key: Path, *, password: str | None = None) -> Any:
    """The key of a PEM file.

    Raises:
        UsageError: it is missing, no PEM, or encrypted with another password.
    """
    from cryptography.hazmat.primitives import serialization

    try:
        secret = serialization.load_pem_private_key(
            _read(key, "--sign-key"), None if password is None else password.encode()
        )
    except (ValueError, TypeError) as error:
        why = (
            "is encrypted; give its password in VIDFACE_SIGN_PASSWORD" if isinstance(error, TypeError) else ""
        )
        if password is not None:
            why = "cannot be opened with VIDFACE_SIGN_PASSWORD"
        raise UsageError(f"--sign-key {key}: {why or 'holds no private key in PEM form'}") from None
    return secret


def made_identity() -> Identity:
    """A new certificate and key in memory, under an authority that is forgotten at once.

    C2PA refuses a certificate that signed itself, so there are two: an authority, and below it a signer
    whose extensions are those of the certificate profile in C2PA's technical specification.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_id = x509.SubjectKeyIdentifier.from_public_key(root.public_key())
    top = (
        _blank(_TEST_AUTHORITY, _TEST_AUTHORITY, root.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(root_id, critical=False)
        .sign(root, hashes.SHA256())
    )
    signer = (
        _blank(TEST_NAME, _TEST_AUTHORITY, own.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_id), critical=False
        )
        .sign(root, hashes.SHA256())
    )
    return _identity([signer, top], own, "the test key", test=True)


def _blank(subject: str, issuer: str, key: Any) -> x509.CertificateBuilder:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    def name(text: str) -> x509.Name:
        words = ((NameOID.ORGANIZATION_NAME, "vidface (not verified)"), (NameOID.COMMON_NAME, text))
        return x509.Name([x509.NameAttribute(oid, word) for oid, word in words])

    now = datetime.now(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # A day back, for clocks that are behind this one.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * _YEARS))
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _identity(chain: list[x509.Certificate], secret: Any, where: str, *, test: bool) -> Identity:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    names = chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Identity(
        chain=b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain),
        key=secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        algorithm=_algorithm(secret, where),
        name=str(names[0].value) if names else chain[0].subject.rfc4514_string(),
        sha256=chain[0].fingerprint(hashes.SHA256()).hex(),
        test=test,
    )


def _algorithm(secret: Any, where: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(secret, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(secret, rsa.RSAPrivateKey) and secret.key_size >= 2048:
        return "ps256"
    if isinstance(secret, ec.EllipticCurvePrivateKey):
        found = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}.get(secret.curve.name)
        if found is not None:
            return found
    raise UsageError(
        f"--sign-key {where}: C2PA wants a key on P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits"
    )


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{option} {path}: there is no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{option} {path}: is a folder; name the PEM file in it") from None
    except OSError as error:
        raise UsageError(f"{option} {path}: cannot be read ({error.strerror})") from None
