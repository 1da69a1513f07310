"""Enrolling, finding, renaming, merging: what a gallery promises of its people."""

from __future__ import annotations

import math
import stat
from pathlib import Path

import numpy as np
import pytest

from tests.gallery.people import MODEL, D, direction, filled, looks, picture, vector
from vidface.errors import InputError, UsageError
from vidface.gallery import Gallery, Look

ODD = (
    "Jean-Luc 'Le \"Grand\"'",
    "../../etc/passwd",
    "李小龍",
    "a; DROP TABLE people; --",
    "%s {0} \\",
    "7",
    "👩‍🚀",
)


def test_people_come_back_with_all_that_was_said_of_them(tmp_path: Path) -> None:
    """Vectors bit by bit, measures, source and picture."""
    filled(tmp_path / "g")
    with Gallery.open(tmp_path / "g") as gallery:
        assert [(person.name, person.looks) for person in gallery.people()] == [
            ("Ann", 3),
            ("Bob", 3),
            ("Cem", 3),
        ]
        rows = gallery.looks("Bob")
        assert [row.source for row in rows] == ["photo/0.jpg", "photo/1.jpg", "photo/2.jpg"]
        assert (rows[0].recognisability, rows[0].quality) == (0.9, 0.8)
        assert rows[1].picture == picture(101)
        assert np.allclose(rows[2].vector, vector(1, 2), atol=1e-6)
        reference = gallery.reference()
    assert reference.names == ("Ann", "Bob", "Cem")
    assert reference.owners.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert reference.fingerprint == MODEL
    assert math.isnan(reference.fmr)
    found = reference.nearest(vector(1, 77))
    assert found.name == "Bob"
    assert found.score > 0.7


def test_measures_that_are_not_known_stay_unknown(tmp_path: Path) -> None:
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        gallery.add("Ann", [Look(vector(0))])
        row = gallery.looks("Ann")[0]
    assert math.isnan(row.recognisability)
    assert math.isnan(row.quality)
    assert row.picture is None


def test_an_empty_gallery_knows_nobody(tmp_path: Path) -> None:
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        reference = gallery.reference()
        assert gallery.people() == ()
        assert len(gallery) == 0
        assert gallery.check() == ()
        with pytest.raises(UsageError, match="empty gallery"):
            gallery.calibrate(np.ones((3, D)))
    assert reference.search([direction(0)], 3) == [[]]
    name, score, margin = reference.nearest(direction(0))
    assert name is None
    assert math.isnan(score)
    assert math.isnan(margin)


