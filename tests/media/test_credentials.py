"""Signing: what is signed holds, what is changed afterwards shows, what cannot sign says why."""

from __future__ import annotations

import contextlib
import random
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.media.conftest import Maker
from vidface.data.provenance import Ingredient, MadeBy, ModelFile, Provenance
from vidface.errors import InputError, OutputError, UsageError
from vidface.media import credentials
from vidface.media.certificate import TEST_NAME, Identity, made_identity, own_identity
from vidface.media.credentials import check_identity, sidecar, sign, signable
from vidface.media.declared import Manifest, declared

SHA = "ab" * 32
MADE = Provenance(
    (MadeBy("detect", "detect.face"), MadeBy("new", "restore.face", generates=True)),
    (ModelFile("vidface-restore", SHA),),
    ingredients=(
        Ingredient("in.mp4", "parent", "driver", SHA),
        Ingredient("me.png", "input", "new.source", SHA),
    ),
)
FRAGMENTS = {"movflags": "frag_keyframe+delay_moov+default_base_moof"}
HYBRID = {"movflags": "frag_keyframe+delay_moov+default_base_moof+hybrid_fragmented"}


@pytest.fixture(scope="module")
def identity() -> Identity:
    """A test certificate."""
    return made_identity()


def manifest_of(path: Path, **how: Any) -> Manifest:
    """The manifest, which must be there."""
    found = declared(path, **how).manifest
    assert found is not None
    return found


def copied(path: Path, folder: Path) -> Path:
    """A copy that a test may change."""
    target = folder / path.name
    target.write_bytes(path.read_bytes())
    return target


def still(path: Path) -> Path:
    """A small picture in the form that its name says."""
    noise = np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8)
    assert cv2.imwrite(str(path), noise)
    return path


@pytest.mark.parametrize(
    ("name", "muxer"),
    [
        ("a.mp4", {}),
        ("fragments.mp4", FRAGMENTS),
        ("hybrid.mp4", HYBRID),
        ("a.mov", {}),
        ("f.mov", FRAGMENTS),
    ],
)
def test_mp4_and_mov_carry_the_manifest(
    clip: Maker, tmp_path: Path, identity: Identity, name: str, muxer: dict[str, str]
) -> None:
    """Plain, as a row of fragments (as a killed run leaves it), and as vidface closes them."""
    path = copied(clip(name, muxer=muxer), tmp_path)
    assert sign(path, MADE, identity).manifest == "embedded"
    manifest = manifest_of(path)
    assert (manifest.state, manifest.place, manifest.problems) == ("untrusted", "embedded", ())
    assert [path.name] == [entry.name for entry in tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_pictures_carry_the_manifest(tmp_path: Path, identity: Identity, name: str) -> None:
    path = still(tmp_path / name)
    before: Any = cv2.imread(str(path))
    assert sign(path, MADE, identity).manifest == "embedded"
    assert manifest_of(path).state == "untrusted"
    after: Any = cv2.imread(str(path))
    assert np.array_equal(before, after)


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.webm", "libvpx-vp9")])
def test_matroska_has_its_manifest_beside_it(
    clip: Maker, tmp_path: Path, identity: Identity, name: str, codec: str
) -> None:
    """The file is not touched; the manifest is bound to its bytes."""
    path = copied(clip(name, codec=codec), tmp_path)
    before = path.read_bytes()
    assert sign(path, MADE, identity).manifest == f"{name}.c2pa"
    assert path.read_bytes() == before
    assert manifest_of(path).state == "untrusted"
    path.write_bytes(before[:-30] + bytes([before[-30] ^ 1]) + before[-29:])
    assert manifest_of(path).state == "tampered"
    with pytest.raises(InputError, match="is a manifest; inspect the file that it stands beside"):
        declared(sidecar(path))


def test_the_manifest_says_what_made_it(tmp_path: Path, identity: Identity) -> None:
    """Claim generator, actions with IPTC types, ingredients, vidface's own assertion."""
    path = still(tmp_path / "a.png")
    sign(path, MADE, identity)
    manifest = manifest_of(path)
    assert manifest.generator is not None
    assert manifest.generator.startswith("vidface ")
    assert manifest.signer["name"] == TEST_NAME
    assert manifest.signer["self_signed_test"]
    assert [action["action"] for action in manifest.actions] == ["c2pa.opened", "c2pa.edited"]
    assert manifest.actions[1]["source_type"] == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    )
    assert manifest.actions[1]["description"] == "restore.face"
    assert manifest.provenance == MADE.to_json()
    assert [(item["name"], item["relationship"]) for item in manifest.ingredients] == [
        ("in.mp4", "parentOf"),
        ("me.png", "inputTo"),
    ]
    assert all(SHA in item["description"] for item in manifest.ingredients)


