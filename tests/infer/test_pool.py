"""Sessions shared by lanes: the same answers, grouped, fair, each with its own errors, closed once."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.infer.places import put
from vidface.data import Device
from vidface.errors import ModelError, ModelMismatchError
from vidface.infer import session
from vidface.infer._merged import Merged
from vidface.infer._turns import Call, Turns
from vidface.infer.pool import Lane, Lease, Pool

CPU = Device("cpu")
WAIT_S = 60.0
Feed = dict[str, NDArray[np.float32]]


class Made:
    """A session that doubles its input, tells what it was given, and can be held up."""

    def __init__(self, *, batch: int | str = "N", mixes: bool = False, outputs: int | str = "N") -> None:
        self.given: list[NDArray[np.float32]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.inside = threading.Semaphore(0)
        self.batch = batch
        self.rows_out = outputs
        self.mixes = mixes

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="x", shape=[self.batch, 2], type="tensor(float)")]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="y", shape=[self.rows_out, 2], type="tensor(float)")]

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]

    def run(self, names: list[str], feed: Feed) -> list[NDArray[np.float32]]:
        x = feed["x"]
        self.inside.release()
        assert self.gate.wait(WAIT_S)
        self.given.append(x)
        if (x < 0).any():
            raise RuntimeError("below nothing")
        return [x * 2 - (x.mean(axis=0) if self.mixes else 0)]


class Crowd:
    """Lanes that call the same made session, each in a thread of its own."""

    def __init__(self, made: Made, *, rows: int = 8, slots: int = 1) -> None:
        self.made = made
        self.pool = Pool(rows=rows, slots=slots)
        self.leases: dict[str, Lease] = {}
        self.answers: dict[str, Any] = {}
        self.threads: list[threading.Thread] = []

    def call(self, lane: str, *values: float) -> None:
        """Begin a call and return once it waits or runs."""
        lease = self.leases.get(lane) or self.pool.lane(lane).lease("k", CPU, lambda: self.made)
        self.leases[lane] = lease
        before = self.pool.facts()[0]["calls"]
        x = np.array([[value, value] for value in values], np.float32)
        thread = threading.Thread(target=self._run, args=(lane, lease, x))
        thread.start()
        self.threads.append(thread)
        until(lambda: self.pool.facts()[0]["calls"] > before)

    def _run(self, lane: str, lease: Lease, x: NDArray[np.float32]) -> None:
        try:
            self.answers[lane] = lease.run(["y"], {"x": x})[0]
        except RuntimeError as error:
            self.answers[lane] = error

    def behind_a_held_call(self, calls: dict[str, tuple[float, ...]]) -> None:
        """Let these calls wait for one that is held up, then let all go and wait for the answers."""
        self.made.gate.clear()
        self.call("first", 1.0)
        assert self.made.inside.acquire(timeout=WAIT_S)
        for lane, values in calls.items():
            self.call(lane, *values)
        self.made.gate.set()
        self.join()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()
        self.threads = []


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread is about to do."""
    pause = threading.Event()
    for _ in range(2000):
        if true():
            return
        pause.wait(0.005)
    raise AssertionError("it never came")


def came(turns: Turns, calls: int) -> None:
    """Wait for so many calls to be in the queue."""
    until(lambda: turns.calls == calls)


def test_calls_that_wait_together_run_as_one_and_each_gets_its_own_rows() -> None:
    """Three wait behind one: after the first group was proved, they are one run; the answers are theirs."""
    crowd = Crowd(Made())
    crowd.behind_a_held_call({"a": (2,), "b": (3,)})
    crowd.made.given.clear()
    crowd.behind_a_held_call({"a": (2,), "b": (3, 4), "c": (5,)})
    assert [len(x) for x in crowd.made.given] == [1, 4]
    np.testing.assert_array_equal(crowd.answers["a"], [[4, 4]])
    np.testing.assert_array_equal(crowd.answers["b"], [[6, 6], [8, 8]])
    np.testing.assert_array_equal(crowd.answers["c"], [[10, 10]])
    facts = crowd.pool.facts()[0]
    assert (facts["calls"], facts["runs"], facts["calls_run_together"]) == (7, 4, 5)
    assert facts["kept_apart"] is None


