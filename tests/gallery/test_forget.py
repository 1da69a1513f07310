"""Forgetting leaves nothing behind, and says so only where that is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gallery.people import MODEL, D, filled, looks, picture, vector
from vidface.errors import UsageError
from vidface.gallery import Gallery, Look, _forget
from vidface.gallery.asked import log_run

NAME = "Zacharias Quist"


def everything(folder: Path) -> bytes:
    """All bytes of all files."""
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def made(folder: Path) -> Path:
    """Ann, Quist and Cem; Quist stands in his sources, in one of Ann's and in the log."""
    filled(folder, ("Ann", NAME, "Cem"))
    with Gallery.open(folder, write=True) as gallery:
        gallery.add("Ann", [Look(vector(0, 8), source=f"holiday/{NAME} and Ann.jpg")])
        gallery.add(NAME, [Look(vector(1, 8), source=f"/photos/{NAME}/8.jpg", picture=picture(7))])
        gallery.log("search", {"picture": f"/photos/{NAME}/8.jpg", "faces": 1}, [NAME])
        gallery.rename("Cem", f"Cem {NAME}")
        gallery.rename(f"Cem {NAME}", "Cem")
    return folder


def test_no_byte_of_a_forgotten_person_is_left(tmp_path: Path) -> None:
    """Vectors, pictures, name, sources and digests were in the files before and are not after."""
    folder = made(tmp_path / "g")
    mine = [*looks(1, pictures=True), Look(vector(1, 8), picture=picture(7))]
    before = everything(folder)
    for look in mine:
        assert look.vector.tobytes() in before
        assert look.picture is not None
        assert look.picture[1000:1100] in before
    assert NAME.encode() in before
    with Gallery.open(folder, write=True) as gallery:
        proof = gallery.forget(NAME)
        assert gallery.check() == ()
    after = everything(folder)
    for look in mine:
        assert look.vector.tobytes()[:16] not in after
        assert look.vector.tobytes()[-16:] not in after
        assert look.picture is not None
        for place in range(700, len(look.picture) - 24, 24):
            assert look.picture[place : place + 24] not in after
        assert not look.digest or look.digest.encode() not in after
    for word in (NAME, "Zacharias", "/photos"):
        assert word.encode() not in after
    assert proof.clean
    assert (proof.looks, proof.pictures, proof.vectors, proof.found) == (4, 4, 4, 0)
    assert proof.redacted == 3  # a source, an entry of the log, and what Cem was called before
    assert proof.name_bytes
    assert set(proof.files) == {"gallery.sqlite", "vectors.bin", "gallery.lock"}


def test_the_log_keeps_a_hash_of_the_forgotten(tmp_path: Path) -> None:
    """The same for the same name in this gallery, and another in another one."""
    tokens = []
    for place in ("g", "h"):
        folder = made(tmp_path / place)
        with Gallery.open(folder, write=True) as gallery:
            proof = gallery.forget(NAME)
            rows = gallery.audit()
        assert rows[0].action == "forget"
        assert rows[0].people == (proof.token,)
        assert rows[0].detail["looks"] == 4
        assert [row.people for row in rows if row.action == "enroll"][1] == ("Ann",)
        search = next(row for row in rows if row.action == "search")
        assert search.detail == {"picture": f"[{proof.token}]", "faces": 1}
        tokens.append(proof.token)
    assert tokens[0] != tokens[1]


def test_a_run_that_goes_on_brings_nothing_back(tmp_path: Path) -> None:
    """It found somebody who was forgotten since; who knows the salt finds no hash to try names on."""
    folder = made(tmp_path / "g")
    with Gallery.open(folder, write=True) as gallery:
        gallery.forget(NAME)
    log_run(str(folder), "identify", {"tracks known": 2}, ["Ann", NAME])
    with Gallery.open(folder) as gallery:
        assert gallery.audit(1)[0].people == ("Ann", "[nobody-enrolled]")
        hashed = gallery._store.hashed(NAME)
    assert hashed.encode() not in everything(folder)
    assert NAME.encode() not in everything(folder)


