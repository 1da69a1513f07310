"""Visits: what is told of made tracks, when, and how often."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidface.data.identity import Identity
from vidface.sinks._visits import Look, Note, Rules, Visits

RULES = Rules(appear_s=0.5, debounce_s=10, name_s=1, linger_s=60, most=1000)
ANN, BOB = Identity("known", "Ann", 0.7), Identity("known", "Bob", 0.6)
NOBODY, UNSURE = Identity("unknown", score=0.1), Identity("undecided")

Told = list[tuple[float, str, int, str | None]]


class Camera:
    """Eight looks a second at whoever is there: steps that floats hold exactly."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.visits = Visits(rules)
        self.now = 100.0
        self.told: Told = []
        self.notes: list[Note] = []

    def watch(self, seconds: float, *looks: Look) -> Told:
        """What is told meanwhile: seconds since the beginning, kind, track, name."""
        before = len(self.told)
        for _ in range(round(seconds * 8)):
            self.now += 0.125
            self._note(self.visits.look(self.now, looks))
        return self.told[before:]

    def end(self) -> Told:
        """Nobody watches any more."""
        before = len(self.told)
        self._note(self.visits.end())
        return self.told[before:]

    def _note(self, notes: object) -> None:
        for note in notes:  # type: ignore[attr-defined]
            self.notes.append(note)
            name = note.visit.name
            self.told.append((self.now - 100, note.kind, note.visit.track, name))


def kinds(told: Told) -> list[str]:
    """Without times, tracks and names."""
    return [kind for _, kind, _, _ in told]


def test_one_who_comes_and_goes() -> None:
    """Told to be there after half a second in sight, and to have left ten seconds after the last one."""
    camera = Camera()
    assert camera.watch(5, Look(3)) == [(0.625, "track_started", 3, None)]
    assert camera.watch(9.875) == []
    assert camera.watch(5) == [(15.0, "track_left", 3, None)]
    (visit,) = {id(note.visit): note.visit for note in camera.notes}.values()
    assert visit.last_s - visit.first_s == pytest.approx(4.875)
    assert 3 not in camera.visits


def test_a_flicker_is_never_told() -> None:
    """Shorter than appear_s, also where it comes again and again less often than it is forgotten."""
    camera = Camera()
    for _ in range(20):
        camera.watch(0.25, Look(3))
        camera.watch(11)
    assert camera.told == []
    assert camera.visits.brief == 20


def test_one_who_turns_away_for_a_while_is_still_here() -> None:
    """Holes below debounce_s are told nothing of, however many; the visit is one."""
    camera = Camera()
    for _ in range(30):
        camera.watch(1, Look(3))
        camera.watch(9)
    assert kinds(camera.told) == ["track_started"]
    assert kinds(camera.watch(2)) == ["track_left"]


def test_two_glimpses_far_apart_are_no_presence() -> None:
    """A face seen twice within nine seconds has not been there for appear_s; seen three times it counts."""
    camera = Camera()
    for expected in ([], [], ["track_started"]):
        assert kinds(camera.watch(0.125, Look(3))) == expected
        camera.watch(3)


def test_a_predicted_row_is_no_sight() -> None:
    """Rows that no detector saw neither begin a visit nor prolong it."""
    camera = Camera()
    assert camera.watch(5, Look(3, seen=False)) == []
    camera.watch(1, Look(3))
    assert kinds(camera.watch(11, Look(3, seen=False))) == ["track_left"]


def test_a_name_is_told_once_it_holds() -> None:
    """A second of the same name; a shorter one in between, or doubt, begins the second anew."""
    camera = Camera()
    camera.watch(2, Look(3, identity=UNSURE))
    camera.watch(0.75, Look(3, identity=ANN))
    camera.watch(0.25, Look(3, identity=BOB))
    camera.watch(0.75, Look(3, identity=ANN))
    camera.watch(0.25, Look(3, identity=UNSURE))
    assert kinds(camera.told) == ["track_started"]
    (told,) = camera.watch(3, Look(3, identity=ANN))
    assert told[1:] == ("track_identified", 3, "Ann")


def test_a_name_that_flips_is_not_told_each_time() -> None:
    """Once told it takes debounce_s of another name to change; doubt does not take it back."""
    camera = Camera()
    camera.watch(3, Look(3, identity=ANN))
    for _ in range(10):
        camera.watch(3, Look(3, identity=BOB))
        camera.watch(1, Look(3, identity=UNSURE))
        camera.watch(2, Look(3, identity=ANN))
    assert kinds(camera.told) == ["track_started", "track_identified"]
    (changed,) = camera.watch(11, Look(3, identity=BOB))
    assert changed[1:] == ("track_identified", 3, "Bob")
    assert camera.notes[-1].before == "Ann"