def test_an_answer_is_nobody_elses_memory() -> None:
    """Writing into one lane's rows leaves the others' as they are."""
    crowd = Crowd(Made())
    for _ in range(2):
        crowd.behind_a_held_call({"a": (2,), "b": (3,)})
    assert not np.shares_memory(crowd.answers["a"], crowd.answers["b"])
    assert crowd.answers["a"].base is None


def test_what_would_be_too_large_or_of_another_shape_runs_apart() -> None:
    """`rows` bounds a group; a call of another form waits for the next turn, and is served."""
    crowd = Crowd(Made(), rows=3)
    crowd.behind_a_held_call({"a": (2,), "b": (3,)})
    crowd.made.given.clear()
    crowd.behind_a_held_call({"a": (2, 2), "b": (3, 3), "c": (5,)})
    assert [len(x) for x in crowd.made.given] == [1, 3, 2]
    assert all(np.all(crowd.answers[lane] == value) for lane, value in {"a": 4, "b": 6, "c": 10}.items())


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (Made(batch=1), "the first axis of x is fixed"),
        (Made(outputs=1), "the first axis of y is fixed"),
        (Made(mixes=True), "its answers to a batch differ from those to each part"),
    ],
    ids=["fixed input", "fixed output", "mixes rows"],
)
def test_a_model_that_cannot_follow_is_kept_apart(made: Made, why: str) -> None:
    """Answers stay those of each call alone, and the facts say why."""
    crowd = Crowd(made)
    for _ in range(2):
        crowd.behind_a_held_call({"a": (2,), "b": (3,)})
    assert crowd.pool.facts()[0]["kept_apart"] == why
    alone = 1 if made.mixes else 2
    assert np.all(crowd.answers["a"] == 2 * alone)
    assert np.all(crowd.answers["b"] == 3 * alone)
    assert max(len(x) for x in made.given[-3:]) == 1


def test_calls_that_are_the_same_prove_nothing() -> None:
    """A model that mixes rows gives itself away only where they differ; until then nothing is trusted."""
    crowd = Crowd(Made(mixes=True))
    crowd.behind_a_held_call({"a": (2,), "b": (2,)})
    assert crowd.pool.facts()[0]["kept_apart"] is None
    crowd.made.given.clear()
    crowd.behind_a_held_call({"a": (2,), "b": (2,)})
    assert [len(x) for x in crowd.made.given] == [1, 1, 1]


def test_an_error_reaches_its_caller_alone() -> None:
    """One bad call in a group of three: the other two are served, and groups go on being made."""
    crowd = Crowd(Made())
    crowd.behind_a_held_call({"a": (2,), "b": (3,)})
    crowd.behind_a_held_call({"a": (2,), "bad": (-1,), "c": (5,)})
    assert str(crowd.answers["bad"]) == "below nothing"
    assert np.all(crowd.answers["a"] == 4)
    assert np.all(crowd.answers["c"] == 10)
    crowd.made.given.clear()
    crowd.behind_a_held_call({"a": (2,), "c": (5,)})
    assert [len(x) for x in crowd.made.given] == [1, 2]


def test_a_busy_lane_never_keeps_a_quiet_one_waiting() -> None:
    """Whoever was served longest ago goes first, however often the others call: no lane starves."""
    order: list[str] = []
    gate, inside = threading.Event(), threading.Semaphore(0)

    def serve(calls: list[Call]) -> None:
        inside.release()
        assert gate.wait(WAIT_S)
        order.extend(call.lane for call in calls)
        for call in calls:
            call.answer = []

    turns = Turns(serve, slots=1, most=1, mergeable=lambda: False)
    one: Feed = {"x": np.zeros((1, 2), np.float32)}
    threads = []
    # The busy lane has four calls in the queue before the quiet ones come.
    for count, lane in enumerate(["busy", "busy", "busy", "busy", "busy", "quiet", "calm", "quiet"]):
        thread = threading.Thread(target=turns.run, args=(Call(lane, ["y"], one),))
        thread.start()
        threads.append(thread)
        came(turns, count + 1)
    assert inside.acquire(timeout=WAIT_S)
    gate.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert order == ["busy", "quiet", "calm", "busy", "quiet", "busy", "busy", "busy"]


