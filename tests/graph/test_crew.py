"""The crew: everything is done once, side by side where there is a helper, and errors come out."""

from __future__ import annotations

import threading

import pytest

from vidface.graph.crew import Crew


@pytest.mark.parametrize("alone", [True, False])
def test_every_item_is_done_once(alone: bool) -> None:
    """However many there are, and whoever does them."""
    done: list[int] = []
    crew = Crew(alone=alone)
    try:
        for count in (0, 1, 2, 7):
            crew.serve(done.append, list(range(count)))
            assert sorted(done) == list(range(count))
            done.clear()
    finally:
        crew.close()


def test_two_items_are_worked_on_at_once() -> None:
    """Both sides of a barrier are reached, which one thread alone would never do."""
    crew, meet, met = Crew(alone=False), threading.Barrier(2, timeout=10), set[int]()
    try:
        crew.serve(lambda _: met.add(meet.wait()), [1, 2])
    finally:
        crew.close()
    assert met == {0, 1}


def test_alone_means_in_order_and_in_this_thread() -> None:
    """A live source's frames and a card's lane rely on it."""
    seen: list[tuple[int, threading.Thread]] = []
    Crew(alone=True).serve(lambda item: seen.append((item, threading.current_thread())), [3, 1, 2])
    assert seen == [(item, threading.current_thread()) for item in (3, 1, 2)]


def test_an_error_of_the_helper_is_raised_here_and_the_rest_is_left() -> None:
    """The caller waits at the first item until the helper has failed with the second."""
    crew, failed, done = Crew(alone=False), threading.Event(), []

    def work(item: int) -> None:
        mine = threading.current_thread() is threading.main_thread()
        if not mine:
            failed.set()
            raise ValueError("the helper's")
        assert failed.wait(10)
        done.append(item)

    try:
        with pytest.raises(ValueError, match="the helper's"):
            crew.serve(work, [1, 2])
        assert len(done) == 1
    finally:
        crew.close()
        crew.close()


def test_the_callers_own_error_ends_the_work() -> None:
    """What nobody had begun is not done, and the crew can be used again."""
    crew, done = Crew(alone=True), []

    def work(item: int) -> None:
        if item == 1:
            raise ValueError("stop")
        done.append(item)

    with pytest.raises(ValueError, match="stop"):
        crew.serve(work, [0, 1, 2])
    assert done == [0]
    crew.serve(work, [5])
    assert done == [0, 5]
