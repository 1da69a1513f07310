"""Subtitles as people make them, names in captions, and which name goes with which face."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidface.errors import InputError, UsageError
from vidface.gallery.captionnames import Mention, Person, mentions, nearly, read_people
from vidface.gallery.naming import Link, link_names
from vidface.gallery.subtitles import LARGEST, Caption, read_srt

GOOD = "1\n00:00:01,000 --> 00:00:02,500\nHello.\nHow are you?\n\n2\n01:00:03,250 --> 01:00:04,000\nFine.\n"
WANTED = [(1.0, 2.5, ("Hello.", "How are you?")), (3603.25, 3604.0, ("Fine.",))]


def read(folder: Path, text: str | bytes) -> list[tuple[float, float, tuple[str, ...]]]:
    """Write a file and read it."""
    path = folder / "film.srt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(one.start, one.end, one.lines) for one in read_srt(path).captions]


def captions(*texts: str, every_s: float = 4.0) -> list[Caption]:
    """Captions of three seconds, one after the other."""
    return [Caption(i * every_s, i * every_s + 3, tuple(text.split("\n"))) for i, text in enumerate(texts)]


def labels(*texts: str) -> list[str]:
    """Who speaks in some captions."""
    return [found.name for found in mentions(captions(*texts)) if found.kind == "label"]


def words(*texts: str) -> list[str]:
    """Who is spoken of."""
    return [found.name for found in mentions(captions(*texts)) if found.kind == "word"]


# Reading


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.encode("utf-8-sig"),
        GOOD.encode("utf-16"),
        GOOD.replace(",", "."),
        GOOD.replace("1\n00", "00", 1).replace("2\n01", "01"),
        GOOD.replace("\n\n", "\n"),
        GOOD.replace("\n\n", "\n\n\n \n"),
        GOOD.replace(" --> ", "-->"),
        GOOD.replace("2,500", "2,5"),
        GOOD.replace("01:00:03,250", "1:00:03,25"),
        GOOD.replace("00:00:01,000 --> 00:00:02,500", "00:01,000 --> 00:02,500 X1:10 X2:20"),
        GOOD.replace("Hello.", "<i>Hello</i>.").replace("Fine.", r"{\an8}<font color='red'>Fine.</font>"),
        "WEBVTT\n\n" + GOOD,
        GOOD.rstrip(),
    ],
)
def test_well_formed_and_sloppy_files_say_the_same(tmp_path: Path, text: str | bytes) -> None:
    """BOM, line ends, dots, missing numbers, missing or too many blank lines, tags, places, no hours."""
    assert read(tmp_path, text) == WANTED


def test_captions_come_by_time_and_may_overlap(tmp_path: Path) -> None:
    """Two at once, and one out of order."""
    times = [("B", "05", "09"), ("A", "01", "06"), ("C", "05", "06")]
    text = "\n".join(f"00:00:{a},000 --> 00:00:{b},000\n{name}\n" for name, a, b in times)
    assert [lines for *_, lines in read(tmp_path, text)] == [("A",), ("C",), ("B",)]


def test_blank_lines_numbers_and_arrows_in_the_text_stay(tmp_path: Path) -> None:
    """Only a number just before a line of times is a caption's number."""
    text = "1\n00:00:01,000 --> 00:00:02,000\nRoom\n\n42\nis a -> b\n\n2\n00:00:03,000 --> 00:00:04,000\n7\n"
    assert [lines for *_, lines in read(tmp_path, text)] == [("Room", "42", "is a -> b"), ("7",)]


def test_windows_1252_is_read_and_told(tmp_path: Path) -> None:
    """Old files: umlauts come out right."""
    path = tmp_path / "old.srt"
    path.write_bytes("1\n00:00:01,000 --> 00:00:02,000\nJörg&eacute; &amp; Zoë\n".encode("cp1252"))
    found = read_srt(path)
    assert found.captions[0].lines == ("Jörgé & Zoë",)
    assert found.notes == ("old.srt is not UTF-8; it was read as Windows-1252",)


def test_times_that_make_no_sense_are_left_out_and_told(tmp_path: Path) -> None:
    """Backwards, or with letters: their text does not go to the caption before."""
    text = (
        "00:00:01,000 --> 00:00:02,000\nA\n\n00:00:09,000 --> 00:00:03,000\nB\n\n"
        "00:00:0x,000 --> 00:00:12,000\nC\n\n00:00:20,000 --> 00:00:20,000\nD\n"
    )
    path = tmp_path / "film.srt"
    path.write_text(text)
    found = read_srt(path)
    assert [caption.lines for caption in found.captions] == [("A",), ("D",)]
    assert found.notes == (
        "captions left out, since their times cannot be understood: 1 (first: line 7)",
        "captions left out, since their times run backwards: 1 (first: line 4)",
    )