def test_many_lanes_get_equal_shares() -> None:
    """Six lanes, each with eight calls in the queue, one lane behind the other; some run two at a time.

    Whenever a turn ends, none was served two times more than any other.
    """
    served: Counter[str] = Counter({f"lane {i}": 0 for i in range(6)})
    shares: list[tuple[int, ...]] = []
    gate = threading.Event()

    def serve(calls: list[Call]) -> None:
        assert gate.wait(WAIT_S)
        served.update(call.lane for call in calls)
        shares.append(tuple(served.values()))
        for call in calls:
            call.answer = []

    turns = Turns(serve, slots=1, most=2, mergeable=lambda: True)
    one: Feed = {"x": np.zeros((1, 2), np.float32)}
    threads = []
    for count, lane in enumerate(lane for lane in list(served) for _ in range(8)):
        threads.append(threading.Thread(target=turns.run, args=(Call(lane, ["y"], one),)))
        threads[-1].start()
        came(turns, count + 1)
    gate.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert shares[-1] == (8,) * 6
    assert turns.grouped > 24
    assert max(max(each) - min(each) for each in shares) == 1


def test_an_interrupted_caller_leaves_nobody_behind() -> None:
    """The thread that serves a group dies in it: the others of the group are served in the next turn."""
    gate, inside = threading.Event(), threading.Semaphore(0)
    groups: list[int] = []

    def serve(calls: list[Call]) -> None:
        inside.release()
        assert gate.wait(WAIT_S)
        groups.append(len(calls))
        if len(groups) == 2:
            raise KeyboardInterrupt
        for call in calls:
            call.answer = []

    turns = Turns(serve, slots=1, most=8, mergeable=lambda: True)
    one: Feed = {"x": np.zeros((1, 2), np.float32)}
    ends: dict[str, str] = {}

    def work(lane: str) -> None:
        try:
            turns.run(Call(lane, ["y"], one))
            ends[lane] = "served"
        except KeyboardInterrupt:
            ends[lane] = "interrupted"

    threads = []
    for count, lane in enumerate(["held", "a", "b", "c"]):
        threads.append(threading.Thread(target=work, args=(lane,)))
        threads[-1].start()
        came(turns, count + 1)
    assert inside.acquire(timeout=WAIT_S)
    gate.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert groups == [1, 3, 2]
    assert ends == {"held": "served", "a": "interrupted", "b": "served", "c": "served"}


def test_what_was_fed_goes_with_its_call() -> None:
    """Of calls that ran alone and together nothing is left, without the help of the garbage collector.

    It comes by once in minutes, and the pictures of a camera take megabytes each.
    """
    gate, groups = threading.Event(), list[int]()
    fed: list[weakref.ref[NDArray[np.float32]]] = []

    def serve(calls: list[Call]) -> None:
        assert gate.wait(WAIT_S)
        groups.append(len(calls))
        for call in calls:
            call.answer = []

    turns = Turns(serve, slots=1, most=8, mergeable=lambda: True)

    def work(lane: str) -> None:
        x = np.zeros((1, 2), np.float32)
        fed.append(weakref.ref(x))
        turns.run(Call(lane, ["y"], {"x": x}))

    gc.disable()
    try:
        threads = [threading.Thread(target=work, args=(lane,)) for lane in "abc"]
        for count, thread in enumerate(threads):
            thread.start()
            came(turns, count + 1)
        gate.set()
        for thread in threads:
            thread.join(WAIT_S)
        assert groups == [1, 2]
        assert [one() is None for one in fed] == [True, True, True]
    finally:
        gc.enable()