def test_who_is_unknown_for_long_is_named_no_more() -> None:
    """As one who was forgotten meanwhile: no later event says the name. Doubt, and less, keep it."""
    camera = Camera()
    camera.watch(3, Look(3, identity=ANN))
    camera.watch(60, Look(3, identity=UNSURE))
    for _ in range(3):
        camera.watch(9, Look(3, identity=NOBODY))
        camera.watch(1, Look(3, identity=UNSURE))
    camera.watch(9, Look(3, identity=NOBODY))
    assert camera.end()[0][1:] == ("track_left", 3, "Ann")
    camera.watch(3, Look(4, identity=ANN))
    camera.watch(10.125, Look(4, identity=NOBODY))
    assert [told[1:] for told in camera.watch(11)] == [("track_left", 4, None)]


def test_a_name_is_not_told_of_each_track() -> None:
    """The tracker loses Ann and finds her under a new number: no second Ann, unless she was away."""
    camera = Camera()
    for track in range(1, 6):
        camera.watch(3, Look(track, identity=ANN))
        camera.watch(5)
    assert Counter(kinds(camera.told))["track_identified"] == 1
    assert camera.visits.repeated == 4
    camera.watch(20)
    assert "track_identified" in kinds(camera.watch(3, Look(9, identity=ANN)))
    assert all(name == "Ann" for _, kind, _, name in camera.told if kind == "track_left")


def test_somebody_unknown_lingers_once() -> None:
    """After a minute, also with holes and doubt; not a second time; the name comes too late but comes."""
    camera = Camera()
    camera.watch(30, Look(3, identity=NOBODY))
    camera.watch(8)
    told = camera.watch(60, Look(3, identity=UNSURE))
    assert [(when, kind) for when, kind, *_ in told] == [(60.125, "unknown_lingering")]
    assert kinds(camera.watch(200, Look(3, identity=NOBODY))) == []
    assert kinds(camera.watch(2, Look(3, identity=ANN))) == ["track_identified"]


@pytest.mark.parametrize(
    ("rules", "identity"),
    [(RULES, ANN), (RULES, None), (replace(RULES, linger_s=0), NOBODY)],
    ids=["known", "nobody asked", "switched off"],
)
def test_who_does_not_linger(rules: Rules, identity: Identity | None) -> None:
    """The known, those of whom nobody asked who they are, and nobody where it is not wanted."""
    camera = Camera(rules)
    camera.watch(200, Look(3, identity=identity))
    assert "unknown_lingering" not in kinds(camera.told)


def test_the_end_tells_who_was_there() -> None:
    """Each that has come leaves, with the cause; the others were too brief."""
    camera = Camera()
    camera.watch(3, Look(1), Look(2, identity=ANN))
    camera.watch(0.25, Look(1), Look(2, identity=ANN), Look(7))
    assert [told[1:] for told in camera.end()] == [("track_left", 1, None), ("track_left", 2, "Ann")]
    assert {note.cause for note in camera.notes[-2:]} == {"watching ended"}
    assert camera.visits.brief == 1
    assert camera.end() == []


def test_more_faces_than_are_followed() -> None:
    """The first thousand are followed; the rest is counted, and has room again when those are gone."""
    camera = Camera()
    crowd = [Look(track) for track in range(1500)]
    camera.watch(1, *crowd)
    assert len(camera.told) == 1000
    assert camera.visits.left_out == 500 * 8
    camera.watch(11)
    assert Counter(kinds(camera.told))["track_left"] == 1000
    assert len(camera.watch(1, *crowd[1000:])) == 500


def test_nothing_grows_with_time() -> None:
    """Five thousand people pass by one after the other; nothing of them is kept."""
    visits = Visits(RULES)
    events = Counter[str]()
    for number in range(5000):
        who = Identity("known", f"person {number}", 0.9)
        for step in range(4):
            now = number * 20 + step * 0.5
            events.update(note.kind for note in visits.look(now, [Look(number, identity=who)]))
    assert len(visits._open) <= 1
    assert len(visits._named) <= 1
    assert events["track_started"] == events["track_identified"] == 5000


@given(
    st.lists(
        st.tuples(
            st.floats(0, 30),
            st.lists(
                st.builds(
                    Look,
                    st.integers(1, 5),
                    st.booleans(),
                    st.sampled_from([None, ANN, BOB, NOBODY, UNSURE]),
                ),
                max_size=4,
            ),
        ),
        max_size=60,
    )
)
def test_whatever_comes_each_visit_is_told_in_order(steps: list[tuple[float, list[Look]]]) -> None:
    """Started first and once, left last and once, names and lingering between; nobody stays untold."""
    visits, now = Visits(RULES), 0.0
    courses: dict[int, list[str]] = {}
    notes: list[Note] = []
    for wait, looks in steps:
        now += wait
        notes += visits.look(now, looks)
    notes += visits.end()
    for note in notes:
        courses.setdefault(id(note.visit), []).append(note.kind)
    for course in courses.values():
        assert course[0] == "track_started"
        assert course[-1] == "track_left"
        assert course.count("track_started") == course.count("track_left") == 1
        assert course.count("unknown_lingering") <= 1