def test_a_manifest_of_an_ingredient_is_taken_over(tmp_path: Path, identity: Identity) -> None:
    """The chain goes on: also that an ingredient was tampered with."""
    first = still(tmp_path / "first.png")
    sign(first, MADE, identity)
    data = bytearray(first.read_bytes())
    data[-20] ^= 1
    broken = tmp_path / "broken.png"
    broken.write_bytes(data)
    parts = tuple(Ingredient(path.name, "input", "new.source", SHA, path) for path in (first, broken))
    second = still(tmp_path / "second.jpg")
    sign(second, MADE.made_from(parts), identity)
    manifest = manifest_of(second)
    assert manifest.state == "untrusted"
    assert [item["state"] for item in manifest.ingredients] == ["untrusted", "tampered"]


@pytest.mark.parametrize("place", [0.5, -40])
def test_a_changed_byte_shows(clip: Maker, tmp_path: Path, identity: Identity, place: float) -> None:
    """In the middle of the pictures, and near the end (index, metadata)."""
    path = copied(clip("a.mp4"), tmp_path)
    sign(path, MADE, identity)
    data = bytearray(path.read_bytes())
    at = round(len(data) * place) if place > 0 else len(data) + round(place)
    data[at] ^= 1
    path.write_bytes(data)
    manifest = manifest_of(path)
    assert manifest.state == "tampered"
    assert "bmffHash.mismatch" in manifest.problems[0]


def test_a_changed_manifest_and_a_cut_file_show(clip: Maker, tmp_path: Path, identity: Identity) -> None:
    path = copied(clip("a.mp4"), tmp_path)
    sign(path, MADE, identity)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"restore.face", b"detect.faces"))
    assert manifest_of(path).state == "tampered"
    path.write_bytes(data[: len(data) - 400])
    assert manifest_of(path).state in ("tampered", "unreadable")


@pytest.mark.parametrize("name", ["a.png", "a.mp4"])
def test_any_damage_has_an_answer(clip: Maker, tmp_path: Path, identity: Identity, name: str) -> None:
    """Bytes changed, zeroed, cut off or put in anywhere: a state or one sentence, never a crash."""
    path = still(tmp_path / name) if name == "a.png" else copied(clip(name), tmp_path)
    sign(path, MADE, identity)
    data, dice = path.read_bytes(), random.Random(5)
    for _ in range(60):
        at, wrong = dice.randrange(len(data)), dice.randbytes(dice.choice([1, 5, 30]))
        behind = dice.choice([at, at + len(wrong), len(data)])
        path.write_bytes(data[:at] + wrong + data[behind:])
        with contextlib.suppress(InputError):
            declared(path)


def test_an_active_manifest_that_is_missing() -> None:
    """c2pa-rs reports it by a name that nothing has."""
    from vidface.media.declared import _told

    report = {
        "active_manifest": "urn:c2pa:1",
        "manifests": {},
        "validation_status": [{"code": "claim.missing"}],
    }
    assert _told(report, "embedded") == Manifest("unreadable", "embedded", problems=("claim.missing: ",))


def test_signed_files_are_as_private_as_before(tmp_path: Path, identity: Identity) -> None:
    path = still(tmp_path / "a.png")
    path.chmod(0o600)
    sign(path, MADE, identity)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_no_video_stays_as_it_is(tmp_path: Path, identity: Identity) -> None:
    """One sentence, nothing left behind."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video at all" * 20)
    with pytest.raises(OutputError, match=r"a\.mp4: is complete, but could not be signed"):
        sign(path, MADE, identity)
    assert path.read_bytes() == b"no video at all" * 20
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_no_room_beside_the_file(tmp_path: Path, identity: Identity) -> None:
    """The place of the signed copy is taken by a folder: the file stays."""
    path = still(tmp_path / "a.png")
    before = path.read_bytes()
    (tmp_path / "a.png.signing").mkdir()
    with pytest.raises(OutputError, match="could not be signed: Is a directory"):
        sign(path, MADE, identity)
    assert path.read_bytes() == before


def test_what_can_be_signed() -> None:
    assert all(signable(Path(name)) for name in ("a.MP4", "a.mov", "a.mkv", "a.webm", "a.png", "a.jpg"))
    assert not any(signable(Path(name)) for name in ("a.jsonl", "a.csv", "a.obj", "a"))


def test_each_test_certificate_is_new() -> None:
    """The key is on no disk and serves one run."""
    one, other = made_identity(), made_identity()
    assert one.sha256 != other.sha256
    assert one.key != other.key
    assert "PRIVATE" not in repr(one)
    assert one.to_json()["name"] == "vidface self-signed test certificate"


def certificate(key: Any, *, days: int = 5) -> tuple[bytes, bytes]:
    """PEM of a signer's certificate with its authority, and of the authority alone."""
    root = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
    person = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A person")])
    now = datetime.now(UTC)
    root_id = x509.SubjectKeyIdentifier.from_public_key(root.public_key())
    usage = {"content_commitment": False, "key_encipherment": False, "data_encipherment": False}
    usage |= {"key_agreement": False, "encipher_only": False, "decipher_only": False}

    def blank(subject: x509.Name, public: Any) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            issuer_name=name,
            subject_name=subject,
            public_key=public,
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(days=10),
            not_valid_after=now + timedelta(days=days),
        )

    def sealed(builder: x509.CertificateBuilder, *, ca: bool) -> bytes:
        rights = x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **usage)
        made = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        made = made.add_extension(rights, critical=True)
        return made.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    top = sealed(blank(name, root.public_key()).add_extension(root_id, critical=False), ca=True)
    mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    above = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_id)
    own = (
        blank(person, key.public_key())
        .add_extension(mail, critical=False)
        .add_extension(above, critical=False)
    )
    return sealed(own, ca=False) + top, top