def test_a_session_is_opened_once_and_closed_with_its_last_user() -> None:
    """Two lanes, three shares, one session; a share closed twice counts once."""
    opened: list[Made] = []

    def make() -> Made:
        opened.append(Made())
        return opened[-1]

    pool = Pool()
    door, yard = pool.lane("door"), pool.lane("yard")
    one, two, three = (lane.lease("k", CPU, make) for lane in (door, yard, yard))
    assert len(opened) == 1
    assert pool.facts()[0]["users"] == 3
    one.close()
    one.close()
    two.close()
    assert pool.facts()[0]["users"] == 1
    assert three.run(["y"], {"x": np.ones((1, 2), np.float32)})[0].tolist() == [[2, 2]]
    yard.close()
    yard.close()
    assert pool.facts() == []
    door.lease("k", CPU, make)
    assert len(opened) == 2


def test_a_session_that_cannot_be_opened_is_not_kept() -> None:
    """The error is the caller's, and the next one tries anew."""

    def fails() -> Made:
        raise ModelMismatchError("not a model")

    pool = Pool()
    with pool.lane("door") as lane:
        with pytest.raises(ModelMismatchError, match="not a model"):
            lane.lease("k", CPU, fails)
        assert pool.facts() == []
        lane.lease("k", CPU, Made)
    assert pool.facts() == []


def model_of(name: str, lane: Lane | None) -> session.Model:
    return session.load(name, Device("cpu", pool=lane))


def test_models_loaded_for_two_lanes_share_a_session(shipped: Path, tiny: Path) -> None:
    """`session.load` with a pooled device: one session for both, closed one by one, errors in sentences."""
    data = (tiny / "double.onnx").read_bytes()
    put(shipped, "m", data=data)
    (shipped / "m" / "model.onnx").write_bytes(data)
    pool = Pool()
    door, yard = model_of("m", pool.lane("door")), model_of("m", pool.lane("yard"))
    picture = np.arange(24, dtype=np.float32).reshape(1, 3, 2, 4)
    np.testing.assert_array_equal(door(picture)["output"], yard(input=picture)["output"])
    assert [facts["users"] for facts in pool.facts()] == [2]
    assert door.providers == ("CPUExecutionProvider",)
    door.close()
    with pytest.raises(ModelError, match="m: the model is closed"):
        door(picture)
    np.testing.assert_array_equal(yard(picture)["output"], picture * 2)
    yard.close()
    assert pool.facts() == []


SHAPES = {"vidface-facedet": (3, 192, 320), "vidface-embed": (3, 112, 112), "vidface-facemesh": (3, 160, 160)}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shared_model_gives_what_an_unshared_one_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped models, run in groups of up to four lanes: equal to the lone session's within rounding."""
    serve = Merged.serve

    def late(merged: Merged, calls: list[Call]) -> None:
        """On a busy machine a call may be over before another thread gets to run at all."""
        time.sleep(0.01)
        serve(merged, calls)

    monkeypatch.setattr(Merged, "serve", late)
    pool = Pool(rows=4, slots=1)
    alone = session.load(name, CPU)
    rng = np.random.default_rng(8)
    pictures = [rng.random((1, *SHAPES[name]), np.float32) * 255 for _ in range(4)]
    wanted = [alone(picture) for picture in pictures]
    models = [model_of(name, pool.lane(f"lane {i}")) for i in range(4)]
    found: list[list[dict[str, Any]]] = [[], [], [], []]
    over = threading.Event()

    def begin() -> None:
        """Four rounds, and more where all lanes happened to call one after the other."""
        rounds, together = len(found[0]), pool.facts()[0]["calls_run_together"]
        if rounds >= 4 and (together >= 4 or rounds >= 1000):
            over.set()

    start = threading.Barrier(4, begin, WAIT_S)

    def work(place: int) -> None:
        while start.wait() >= 0 and not over.is_set():
            found[place].append(models[place](pictures[place]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    for place, answers in enumerate(found):
        assert len(answers) >= 4
        for answer in answers:
            for output, value in wanted[place].items():
                scale = float(np.abs(value).max())
                np.testing.assert_allclose(answer[output], value, rtol=0, atol=1e-4 * scale)
    facts = pool.facts()[0]
    assert facts["kept_apart"] is None
    assert facts["calls_run_together"] >= 4
