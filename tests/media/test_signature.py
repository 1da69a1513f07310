"""A manifest's signature: it holds for its digest and its key alone, and says in one sentence why not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from vidface.errors import UsageError
from vidface.media.certificate import made_identity
from vidface.media.signature import check_signature, signer_of, text_of

DIGEST, OTHER = "ab" * 32, "cd" * 32


def written(folder: Path, secret: Any, name: str = "key") -> tuple[Path, Path]:
    """The private and the public key as PEM files."""
    own, public = folder / f"{name}.pem", folder / f"{name}.pub"
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    own.write_bytes(secret.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(secret.public_key().public_bytes(pem, form))
    return own, public


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return written(tmp_path, ed25519.Ed25519PrivateKey.generate())


@pytest.mark.parametrize(
    ("secret", "algorithm"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (ec.generate_private_key(ec.SECP256R1()), "ecdsa-sha256"),
        (ec.generate_private_key(ec.SECP521R1()), "ecdsa-sha512"),
        (rsa.generate_private_key(65537, 2048), "rsa-pss-sha256"),
    ],
)
def test_a_signature_holds_for_its_digest_alone(tmp_path: Path, secret: Any, algorithm: str) -> None:
    own, public = written(tmp_path, secret)
    content = signer_of(own).sign(DIGEST)
    assert json.loads(content)["algorithm"] == algorithm
    assert check_signature(content, DIGEST).holds
    assert check_signature(content, DIGEST, key=public).holds
    found = check_signature(content, OTHER, key=public)
    assert not found.holds
    assert found.fault == "run.json is not the one that was signed: it was changed since"


def test_another_key_is_told(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    _, other = written(tmp_path, ed25519.Ed25519PrivateKey.generate(), "other")
    found = check_signature(signer_of(keys[0]).sign(DIGEST), DIGEST, key=other)
    assert not found.holds
    assert found.fault == f"it was made with another key than {other}"


@pytest.mark.parametrize("field", ["signature", "text"])
def test_a_changed_signature_is_told(keys: tuple[Path, Path], field: str) -> None:
    facts = json.loads(signer_of(keys[0]).sign(DIGEST))
    facts[field] = text_of(OTHER) if field == "text" else "A" * 86 + "=="
    found = check_signature(json.dumps(facts).encode(), OTHER)
    assert found.fault == "the signature is not that of its own key: it was changed"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"public_key": "x", "signature": "", "text": ""}'])
def test_a_damaged_signature_is_told(content: bytes) -> None:
    assert check_signature(content, DIGEST).fault.startswith("it is damaged")


def test_a_certificate_gives_its_name(tmp_path: Path) -> None:
    made = made_identity()
    (tmp_path / "cert.pem").write_bytes(made.chain)
    (tmp_path / "key.pem").write_bytes(made.key)
    content = signer_of(tmp_path / "key.pem", tmp_path / "cert.pem").sign(DIGEST)
    found = check_signature(content, DIGEST, key=tmp_path / "cert.pem")
    assert (found.holds, found.name) == (True, made.name)
    facts = json.loads(content)
    facts["certificates"] = made_identity().chain.decode()
    assert "certificate is not that of its key" in check_signature(json.dumps(facts).encode(), DIGEST).fault


def test_a_key_that_cannot_sign_is_refused(tmp_path: Path) -> None:
    own, public = written(tmp_path, ed448.Ed448PrivateKey.generate())
    with pytest.raises(UsageError, match="wanted a key of Ed25519"):
        signer_of(own)
    for path in (public, tmp_path / "none.pem"):
        with pytest.raises(UsageError, match="--key"):
            check_signature(b"{}", DIGEST, key=path)
    with pytest.raises(UsageError, match="holds no private key"):
        signer_of(public)


def test_openssl_agrees(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    """The file can be checked without vidface, as its docstring says."""
    import base64
    import shutil

    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    facts = json.loads(signer_of(keys[0]).sign(DIGEST))
    (tmp_path / "text").write_text(facts["text"])
    (tmp_path / "sig").write_bytes(base64.b64decode(facts["signature"]))
    words = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(keys[1])]
    files = ["-in", str(tmp_path / "text"), "-sigfile", str(tmp_path / "sig")]
    done = subprocess.run([*words, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