@pytest.mark.parametrize("name", ODD)
def test_a_name_may_be_any_line_of_text(tmp_path: Path, name: str) -> None:
    """It comes back as it was, and no file is made of it."""
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        gallery.add(name, looks(0))
        gallery.add("other", looks(1))
        assert gallery.people()[0].name == name
        assert gallery.reference().nearest(vector(0, 9)).name == name
        assert len(gallery.looks(name)) == 3
        assert gallery.forget(name).clean
    assert {path.name for path in (tmp_path / "g").iterdir()} == {
        "gallery.sqlite",
        "vectors.bin",
        "gallery.lock",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b", "\udcff", "x" * 201, "\u202eAnn"])
def test_a_name_that_is_no_line_of_text_is_refused(tmp_path: Path, name: str) -> None:
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        with pytest.raises(UsageError, match="name"):
            gallery.add(name, looks(0))
        assert gallery.people() == ()


def test_the_same_letters_written_in_two_ways_are_one_name(tmp_path: Path) -> None:
    """José composed and decomposed."""
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        gallery.add("Jos\u00e9", looks(0, 1))
        gallery.add(" Jose\u0301 ", [looks(0, 2)[1]])
        assert [person.looks for person in gallery.people()] == [2]


def test_duplicates_are_left_out(tmp_path: Path) -> None:
    """Cosine of 0.98 or more: to one that is stored, and to one given together with it."""
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        first, second, third = looks(0)
        report = gallery.add("Ann", [first, second, first])
        assert (report.added, report.duplicates) == (2, (2,))
        report = gallery.add("Ann", [Look(second.vector + np.float32(0.001)), third])
        assert (report.added, report.duplicates) == (1, (0,))
        assert gallery.people()[0].looks == 3


def test_a_look_unlike_the_others_is_told(tmp_path: Path) -> None:
    """One picture of somebody else among five."""
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        report = gallery.add("Ann", [*looks(0, 4), Look(vector(9))])
        assert report.outliers == (4,)
        assert gallery.add("Ann", [Look(vector(0, 8))]).outliers == ()
        assert gallery.add("Ann", [Look(vector(0, 0)), Look(vector(5))]).outliers == (1,)


def test_a_person_under_two_names_is_told(tmp_path: Path) -> None:
    filled(tmp_path / "g")
    with Gallery.open(tmp_path / "g", write=True) as gallery:
        other = gallery.add("Robert", [Look(vector(1, 20))]).nearest_other
        assert other is not None
        assert other[0] == "Bob"
        assert 0.6 < other[1] < 1
        assert gallery.add("Dan", looks(7)).nearest_other is None


def test_files_that_were_enrolled_are_known_again(tmp_path: Path) -> None:
    """Also where all that came of them was a duplicate; not for somebody else."""
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        gallery.add("Ann", [Look(vector(0), digest="a" * 64), Look(vector(0), digest="b" * 64)])
        assert gallery.enrolled("Ann", "a" * 64)
        assert gallery.enrolled("Ann", "b" * 64)
        assert not gallery.enrolled("Ann", "c" * 64)
        assert not gallery.enrolled("Bob", "a" * 64)


def test_rename_and_merge(tmp_path: Path) -> None:
    filled(tmp_path / "g")
    with Gallery.open(tmp_path / "g", write=True) as gallery:
        gallery.rename("Ann", "Anna")
        assert gallery.reference().nearest(vector(0, 9)).name == "Anna"
        with pytest.raises(UsageError, match="enrolled already"):
            gallery.rename("Anna", "Bob")
        with pytest.raises(UsageError, match="nobody called 'Ann'"):
            gallery.rename("Ann", "X")
        assert gallery.merge("Bob", "Cem") == 3
        assert [(person.name, person.looks) for person in gallery.people()] == [("Anna", 3), ("Cem", 6)]
        assert gallery.reference().nearest(vector(1, 9)).name == "Cem"
        assert gallery.enrolled("Cem", looks(1)[0].digest)
        with pytest.raises(UsageError, match="into itself"):
            gallery.merge("Cem", "Cem")


def test_another_embedder_is_refused(tmp_path: Path) -> None:
    """By fingerprint on opening, by length of vectors on adding and searching; each says what to do."""
    filled(tmp_path / "g")
    with pytest.raises(UsageError, match="re-embed"):
        Gallery.open(tmp_path / "g", fingerprint="other@1")
    with Gallery.open(tmp_path / "g", write=True, fingerprint=MODEL) as gallery:
        with pytest.raises(UsageError, match="re-embed"):
            gallery.add("Dan", [Look(np.ones(D + 1, np.float32))])
        with pytest.raises(UsageError, match="re-embed"):
            gallery.reference().search(np.ones((1, D + 1)))
        assert len(gallery.people()) == 3


def test_a_refused_opening_lets_go_of_the_lock(tmp_path: Path) -> None:
    filled(tmp_path / "g")
    with pytest.raises(UsageError, match="re-embed"):
        Gallery.open(tmp_path / "g", write=True, fingerprint="other@1")
    Gallery.open(tmp_path / "g", write=True, wait_s=0).close()


def test_only_the_user_may_read(tmp_path: Path) -> None:
    """0700 and 0600, also after somebody loosened them."""
    folder = filled(tmp_path / "g")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}
    assert modes == {"g": 0o700, "gallery.sqlite": 0o600, "vectors.bin": 0o600, "gallery.lock": 0o600}
    folder.chmod(0o755)
    (folder / "vectors.bin").chmod(0o644)
    with Gallery.open(folder) as gallery:
        assert len(gallery.check()) == 2
    with Gallery.open(folder, write=True) as gallery:
        assert gallery.check() == ()


def test_rights_are_mended_through_a_link_too(tmp_path: Path) -> None:
    folder = filled(tmp_path / "g")
    folder.chmod(0o755)
    (tmp_path / "link").symlink_to(folder)
    with Gallery.open(tmp_path / "link", write=True) as gallery:
        assert gallery.check() == ()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_gallery_for_reading_changes_nothing_but_its_log(tmp_path: Path) -> None:
    filled(tmp_path / "g")
    with Gallery.open(tmp_path / "g") as gallery:
        for change in (
            lambda: gallery.add("X", looks(5)),
            lambda: gallery.forget("Ann"),
            lambda: gallery.merge("Ann", "Bob"),
            lambda: gallery.rename("Ann", "B"),
            gallery.calibrate,
        ):
            with pytest.raises(UsageError, match="write=True"):
                change()
        gallery.log("search", {"faces": 1}, ["Ann"])
        assert gallery.audit(1)[0].people == ("Ann",)