def test_others_stay_as_they_were(tmp_path: Path) -> None:
    folder = made(tmp_path / "g")
    with Gallery.open(folder, write=True) as gallery:
        before = {name: gallery.looks(name) for name in ("Ann", "Cem")}
        gallery.forget(NAME)
        for name, rows in before.items():
            for old, new in zip(rows, gallery.looks(name), strict=True):
                assert (old.id, old.picture, old.added) == (new.id, new.picture, new.added)
                assert old.vector.tobytes() == new.vector.tobytes()
        assert gallery.reference().nearest(vector(2, 9)).name == "Cem"
        assert gallery.reference().names == ("Ann", "Cem")
        assert "Ann.jpg" in gallery.looks("Ann")[-1].source


def test_a_trace_that_is_left_is_found(tmp_path: Path) -> None:
    """A copy of the vectors in the folder, and a note with the name: no false proof."""
    folder = made(tmp_path / "g")
    (folder / "copy.bin").write_bytes((folder / "vectors.bin").read_bytes())
    with Gallery.open(folder, write=True) as gallery:
        proof = gallery.forget(NAME)
        assert not proof.clean
        assert proof.where == ("copy.bin",)
        (folder / "copy.bin").unlink()
        (folder / "note.txt").write_text("Cem was seen")
        proof = gallery.forget("Cem")
        assert (proof.found, proof.name_bytes) == (0, False)  # three letters turn up by chance
        (folder / "note.txt").write_text(f"{NAME} was seen")
        gallery.add(NAME, looks(1))
        proof = gallery.forget(NAME)
        assert (proof.found, proof.where) == (1, ("note.txt",))


def test_the_proof_looks_into_the_database_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the redaction taken out, the name in another's source is found."""
    folder = made(tmp_path / "g")
    monkeypatch.setattr(_forget, "redact", lambda *_: 0)
    with Gallery.open(folder, write=True) as gallery:
        assert gallery.forget(NAME).found > 0


@pytest.mark.parametrize("other", ["Zacharias Quistgaard", "Old Zacharias Quist"])
def test_a_longer_name_of_somebody_else_is_no_trace(tmp_path: Path, other: str) -> None:
    """Bob stays Bobby when Bob is forgotten."""
    folder = filled(tmp_path / "g", (NAME, other, "Cem"))
    with Gallery.open(folder, write=True) as gallery:
        assert gallery.forget(NAME).clean
        assert gallery.people()[0].name == other


@pytest.mark.parametrize(
    ("name", "written"),
    [
        *(("Ann Lee", way) for way in ("Ann_Lee", "ann-lee", "ANN.LEE", "AnnLee", "Ann+Lee", "Ann%20Lee")),
        *(("Ann Lee", way) for way in ("_annlee_2", "Ann \u00a0 Lee", "Ann_-_Lee7")),
        ("Jörg Straße", "JÖRG_STRASSE"),
        ("Jorg Strasse", "jorg-straße"),
        ("José", "jose\u0301"),
        ("José Groß", "JOSE\u0301.GROSS"),
    ],
)
@pytest.mark.parametrize("redacting", [True, False])
def test_a_name_is_forgotten_as_file_names_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, written: str, redacting: bool
) -> None:
    """And what would be left is found."""
    folder = filled(tmp_path / "g", (name, "Cem"))
    if not redacting:
        monkeypatch.setattr(_forget, "redact", lambda *_: 0)
    with Gallery.open(folder, write=True) as gallery:
        gallery.add("Cem", [Look(vector(1, 8), source=f"/p/{written}/8.jpg")])
        gallery.log("search", {"picture": f"/q/{written}.jpg"})
        proof = gallery.forget(name)
        assert proof.clean == redacting
        assert (written in gallery.looks("Cem")[-1].source) != redacting
    assert (written.encode() in everything(folder)) != redacting


