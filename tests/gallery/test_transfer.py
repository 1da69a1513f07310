"""One file out, one file in; a zip from a stranger harms nothing."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gallery.people import MODEL, D, filled, looks, vector
from vidface.errors import InputError, OutputError, OutputExistsError, UsageError, VidfaceError
from vidface.gallery import Gallery, Look

Files = dict[str, bytes]


def exported(folder: Path) -> Path:
    """A gallery of Ann, Bob and Cem as a zip."""
    with Gallery.open(filled(folder / "from"), write=True) as gallery:
        gallery.export(folder / "g.zip")
    return folder / "g.zip"


def taken_in(folder: Path, path: Path) -> list[str]:
    """Import into a new gallery; returns the names."""
    with Gallery.create(folder / "to", fingerprint=MODEL, dimension=D) as gallery:
        gallery.import_(path)
        assert gallery.check() == ()
        return [person.name for person in gallery.people()]


def test_what_goes_out_comes_in(tmp_path: Path) -> None:
    path = exported(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert taken_in(tmp_path, path) == ["Ann", "Bob", "Cem"]
    with Gallery.open(tmp_path / "from") as one, Gallery.open(tmp_path / "to") as two:
        for name in ("Ann", "Bob", "Cem"):
            for old, new in zip(one.looks(name), two.looks(name), strict=True):
                assert np.allclose(old.vector, new.vector, atol=1e-6)
                assert (old.recognisability, old.quality, old.source, old.picture) == (
                    *(new.recognisability, new.quality, new.source, new.picture),
                )
        assert two.enrolled("Bob", looks(1)[0].digest)
        assert two.audit(1)[0].action == "import"
        assert one.audit(1)[0].action == "export"


def test_an_import_joins_people_of_one_name(tmp_path: Path) -> None:
    """And leaves out looks that are there already."""
    path = exported(tmp_path)
    with Gallery.create(tmp_path / "to", fingerprint=MODEL, dimension=D) as gallery:
        gallery.add("Bob", [*looks(1, 2), Look(vector(1, 40))])
        reports = gallery.import_(path)
        assert (reports["Bob"].added, reports["Bob"].duplicates) == (1, (0, 1))
        assert reports["Ann"].added == 3
        assert gallery.people()[0].looks == 4


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    with Gallery.open(filled(tmp_path / "from"), write=True) as gallery:
        (tmp_path / "g.zip").write_text("mine")
        with pytest.raises(OutputExistsError):
            gallery.export(tmp_path / "g.zip")
        assert (tmp_path / "g.zip").read_text() == "mine"
        gallery.export(tmp_path / "g.zip", overwrite=True)
        assert zipfile.is_zipfile(tmp_path / "g.zip")
        with pytest.raises(OutputError, match="could not be written"):
            gallery.export(tmp_path / "nowhere" / "g.zip")


@pytest.mark.parametrize("name", ["gallery.sqlite", "vectors.bin", "new.zip", "."])
def test_a_gallery_is_not_written_over_by_its_own_export(tmp_path: Path, name: str) -> None:
    """However the place is named, and whatever is there."""
    folder = filled(tmp_path / "from")
    (tmp_path / "link").symlink_to(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with Gallery.open(folder) as gallery:
        for place in (folder / name, tmp_path / "link" / name, folder / ".." / "from" / name):
            with pytest.raises(UsageError, match=r"own folder|is a folder"):
                gallery.export(place, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_export_that_is_interrupted_leaves_nobody_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """And a file of the user's that is called as the part once was stays."""

    def stop(*_: object) -> None:
        raise error

    (tmp_path / "g.zip.part").write_text("mine")
    with Gallery.open(filled(tmp_path / "from")) as gallery:
        gallery.export(tmp_path / "g.zip")
        (tmp_path / "g.zip").write_text("before")
        monkeypatch.setattr(zipfile.ZipFile, "writestr", stop)
        with pytest.raises((error, OutputError)):
            gallery.export(tmp_path / "g.zip", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from", "g.zip", "g.zip.part"]
    assert (tmp_path / "g.zip").read_text() == "before"
    assert (tmp_path / "g.zip.part").read_text() == "mine"


@pytest.mark.parametrize("text", ["{", "null", '{"fmr": 0.1}', '{"threshold": "high"}'])
def test_a_damaged_calibration_is_told_and_made_anew(tmp_path: Path, text: str) -> None:
    with Gallery.open(filled(tmp_path / "from"), write=True) as gallery:
        with gallery._store.change():
            gallery._store.set(calibration=text)
        for ask in (gallery.reference, lambda: gallery.export(tmp_path / "g.zip")):
            with pytest.raises(InputError, match="vidface gallery calibrate"):
                ask()
        assert "calibration is damaged" in gallery.check()[0]
        found = gallery.calibrate(np.stack([vector(person) for person in range(50, 90)]), fmr=0.1)
        assert gallery.calibration is not None
        assert gallery.reference().threshold == found.threshold
        assert gallery.check() == ()


def test_an_empty_gallery_travels(tmp_path: Path) -> None:
    with Gallery.create(tmp_path / "from", fingerprint=MODEL, dimension=D) as gallery:
        assert gallery.export(tmp_path / "g.zip") == 0
    assert taken_in(tmp_path, tmp_path / "g.zip") == []


def test_a_zip_of_another_embedder_is_refused(tmp_path: Path) -> None:
    path = exported(tmp_path)
    with (
        Gallery.create(tmp_path / "to", fingerprint="other@1", dimension=D) as gallery,
        pytest.raises(UsageError, match="re-embed"),
    ):
        gallery.import_(path)


def changed(change: Callable[[dict[str, Any]], None]) -> Callable[[Files], None]:
    """Change gallery.json."""

    def edit(files: Files) -> None:
        index = json.loads(files["gallery.json"])
        change(index)
        files["gallery.json"] = json.dumps(index).encode()

    return edit


def array(rows: Any) -> bytes:
    """As .npy; objects too."""
    packed = io.BytesIO()
    np.save(packed, rows, allow_pickle=True)
    return packed.getvalue()


HOSTILE: dict[str, Callable[[Files], None]] = {
    "a path upwards": lambda f: f.update({"../evil.txt": b"x"}),
    "an absolute path": lambda f: f.update({"/etc/evil": b"x"}),
    "a path inside": lambda f: f.update({"pictures/../../evil.jpg": b"x"}),
    "a backslash": lambda f: f.update({"pictures\\..\\evil.jpg": b"x"}),
    "a picture's name upwards": changed(
        lambda i: i["people"][0]["looks"][0].update(picture="../../secret.jpg")
    ),
    "a picture that is missing": changed(
        lambda i: i["people"][0]["looks"][0].update(picture="pictures/99.jpg")
    ),
    "a picture that is none": lambda f: f.update({"pictures/0.jpg": b"#!/bin/sh"}),
    "a picture of 5 MB": lambda f: f.update({"pictures/0.jpg": b"\xff\xd8\xff" + bytes(5 << 20)}),
    "pickled vectors": lambda f: f.update({"vectors.npy": array(np.array([{"a": 1}] * 9, object))}),
    "vectors of another shape": lambda f: f.update({"vectors.npy": array(np.ones((9, D + 1), np.float32))}),
    "too few vectors": lambda f: f.update({"vectors.npy": array(np.ones((8, D), np.float32))}),
    "vectors of another type": lambda f: f.update({"vectors.npy": array(np.ones((9, D)))}),
    "vectors that are not unit": lambda f: f.update({"vectors.npy": array(np.ones((9, D), np.float32))}),
    "vectors with NaN": lambda f: f.update({"vectors.npy": array(np.full((9, D), np.nan, np.float32))}),
    "a bomb of vectors": lambda f: f.update({"vectors.npy": bytes(200 << 20)}),
    "no array": lambda f: f.update({"vectors.npy": b"no array at all"}),
    "no vectors": lambda f: f.__delitem__("vectors.npy"),
    "no index": lambda f: f.__delitem__("gallery.json"),
    "an index that is no JSON": lambda f: f.update({"gallery.json": b"{"}),
    "an unknown key": changed(lambda i: i.update(evil=1)),
    "a name of two lines": changed(lambda i: i["people"][0].update(name="a\nb")),
    "a row twice": changed(lambda i: i["people"][0]["looks"][0].update(row=1)),
    "a row that is not there": changed(lambda i: i["people"][0]["looks"][0].update(row=99)),
    "a measure out of bounds": changed(lambda i: i["people"][0]["looks"][0].update(quality=7)),
    "a digest that is none": changed(lambda i: i["people"][0].update(digests=["x"])),
    "another version": changed(lambda i: i.update(version=3)),
    "a calibration that is no JSON": changed(lambda i: i["settings"].update(calibration="{")),
    "a calibration without numbers": changed(lambda i: i["settings"].update(calibration='{"fmr": "x"}')),
    "a calibration that is a list": changed(lambda i: i["settings"].update(calibration="[[[]]]")),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_zip_changes_nothing(tmp_path: Path, case: str) -> None:
    """One sentence that names the file; nobody enrolled, and no file anywhere."""
    path = exported(tmp_path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    HOSTILE[case](files)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with Gallery.create(tmp_path / "to", fingerprint=MODEL, dimension=D) as gallery:
        gallery.add("Eve", looks(9))
        before = {item.name for item in (tmp_path / "to").iterdir()}
        with pytest.raises(InputError, match=r"g\.zip"):
            gallery.import_(path)
        assert [person.name for person in gallery.people()] == ["Eve"]
        assert {item.name for item in (tmp_path / "to").iterdir()} == before
    assert {item.name for item in tmp_path.iterdir()} == {"from", "to", "g.zip"}


@pytest.mark.parametrize("data", [b"", b"PK\3\4 cut off", b"text", None])
def test_what_is_no_zip_is_told(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "g.zip"
    if data is not None:
        path.write_bytes(data)
    with (
        Gallery.create(tmp_path / "to", fingerprint=MODEL, dimension=D) as gallery,
        pytest.raises(InputError, match=r"g\.zip"),
    ):
        gallery.import_(path)


def test_a_zip_with_a_flipped_byte_is_told(tmp_path: Path) -> None:
    """Checksums of the zip hold for every entry that is read."""
    path = exported(tmp_path)
    data = bytearray(path.read_bytes())
    place = data.find(b"\xff\xd8\xff") + 1000
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(VidfaceError):
        taken_in(tmp_path, path)


def test_an_entry_twice_is_refused(tmp_path: Path) -> None:
    path = exported(tmp_path)
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(path, "a") as archive,
    ):
        archive.writestr("pictures/0.jpg", b"\xff\xd8\xff other")
    with pytest.raises(InputError, match="twice"):
        taken_in(tmp_path, path)


def test_an_empty_gallery_becomes_what_was_exported(tmp_path: Path) -> None:
    """Looks that are alike (after a merge), people without looks, dates, files, threshold and calibration."""
    with Gallery.open(filled(tmp_path / "from"), write=True) as gallery:
        gallery.add("Dee", [Look(vector(0, 0))])  # the same as a look of Ann's
        gallery.merge("Dee", "Ann")
        gallery.forget("Cem", [look.id for look in gallery.looks("Cem")])
        gallery.calibrate(np.stack([vector(person) for person in range(50, 90)]), fmr=0.1)
        gallery._store.db.execute("UPDATE looks SET added = '2001-02-03T04:05:06+00:00'")
        gallery._store.db.execute("UPDATE people SET added = '2001-02-03T04:05:06+00:00'")
        gallery.export(tmp_path / "g.zip")
    assert taken_in(tmp_path, tmp_path / "g.zip") == ["Ann", "Bob", "Cem"]
    with Gallery.open(tmp_path / "from") as one, Gallery.open(tmp_path / "to", write=True) as two:
        assert [(p.name, p.looks, p.added) for p in one.people()] == [
            (p.name, p.looks, p.added) for p in two.people()
        ]
        assert [look.added for look in one.looks("Ann")] == [look.added for look in two.looks("Ann")]
        assert one.reference().threshold == two.reference().threshold
        assert one.calibration == two.calibration
        assert two.enrolled("Bob", looks(1)[0].digest)
        two.forget("Bob", [two.looks("Bob")[0].id])
        assert not two.enrolled("Bob", looks(1)[0].digest)


def test_an_export_of_an_earlier_version_comes_in(tmp_path: Path) -> None:
    """Version 1 had no settings, no dates of people, no digests of looks."""
    path, older = exported(tmp_path), tmp_path / "older.zip"
    with zipfile.ZipFile(path) as new, zipfile.ZipFile(older, "w") as old:
        for name in new.namelist():
            data = new.read(name)
            if name == "gallery.json":
                index = json.loads(data)
                del index["settings"]
                for person in index["people"]:
                    del person["added"], person["changed"]
                    for look in person["looks"]:
                        del look["digests"]
                data = json.dumps(index | {"version": 1}).encode()
            old.writestr(name, data)
    assert taken_in(tmp_path, older) == ["Ann", "Bob", "Cem"]
    with Gallery.open(tmp_path / "to") as gallery:
        assert gallery.enrolled("Bob", looks(1)[0].digest)