def pem(key: Any, password: bytes | None = None) -> bytes:
    """A private key as PEM."""
    hide = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    found: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hide)
    return found


KEYS: dict[str, Callable[[], Any]] = {
    "es256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "es512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ps256": lambda: rsa.generate_private_key(65537, 2048),
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_the_users_own_certificate(tmp_path: Path, algorithm: str) -> None:
    """Every kind of key signs; with its authority given, the signer is trusted."""
    key = KEYS[algorithm]()
    chain, top = certificate(key)
    (tmp_path / "cert.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(pem(key))
    identity = own_identity(tmp_path / "cert.pem", tmp_path / "key.pem")
    assert (identity.algorithm, identity.name, identity.test) == (algorithm, "A person", False)
    check_identity(identity)
    path = still(tmp_path / "a.png")
    sign(path, MADE, identity)
    assert manifest_of(path).state == "untrusted"
    assert not manifest_of(path).signer["self_signed_test"]
    assert manifest_of(path, trust=top.decode()).state == "trusted"


def test_what_is_wrong_with_certificate_or_key(tmp_path: Path) -> None:
    """Every fault is one sentence that names option and file."""
    key, other = KEYS["es256"](), KEYS["es256"]()
    cert, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    with pytest.raises(UsageError, match=r"--sign-cert .*cert\.pem: there is no such file"):
        own_identity(cert, key_file)
    with pytest.raises(UsageError, match=r"--sign-cert .*: is a folder; name the PEM file in it"):
        own_identity(tmp_path, key_file)
    cert.write_text("hello")
    with pytest.raises(UsageError, match="holds no certificate in PEM form"):
        own_identity(cert, key_file)
    cert.write_bytes(certificate(key)[0])
    with pytest.raises(UsageError, match=r"--sign-key .*key\.pem: there is no such file"):
        own_identity(cert, key_file)
    key_file.write_bytes(b"-----BEGIN PRIVATE KEY-----\nrubbish\n-----END PRIVATE KEY-----\n")
    with pytest.raises(UsageError, match="holds no private key in PEM form"):
        own_identity(cert, key_file)
    key_file.write_bytes(pem(other))
    with pytest.raises(UsageError, match="is not the key of the first certificate"):
        own_identity(cert, key_file)
    key_file.write_bytes(pem(key, b"secret"))
    with pytest.raises(UsageError, match="is encrypted; give its password in VIDFACE_SIGN_PASSWORD"):
        own_identity(cert, key_file)
    with pytest.raises(UsageError, match="cannot be opened with VIDFACE_SIGN_PASSWORD"):
        own_identity(cert, key_file, password="wrong")
    assert own_identity(cert, key_file, password="secret").name == "A person"
    cert.write_bytes(certificate(key, days=-1)[0])
    with pytest.raises(UsageError, match=r"is valid from .* only"):
        own_identity(cert, key_file, password="secret")


def test_a_certificate_that_c2pa_refuses_shows_before_the_run(tmp_path: Path) -> None:
    """One that signed itself."""
    key = KEYS["es256"]()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Me")])
    now = datetime.now(UTC)
    lone = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    (tmp_path / "cert.pem").write_bytes(
        lone.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    (tmp_path / "key.pem").write_bytes(pem(key))
    with pytest.raises(UsageError, match="the certificate 'Me' cannot sign for C2PA: "):
        check_identity(own_identity(tmp_path / "cert.pem", tmp_path / "key.pem"))


def test_without_the_library_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """c2pa-python cannot be loaded."""
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(UsageError, match="signs with the package c2pa-python, and that cannot be loaded"):
        credentials.library()