def test_other_names_of_the_same_letters_stay(tmp_path: Path) -> None:
    folder = filled(tmp_path / "g", ("Ann Lee", "Anna Leeds"))
    others = ("Anna Leeds", "Joann Lee", "Anna_Lee", "AnnLeeds", "Ann & Lee")
    with Gallery.open(folder, write=True) as gallery:
        for number, other in enumerate(others, 8):
            gallery.add("Anna Leeds", [Look(vector(1, number), source=f"/p/{other}/8.jpg")])
        assert gallery.forget("Ann Lee").clean
        kept = [look.source for look in gallery.looks("Anna Leeds")][-len(others) :]
    assert kept == [f"/p/{other}/8.jpg" for other in others]


@pytest.mark.parametrize("written", ["Zacharias_Quist", "ZachariasQuist", "Zacharias%20Quist"])
def test_a_trace_as_file_names_write_it_is_found(tmp_path: Path, written: str) -> None:
    folder = made(tmp_path / "g")
    (folder / "note.txt").write_text(f"see {written}.jpg")
    with Gallery.open(folder, write=True) as gallery:
        proof = gallery.forget(NAME)
        assert (proof.found, proof.where) == (1, ("note.txt",))


def test_a_mark_is_not_searched_for_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark of a name may by chance hold that name, as a digit among letters."""
    monkeypatch.setattr("secrets.token_hex", lambda _: "4c51ec5d3edd7e4f")
    folder = filled(tmp_path / "g", ("7", "Bob", "Cem"))
    with Gallery.open(folder, write=True) as gallery:
        gallery.log("search", {"picture": "in 7/1.jpg", "faces": 7})
        assert gallery.forget("7").clean
        assert gallery.forget("Bob").clean
        search = next(row for row in gallery.audit() if row.action == "search")
        assert search.detail == {"picture": "in [4c51ec5d3edd7e4f]/1.jpg", "faces": 7}


@pytest.mark.parametrize(
    "name", ["people", "gallery", "INTEGER", "enroll", "7", "x", 'say "hi"', "back\\slash"]
)
def test_names_that_are_words_of_the_database_itself(tmp_path: Path, name: str) -> None:
    folder = filled(tmp_path / "g", (name, "Bob", "Cem"))
    with Gallery.open(folder, write=True) as gallery:
        gallery.log("search", {"picture": f"in {name}/1.jpg", "faces": 7})
        proof = gallery.forget(name)
        assert proof.clean
        search = next(row for row in gallery.audit() if row.action == "search")
        assert search.detail == {"picture": f"in [{proof.token}]/1.jpg", "faces": 7}


def test_what_two_people_share_stays_and_is_counted(tmp_path: Path) -> None:
    """One picture enrolled under two names: the other one keeps it."""
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        gallery.add("Bob Smith", looks(1, pictures=True))
        gallery.add("Robert Smith", looks(1, 1, pictures=True))
        proof = gallery.forget("Bob Smith")
        assert proof.clean
        assert proof.shared == 2
        assert gallery.reference().nearest(vector(1, 0)).score > 0.99


def test_single_looks_can_be_forgotten(tmp_path: Path) -> None:
    folder = filled(tmp_path / "g")
    with Gallery.open(folder, write=True) as gallery:
        numbers = [look.id for look in gallery.looks("Bob")]
        proof = gallery.forget("Bob", [numbers[1]])
        assert proof.clean
        assert (proof.looks, proof.vectors) == (1, 1)
        assert [look.id for look in gallery.looks("Bob")] == [numbers[0], numbers[2]]
        with pytest.raises(UsageError, match="no look 1"):
            gallery.forget("Bob", [gallery.looks("Ann")[0].id])
    assert looks(1)[1].vector.tobytes()[:32] not in everything(folder)


def test_the_last_person_can_be_forgotten(tmp_path: Path) -> None:
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        gallery.add("Anneliese", looks(0))
        assert gallery.forget("Anneliese").clean
        assert gallery.people() == ()
        assert gallery.check() == ()
        gallery.add("Bob", looks(1))
        with pytest.raises(UsageError, match="nobody called"):
            gallery.forget("Anneliese")


def test_searched_pictures_and_digests_are_forgotten_too(tmp_path: Path) -> None:
    """The log of a search that found the person names another picture of theirs, and both have a digest."""
    folder = filled(tmp_path / "g")
    mine = looks(1)[0].digest
    with Gallery.open(folder, write=True) as gallery:
        gallery.log("search", {"picture": "/x/Bob_2.jpg", "sha256": "f" * 64, "faces": 1}, ["Bob"])
        gallery.log("search", {"picture": "/x/nobody.jpg", "sha256": mine, "faces": 1})
        gallery.log("search", {"picture": "/x/Cem_2.jpg", "sha256": "e" * 64, "faces": 1}, ["Cem"])
        proof = gallery.forget("Bob")
        rows = {str(row.detail.get("picture")): row.detail for row in gallery.audit()}
    mark = f"[{proof.token}]"
    assert rows[mark]["sha256"] == mark
    assert rows["/x/nobody.jpg"]["sha256"] == mark
    assert rows["/x/Cem_2.jpg"]["sha256"] == "e" * 64
    assert proof.clean
    for word in ("Bob_2", "f" * 64, mine):
        assert word.encode() not in everything(folder)


def test_a_digest_that_is_left_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the redaction of digests taken out there is no false proof."""
    folder = filled(tmp_path / "g")
    monkeypatch.setattr(_forget, "redact_digests", lambda *_: 0)
    with Gallery.open(folder, write=True) as gallery:
        gallery.log("search", {"sha256": looks(1)[0].digest})
        assert gallery.forget("Bob").found == 1


