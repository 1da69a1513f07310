"""Signatures over a run's manifest: a short text with its digest, signed with the user's key.

The text is `vidface manifest sha256 <64 hex digits>` and a line end, so that any tool can check it:
`openssl pkeyutl -verify -rawin -pubin -inkey KEY.pub -in TEXT -sigfile SIG`. Ed25519 (RFC 8032), ECDSA
with the digest of the curve's size (FIPS 186-5), RSASSA-PSS with SHA-256 (RFC 8017).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vidface.data.oncejson import once
from vidface.errors import InputError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_SHORTEST_RSA: Final = 2048


@dataclass(frozen=True, slots=True)
class Signer:
    """A key to sign with, and what the signature says of it.

    Attributes:
        name: the certificate's common name; None without a certificate.
        algorithm: ed25519, ecdsa-sha256 (sha384, sha512) or rsa-pss-sha256.
        fingerprint: SHA-256 of the public key (DER, SubjectPublicKeyInfo).
        certificates: PEM, the signer's first; empty without.
    """

    key: PrivateKey
    name: str | None
    algorithm: str
    fingerprint: str
    certificates: str = ""

    def __repr__(self) -> str:
        return f"Signer({self.name!r}, {self.algorithm}, {self.fingerprint[:12]})"

    def to_json(self) -> dict[str, Any]:
        """What run.json says of who signs it."""
        return {"name": self.name, "algorithm": self.algorithm, "key_sha256": self.fingerprint}

    def sign(self, digest: str) -> bytes:
        """What run.json.sig holds: JSON.

        Args:
            digest: of the manifest, lower-case hex.
        """
        facts = {
            **self.to_json(),
            "text": text_of(digest),
            "signature": base64.b64encode(_signed(self.key, text_of(digest).encode())).decode(),
            "public_key": _public_pem(self.key.public_key()),
            "certificates": self.certificates or None,
        }
        return (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Signature:
    """What was found in run.json.sig.

    Attributes:
        holds: the signature is that of the manifest by the key that was asked for.
        fault: one sentence why not; empty where it holds.
        name: of the signer's certificate; None where there is none.
        fingerprint: SHA-256 of the public key in the file, "" where it is damaged.
    """

    holds: bool
    fault: str = ""
    name: str | None = None
    fingerprint: str = ""


def text_of(digest: str) -> str:
    """What is signed."""
    return f"vidface manifest sha256 {digest}\n"


def signer_of(key: Path, certificate: Path | None = None, *, password: str | None = None) -> Signer:
    """A key (PEM), with its certificate where there is one.

    Raises:
        UsageError: a file is missing or no PEM, the two do not belong together, or it is no key to sign with.
    """
    from cryptography.hazmat.primitives import serialization

    from vidface.media.certificate import own_identity, private_key

    if certificate is None:
        return _signer(private_key(key, password=password), f"--sign-key {key}")
    identity = own_identity(certificate, key, password=password)
    secret: Any = serialization.load_pem_private_key(identity.key, None)
    return _signer(secret, f"--sign-key {key}", name=identity.name, certificates=identity.chain.decode())


def check_signature(content: bytes, digest: str, *, key: Path | None = None) -> Signature:
    """Check run.json.sig.

    Args:
        content: of the file.
        digest: of the manifest that stands there now.
        key: public key or certificate (PEM) that it must be of; None asks for the one in the file, which
            shows that nothing was changed since, but not who signed.

    Raises:
        UsageError: `key` holds neither.
    """
    from cryptography.exceptions import InvalidSignature

    wanted = None if key is None else public_key(key)
    try:
        facts = once(content)
        own = _load_public(facts["public_key"].encode())
        signature, text = base64.b64decode(facts["signature"], validate=True), str(facts["text"])
        name = _name_of(facts.get("certificates"), own)
    except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        return Signature(False, f"it is damaged ({error or type(error).__name__})")
    print_ = _fingerprint(own)
    if wanted is not None and _fingerprint(wanted) != print_:
        return Signature(False, f"it was made with another key than {key}", name, print_)
    try:
        _verify(own, signature, text.encode())
    except InvalidSignature:
        return Signature(False, "the signature is not that of its own key: it was changed", name, print_)
    if text != text_of(digest):
        return Signature(False, "run.json is not the one that was signed: it was changed since", name, print_)
    return Signature(True, "", name, print_)


def public_key(path: Path) -> Any:
    """The public key of a PEM file that holds one, or a certificate.

    Raises:
        UsageError: it holds neither.
    """
    try:
        return _load_public(path.read_bytes())
    except OSError as error:
        raise UsageError(f"--key {path}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise UsageError(f"--key {path}: holds no public key and no certificate in PEM form") from None


def _signer(secret: Any, where: str, *, name: str | None = None, certificates: str = "") -> Signer:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(secret, ed25519.Ed25519PrivateKey):
        algorithm = "ed25519"
    elif isinstance(secret, ec.EllipticCurvePrivateKey):
        algorithm = f"ecdsa-{_ec_hash(secret.curve).name}"
    elif isinstance(secret, rsa.RSAPrivateKey) and secret.key_size >= _SHORTEST_RSA:
        algorithm = "rsa-pss-sha256"
    else:
        raise UsageError(f"{where}: wanted a key of Ed25519, ECDSA, or RSA of 2048 bits or more")
    return Signer(secret, name, algorithm, _fingerprint(secret.public_key()), certificates)


def _signed(secret: Any, message: bytes) -> bytes:
    result: bytes = secret.sign(message, *_way(secret.public_key()))
    return result


def _verify(public: Any, signature: bytes, message: bytes) -> None:
    public.verify(signature, message, *_way(public))


def _way(public: Any) -> tuple[Any, ...]:
    """What sign and verify of a kind of key want besides the message."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    if isinstance(public, ec.EllipticCurvePublicKey):
        return (ec.ECDSA(_ec_hash(public.curve)),)
    if isinstance(public, rsa.RSAPublicKey):
        salt = padding.PSS.DIGEST_LENGTH
        return padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256()
    return ()


def _ec_hash(curve: Any) -> Any:
    from cryptography.hazmat.primitives import hashes

    if curve.key_size <= 256:
        return hashes.SHA256()
    return hashes.SHA384() if curve.key_size <= 384 else hashes.SHA512()


def _load_public(pem: bytes) -> Any:
    """Raises ValueError where it is neither a public key nor a certificate, or of a kind not known here."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    found: Any
    try:
        if b"BEGIN CERTIFICATE" in pem:
            found = x509.load_pem_x509_certificates(pem)[0].public_key()
        else:
            found = serialization.load_pem_public_key(pem)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if not isinstance(found, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise ValueError("a key of a kind that is not known here")
    return found


def _name_of(certificates: str | None, own: Any) -> str | None:
    """Common name of the certificate in the file, if it is that of the key in the file."""
    if certificates is None:
        return None
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    first = x509.load_pem_x509_certificates(certificates.encode())[0]
    if _fingerprint(first.public_key()) != _fingerprint(own):
        raise InputError("its certificate is not that of its key")
    names = first.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else first.subject.rfc4514_string()


def _fingerprint(public: Any) -> str:
    import hashlib

    from cryptography.hazmat.primitives import serialization

    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(public.public_bytes(*form)).hexdigest()


def _public_pem(public: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    text: bytes = public.public_bytes(*form)
    return text.decode()