def test_negative_times_are_left_out_and_told(tmp_path: Path) -> None:
    """Before the beginning of the film: a wrong shift; nothing of it goes to other captions."""
    path = tmp_path / "film.srt"
    path.write_text(
        "1\n-00:00:02,000 --> 00:00:01,000\nA\n\n2\n00:00:01,000 --> -00:00:02,000\nB\n\n"
        "3\n00:00:03,000 --> 00:00:04,000\nC\n"
    )
    found = read_srt(path)
    assert [caption.lines for caption in found.captions] == [("C",)]
    assert found.notes == ("captions left out, since their times cannot be understood: 2 (first: line 2)",)


def test_an_encoding_can_be_said(tmp_path: Path) -> None:
    """Polish, or UTF-16 without a mark; one that does not fit, or that is none, is told."""
    path = tmp_path / "film.srt"
    text = "1\n00:00:01,000 --> 00:00:02,000\nŁukasz\n"
    for encoding in ("iso8859-2", "utf-16-le", "utf-8-sig"):
        path.write_bytes(text.encode(encoding))
        assert read_srt(path, encoding=encoding).captions[0].lines == ("Łukasz",)
    with pytest.raises(InputError, match="is not ascii"):
        read_srt(path, encoding="ascii")
    with pytest.raises(UsageError, match="there is no encoding 'klingon'"):
        read_srt(path, encoding="klingon")


def test_voices_of_webvtt_are_labels(tmp_path: Path) -> None:
    """`<v Ann Lee>` says who speaks."""
    assert read(tmp_path, "00:01.000 --> 00:02.000\n<v.loud Ann Lee>Hi</v>")[0][2] == ("Ann Lee: Hi",)


def test_only_what_is_said_in_webvtt_is_text(tmp_path: Path) -> None:
    """Notes, styles, regions and the names of captions are not; nor does any of them go to a caption."""
    text = """WEBVTT - Dee: a title

NOTE
Carla: wrote it

STYLE
::cue(v[voice="Eve"]) { color: red }

intro-1
00:00.000 --> 00:01.000
Hello there.
And there.

NOTE Bob: this is no speech

Bertha: 2
00:01.000 --> 00:02.000 align:start
<v.loud Bob>Hi.

REGION
id:fred
"""
    said = [lines for *_, lines in read(tmp_path, text)]
    assert said == [("Hello there.", "And there."), ("Bob: Hi.",)]
    assert [lines for *_, lines in read(tmp_path, "\ufeff" + text)] == said


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "there are no captions in it"),
        (b"1\n2\n3\n", "there are no captions in it"),
        (b"00:00:01,000 --> 00:00:02,000\n\n<i></i>\n", "there are no captions in it"),
        (b"\x89PNG\r\n\0\0\0", "is no text"),
        (b"\xff\xfe\0", "there are no captions in it"),
    ],
)
def test_files_that_are_no_subtitles(tmp_path: Path, data: bytes, told: str) -> None:
    """Empty, other text, empty captions, binary."""
    with pytest.raises(InputError, match=told):
        read(tmp_path, data)


def test_a_file_that_is_not_there_or_too_large(tmp_path: Path) -> None:
    """One sentence with the path; a film in place of its subtitles is not read."""
    with pytest.raises(InputError, match=r"gone\.srt cannot be read: No such file"):
        read_srt(tmp_path / "gone.srt")
    with (tmp_path / "film.srt").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(InputError, match="larger than 32 MiB"):
        read_srt(tmp_path / "film.srt")