@pytest.mark.parametrize("way", ["rename", "merge"])
def test_former_names_are_forgotten_too(tmp_path: Path, way: str) -> None:
    folder = filled(tmp_path / "g", (NAME, "Robert", "Cem"))
    with Gallery.open(folder, write=True) as gallery:
        gallery.add("Cem", [Look(vector(2, 8), source=f"{NAME} and Cem.jpg")])
        gallery.log("note", f"{NAME} was asked for")
        if way == "merge":
            gallery.merge(NAME, "Robert")
        else:
            gallery.forget("Robert")
            gallery.rename(NAME, "Robert")
        assert gallery.forget("Robert").clean
    assert NAME.encode() not in everything(folder)


def test_a_name_that_somebody_else_has_by_now_stays_theirs(tmp_path: Path) -> None:
    """The log keeps them apart, and forgetting the first leaves the second as they are."""
    folder = filled(tmp_path / "g", ("Quentin", "Cem"))
    with Gallery.open(folder, write=True) as gallery:
        gallery.log("search", {"picture": "first.jpg"}, ["Quentin"])
        gallery.rename("Quentin", "Zed")
        gallery.add("Quentin", [Look(vector(5), source="Quentin/1.jpg")])
        rows = gallery.audit()
        assert [row.people for row in rows if row.action == "search"] == [("Zed",)]
        assert next(row.people for row in rows if row.action == "enroll") == ("Quentin",)
        assert [row.people for row in rows if row.action == "enroll"][-1] == ("Zed",)
        assert gallery.forget("Zed").clean
        assert gallery.looks("Quentin")[0].source == "Quentin/1.jpg"
        gallery.forget("Quentin")
        gallery.add("Quentin", [Look(vector(6))])
        named = [row for row in gallery.audit() if "Quentin" in row.people]
        assert [row.action for row in named] == ["enroll"]


def test_a_file_whose_looks_are_gone_can_be_enrolled_again(tmp_path: Path) -> None:
    """By number, and where a second file gave nothing new beside the look."""
    folder = filled(tmp_path / "g")
    first, second = looks(1)[0].digest, "d" * 64
    with Gallery.open(folder, write=True) as gallery:
        gallery.add("Bob", [Look(vector(1, 0), digest=second)])  # like a look that is there
        numbers = [look.id for look in gallery.looks("Bob")]
        assert gallery.enrolled("Bob", second)
        assert gallery.forget("Bob", numbers[:1]).clean
        assert not gallery.enrolled("Bob", first)
        assert not gallery.enrolled("Bob", second)
        assert gallery.enrolled("Bob", looks(1)[1].digest)
        gallery.forget("Bob", numbers[1:])
        assert gallery.looks("Bob") == ()
        assert not gallery.enrolled("Bob", looks(1)[1].digest)
        assert gallery.enrolled("Ann", looks(0)[0].digest)