def test_every_change_is_in_the_log(tmp_path: Path) -> None:
    """Who stands there by name as long as they are enrolled."""
    filled(tmp_path / "g", ("Ann", "Bob"))
    with Gallery.open(tmp_path / "g", write=True) as gallery:
        gallery.rename("Bob", "Robert")
        gallery.merge("Robert", "Ann")
        gallery.calibrate(np.stack([direction(n) for n in range(50, 80)]), fmr=0.1)
        rows = gallery.audit()
        assert [row.action for row in rows] == ["calibrate", "merge", "rename", "enroll", "enroll", "create"]
        assert rows[1].people[1] == "Ann"
        assert rows[1].detail == {"looks": 3}
        assert rows[4].detail["looks"] == 3
        assert len(gallery.audit(2)) == 2


@pytest.mark.parametrize("content", [None, "file", "folder"])
def test_what_is_no_gallery_is_refused(tmp_path: Path, content: str | None) -> None:
    place = tmp_path / "g"
    if content == "file":
        place.write_text("x")
    elif content == "folder":
        place.mkdir()
        (place / "letter.txt").write_text("x")
        with pytest.raises(UsageError, match="not empty"):
            Gallery.create(place, fingerprint=MODEL, dimension=D)
    with pytest.raises(UsageError, match="no gallery"):
        Gallery.open(place)


def test_a_gallery_is_not_made_over_another(tmp_path: Path) -> None:
    filled(tmp_path / "g")
    with pytest.raises(UsageError, match="not empty"):
        Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D)


def test_a_damaged_database_is_one_sentence(tmp_path: Path) -> None:
    folder = filled(tmp_path / "g")
    (folder / "gallery.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match="damaged"):
        Gallery.open(folder)


def test_looks_are_checked() -> None:
    with pytest.raises(ValueError, match="vector"):
        Look(np.zeros(D, np.float32))
    with pytest.raises(ValueError, match="vector"):
        Look(np.full(D, np.nan, np.float32))
    with pytest.raises(ValueError, match="quality"):
        Look(direction(0), quality=1.5)
    with pytest.raises(ValueError, match="picture"):
        Look(direction(0), picture=b"GIF89a")


def re_embedded(pictures: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Another embedder, of 32 numbers: the direction is the length of the picture."""
    rows = np.stack([direction(len(data), 32) for data in pictures])
    return rows, np.full(len(rows), 0.5, np.float32)


def test_re_embed_brings_the_people_over(tmp_path: Path) -> None:
    """Those with pictures; the rest are dropped and counted, the calibration is void."""
    filled(tmp_path / "g")
    seen: list[tuple[int, int]] = []
    with Gallery.open(tmp_path / "g", write=True) as gallery:
        gallery.calibrate(np.stack([direction(n) for n in range(50, 80)]), fmr=0.1)
        gallery.add("Bob", [Look(vector(1, 30))])
        report = gallery.re_embed(
            lambda data: re_embedded(list(data)),
            fingerprint="new@1",
            dimension=32,
            progress=lambda done, every: seen.append((done, every)),
        )
        assert (report.looks, report.dropped) == (9, 1)
        assert seen[-1] == (9, 9)
        assert gallery.calibration is None
        assert gallery.check() == ()
        row = gallery.looks("Bob")[0]
        assert row.picture is not None
        assert np.allclose(row.vector, direction(len(row.picture), 32), atol=1e-6)
        assert row.recognisability == 0.5
    with Gallery.open(tmp_path / "g", fingerprint="new@1") as gallery:
        assert gallery.reference().vectors.shape == (9, 32)
        assert gallery.reference().threshold == 0.4


def test_re_embed_without_pictures_changes_nothing(tmp_path: Path) -> None:
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        gallery.add("Ann", [Look(vector(0))])
        with pytest.raises(UsageError, match="has a picture"):
            gallery.re_embed(lambda data: re_embedded(list(data)), fingerprint="new@1", dimension=32)
        for threshold in (1.5, float("nan")):
            with pytest.raises(UsageError, match="a threshold of -1 to 1"):
                gallery.re_embed(
                    lambda data: re_embedded(list(data)), fingerprint="n", dimension=32, threshold=threshold
                )
        assert gallery.fingerprint == MODEL
        assert len(gallery) == 1


def test_a_closed_gallery_is_closed_and_not_damaged(tmp_path: Path) -> None:
    """Whoever reads "damaged" replaces it."""
    gallery = Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D)
    gallery.close()
    with pytest.raises(UsageError, match="is closed; open it again"):
        gallery.people()


@pytest.mark.parametrize(
    ("threshold", "margin"), [(float("nan"), 0.1), (2.0, 0.1), (0.5, -5.0), (0.5, float("inf"))]
)
def test_thresholds_that_no_score_can_meet_are_refused(
    tmp_path: Path, threshold: float, margin: float
) -> None:
    with pytest.raises(UsageError, match="a threshold of -1 to 1 and a margin of 0 to 2"):
        Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D, threshold=threshold, margin=margin)