@given(st.binary(max_size=300))
def test_any_bytes_give_captions_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Never anything but InputError."""
    path = tmp_path_factory.getbasetemp() / "any.srt"
    path.write_bytes(b"00:00:01,000 --> 00:00:02,000\n" + data)
    try:
        found = read_srt(path).captions
    except InputError:
        return
    assert all(caption.start <= caption.end and any(caption.lines) for caption in found)
    mentions(found)


# Names


def test_speakers_are_found_in_labels() -> None:
    """Capitals, full names, brackets, dialogue dashes, titles and particles; shown as one writes names."""
    assert labels("ANNA: Hi.") == ["Anna"]
    assert labels("Anna Smith: Hi.") == ["Anna Smith"]
    assert labels("[ANNA] Hi.", "(BOB) Hi.", "[ANNA]\nHi.") == ["Anna", "Bob", "Anna"]
    assert labels("- ANNA: Hi.\n- BOB: Hello.") == ["Anna", "Bob"]
    assert labels("Dr. Ludwig van Dyke: Hi.") == ["Dr. Ludwig van Dyke"]
    assert labels("ANNA (softly): Hi.") == ["Anna"]
    assert labels("O'BRIEN: Hi.") == ["O'Brien"]
    assert labels("ANNA:\nHi.") == ["Anna"]


@pytest.mark.parametrize(
    "text",
    [
        "[LAUGHS] Oh.",
        "[Door opens]",
        "[ANNA]",
        "MAN 1: Hi.",
        "BOTH: Hi.",
        "At 12:30 we go.",
        "He said: go.",
        "http://a.b",
        "Somebody who says very much at once: no.",
        ": no",
        "It: no",
    ],
)
def test_other_things_are_no_speakers(text: str) -> None:
    """Sounds, crowds, times, sentences, a bracket with nothing behind it."""
    assert labels(text) == []


def test_names_in_the_text_stand_within_a_sentence() -> None:
    """Capitalised in mid-sentence; then also where a sentence begins; possessive; several words."""
    assert words("I know Anna well.", "Anna! Come here.", "It is Anna's.") == ["Anna"] * 3
    assert words("We met Anna Smith there.") == ["Anna Smith"]
    assert words("I asked Anna, Bob and Cem.") == ["Anna", "Bob", "Cem"]


@pytest.mark.parametrize(
    "texts",
    [
        ("Come here. Now!", "Go - Now!"),
        ("We saw it on Monday in May, I'm sure.", "My God, the TV!"),
        ("STOP THAT NOW", "the FBI is here"),
        ("I love the Spring.", "in spring", "spring again"),
    ],
)
def test_other_capitals_are_no_names(texts: tuple[str, ...]) -> None:
    """Beginnings of sentences, days, shouting, and words that are mostly written small."""
    assert words(*texts) == []


def test_a_short_name_is_the_only_long_one_it_is_part_of() -> None:
    """Anna is Anna Smith, unless there is Anna Jones too; a form that is said once gives way."""
    assert set(words("I saw Anna Smith.", "Yes, Anna.")) == {"Anna Smith"}
    assert set(words("I saw Anna Smith and Anna Jones.", "Yes, Anna.")) == {
        "Anna Smith",
        "Anna Jones",
        "Anna",
    }
    assert set(words("dear Aunt Anna", *["Yes, Anna."] * 9)) == {"Anna"}
    assert [m.name for m in mentions(captions("ANNA: Hi.", "Anna Smith: Yes."))] == ["Anna Smith"] * 2


def test_accents_may_be_left_out() -> None:
    """As captions do now and then; shown as written most often."""
    assert set(words("I saw Zoë.", "Yes, Zoë.", "Oh, Zoe!")) == {"Zoë"}


def test_names_that_are_nearly_one() -> None:
    """Another spelling, not another name."""
    assert nearly("Katharine", "Katherine")
    assert nearly("MIRIAM", "Miryam") is nearly("Miriam", "Miryam")
    assert not nearly("Anna", "Anna")
    assert not nearly("Ann", "Dan")
    assert not nearly("Omar", "Oscar")


def test_a_name_counts_once_a_caption() -> None:
    """However often it is said there."""
    assert words("Oh Anna, Anna, Anna!") == ["Anna"]


def test_a_list_of_people_is_looked_for_and_nobody_else(tmp_path: Path) -> None:
    """By any of what they are called; first names that two of them have do not count."""
    path = tmp_path / "cast.txt"
    path.write_text("\ufeff# the cast\nAnna Smith, Annie\n\nAnna Jones\nWill\n", encoding="utf-8")
    people = read_people(path)
    assert people[0] == Person("Anna Smith", ("Anna Smith", "Annie", "Smith"))
    assert people[1].called == ("Anna Jones", "Jones")
    found = mentions(
        captions("JONES: I saw Annie.", "Will you?", "I will.", "SMITH! And Bob, Anna", "BOB: Smithers?"),
        people,
    )
    assert [(one.name, one.caption, one.kind) for one in found] == [
        ("Anna Jones", 0, "label"),
        ("Anna Smith", 0, "word"),
        ("Anna Smith", 3, "word"),
        ("Will", 1, "word"),
    ]


def test_lists_of_people_that_are_none(tmp_path: Path) -> None:
    """Nobody in it, no text, not there, an odd name."""
    path = tmp_path / "cast.txt"
    path.write_text("# nobody\n , \n")
    with pytest.raises(InputError, match="nobody is in it"):
        read_people(path)
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="cannot be read"):
        read_people(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_people(tmp_path / "gone.txt")
    path.write_text("A\x07nn")
    with pytest.raises(UsageError, match="control"):
        read_people(path)


# Names and faces


def film(who: list[str], *, miss: float = 0.0, also: float = 0.0, seed: int = 1) -> list[Link]:
    """Link the names of a film where caption i is spoken by who[i] and groups 0, 1, 2 are A, B, C.

    Args:
        miss: share of captions whose speaker is not seen. also: share in which somebody else is seen.
    """
    rng = np.random.default_rng(seed)
    texts = captions(*(f"{name}: Hm." for name in who))
    spans: list[list[tuple[float, float]]] = [[], [], []]
    for caption, name in zip(texts, who, strict=True):
        for group, own in enumerate("ABC"):
            if rng.random() < (1 - miss if f"{own}{own.lower()}" == name else also):
                spans[group].append((caption.start, caption.end))
    return list(link_names(texts, mentions(texts), spans))


def test_each_name_goes_to_its_group() -> None:
    """Also where one caption in four shows somebody else, or not the speaker: sure, and one to one."""
    rng = np.random.default_rng(2)
    who = [str(name) for name in rng.choice(["Aa", "Bb", "Cc"], 60)]
    found = film(who, miss=0.25, also=0.25)
    assert {(link.name, link.group) for link in found} == {("Aa", 0), ("Bb", 1), ("Cc", 2)}
    assert all(link.sure and link.sureness > 0.95 and link.pmi > 0.5 and link.p < 0.01 for link in found)
    assert all(link.labels for link in found)


def test_counts_are_those_of_captions() -> None:
    """Golden small case: six captions, of which Ann has three and her face these and one more."""
    texts = captions("ANN: a", "hm", "ANN: b", "hm", "ANN: c", "hm")
    (link,) = link_names(texts, mentions(texts), [[(0, 5), (8, 11), (16, 17)]])
    assert (link.said, link.seen, link.together, link.captions) == (3, 4, 3, 6)
    # All 3 of 3 drawn from 6 with 4 good ones: 4 of 20 ways.
    assert link.p == pytest.approx(0.2)
    assert link.pmi == pytest.approx(np.log2(3 * 6 / 12))
    assert not link.sure


def test_too_little_is_not_sure() -> None:
    """One caption, or two, prove nothing; nor does somebody who is always there."""
    assert not any(link.sure for link in film(["Aa", "Bb", "Aa", "Bb"]))
    texts = captions(*["ANN: a", "hm"] * 20)
    (link,) = link_names(texts, mentions(texts), [[(0, 200)]])
    assert not link.sure
    assert link.p == pytest.approx(1)


def test_two_who_are_always_seen_together_are_not_told_apart() -> None:
    """Both faces fit the one name: not sure which."""
    texts = captions(*["ANN: a", "BOB: hm", "hm"] * 10)
    spans = [(one.start, one.end) for one in texts[::3]]
    (link,) = (one for one in link_names(texts, mentions(texts), [spans, spans]) if one.name == "Ann")
    assert link.group in (0, 1)
    assert 0.3 < link.sureness < 0.6
    assert not link.sure


def test_a_name_of_nobody_seen_gets_no_group() -> None:
    """She is spoken of, and never seen."""
    found = film(["Aa", "Bb", "Dd", "Bb", "Aa", "Dd", "Dd", "Aa", "Bb"] * 3)
    (dd,) = (link for link in found if link.name == "Dd")
    assert (dd.group, dd.sure, dd.sureness) == (None, False, 0.0)


def test_a_long_scene_counts_for_little() -> None:
    """Twenty captions in one go with both of them say less than twenty here and there."""
    scene = captions(*["ANN: a"] * 20, *["BOB: hm"] * 60)
    spread = captions(*["ANN: a", "BOB: hm", "BOB: hm", "hm"] * 20)
    results = []
    for texts in (scene, spread):
        spans = [(one.start, one.end) for one in texts if one.lines[0].startswith("ANN")]
        (link,) = (one for one in link_names(texts, mentions(texts), [spans]) if one.name == "Ann")
        assert link.together == 20
        results.append(link.sureness)
    assert results[0] < 0.9 < results[1]


def test_labels_go_before_words() -> None:
    """Who is spoken to is not who speaks: with labels enough, the text does not count."""
    texts = captions(*["ANN: Oh, Bob!", "BOB: Yes, Ann?", "hm"] * 8)
    spans = [[(one.start, one.end) for one in texts[start::3]] for start in (0, 1)]
    found = {link.name: link for link in link_names(texts, mentions(texts), spans)}
    assert (found["Ann"].group, found["Bob"].group) == (0, 1)
    assert found["Ann"].sure
    assert found["Ann"].said == 8


def played(count: int, seed: int = 0) -> tuple[list[tuple[str, bool]], list[list[tuple[float, float]]]]:
    """Lines of scenes of two out of Ann, Bob, Cem and Dora: who speaks, and whether the camera is on them.

    Returns:
        A line each (four seconds), and when each of the four is seen.
    """
    rng = np.random.default_rng(seed)
    who: list[tuple[str, bool]] = []
    spans: list[list[tuple[float, float]]] = [[], [], [], []]
    while len(who) < count:
        pair = rng.choice(4, 2, replace=False)
        for _ in range(8):
            speaker, listener = rng.permutation(pair).tolist()
            seen = bool(rng.random() < 0.7)
            start = 4.0 * len(who)
            spans[speaker if seen else listener].append((start, start + 4))
            who.append((("Ann", "Bob", "Cem", "Dora")[speaker], seen))
    return who, spans


def test_labels_of_those_who_are_not_seen_do_not_name_those_who_are() -> None:
    """Captions that label only off-screen speakers: the face on the screen is the listener's, not theirs."""
    who, spans = played(480)
    texts = captions(*("hm" if seen else f"[{name.upper()}] Hm." for name, seen in who))
    found = link_names(texts, mentions(texts), spans)
    assert {(link.name, link.group) for link in found} == {("Ann", 0), ("Bob", 1), ("Cem", 2), ("Dora", 3)}
    assert not any(link.labels for link in found)
    # With so few, nobody may be named for sure; and hardly anybody wrongly.
    few, spans = played(64)
    texts = captions(*("hm" if seen else f"[{name.upper()}] Hm." for name, seen in few))
    assert not any(link.sure for link in link_names(texts, mentions(texts), spans))


def test_those_who_are_called_are_about_in_the_scene() -> None:
    """No labels at all: who is spoken to is not who is seen speaking, but turns up in the same scenes."""
    who, spans = played(480)
    others = [{name for name, _ in who[i - i % 8 : i - i % 8 + 8]} - {who[i][0]} for i in range(len(who))]
    texts = captions(*(f"Come, {min(other)}." if other else "hm" for other in others))
    found = link_names(texts, mentions(texts), spans)
    assert {(link.name, link.group) for link in found} == {("Ann", 0), ("Bob", 1), ("Cem", 2), ("Dora", 3)}


def test_times_can_be_shifted() -> None:
    """Subtitles of another cut begin a minute later."""
    texts = captions(*["ANN: a", "BOB: b", "hm"] * 10)
    spans = [[(one.start - 60, one.end - 60) for one in texts[start::3]] for start in (0, 1)]
    late = link_names(texts, mentions(texts), spans, shift_s=-60)
    assert [(link.name, link.group, link.sure) for link in late] == [("Ann", 0, True), ("Bob", 1, True)]


def test_nothing_to_link() -> None:
    """No names; no groups; a group that is never seen."""
    texts = captions("ANN: a", "hm")
    assert link_names(texts, (), [[(0, 1)]]) == ()
    assert link_names(texts, mentions(texts), [])[0].group is None
    assert link_names(texts, mentions(texts), [[]])[0].group is None


@given(st.integers(0, 1000), st.integers(1, 12), st.integers(0, 5), st.integers(1, 5))
def test_links_are_one_to_one_and_in_bounds(seed: int, count: int, groups: int, names: int) -> None:
    """Any film: no group twice, all figures within their bounds, surest first."""
    rng = np.random.default_rng(seed)
    texts = captions(*["hm"] * count)
    found = [Mention(f"N{i}", int(at), "word") for i in range(names) for at in rng.integers(0, count, 3)]
    spans = [sorted(map(tuple, np.sort(rng.random((3, 2)) * 4 * count).tolist())) for _ in range(groups)]
    links = link_names(texts, found, spans)
    given = [link.group for link in links if link.group is not None]
    assert len(given) == len(set(given))
    assert len(links) == names
    assert all(0 <= link.sureness <= 1 and 0 <= link.p <= 1 for link in links)
    assert all(one.sureness >= two.sureness for one, two in pairwise(links))
