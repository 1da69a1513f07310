"""recognize.better: the second only where it clearly wins and is still the same person."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.data import Embeddings, Faces
from vidface.errors import UsageError
from vidface.nodes.recognize.better import BetterEmbeddings, RecognizeBetter


def looks(vectors: list[tuple[float, float]], sure: list[float], model: str = "m@1") -> Embeddings:
    return Embeddings.of(vectors, recognisability=np.array(sure, np.float32), model=model)


def choose(first: Embeddings, second: Embeddings, rows: int = 3) -> BetterEmbeddings:
    node = RecognizeBetter(margin=0.1, min_cosine=0.5)
    node.open(None)
    return node.process(Faces.of([(0, 0, 9, 9)] * rows), first, second)


def test_each_row_by_itself() -> None:
    """Better; better by too little; better but another person."""
    first = looks([(1, 0), (1, 0), (1, 0)], [0.3, 0.3, 0.3])
    second = looks([(4, 3), (4, 3), (0, 1)], [0.6, 0.35, 0.9])
    got = choose(first, second)
    assert got.report.column("embedding_used").tolist() == [2, 1, 1]
    assert got.embeddings.recognisability.tolist() == pytest.approx([0.6, 0.3, 0.3])
    assert np.allclose(got.embeddings.vectors, [(0.8, 0.6), (1, 0), (1, 0)])
    assert got.report.column("embeddings_cosine").tolist() == pytest.approx([0.8, 0.8, 0.0])
    assert got.report.column("recognisability_second").tolist() == pytest.approx([0.6, 0.35, 0.9])


def test_rows_that_one_side_or_both_did_not_measure() -> None:
    nan = float("nan")
    first = looks([(0, 0), (1, 0), (0, 0)], [nan, 0.2, nan])
    second = looks([(0, 1), (0, 0), (0, 0)], [0.4, nan, nan])
    got = choose(first, second)
    assert got.report.column("embedding_used")[:2].tolist() == [2, 1]
    assert np.isnan(got.report.values[2]).all()
    assert got.embeddings.recognisability[:2].tolist() == pytest.approx([0.4, 0.2])


def test_embedders_that_do_not_tell_how_recognisable_a_face_is() -> None:
    """What was measured once is taken; where both were there is nothing to choose by, and the first stays."""
    nan = float("nan")
    got = choose(looks([(0, 0), (1, 0), (0, 0)], [nan] * 3), looks([(0, 1), (0, 1), (0, 0)], [nan] * 3))
    assert got.embeddings.known.tolist() == [True, True, False]
    np.testing.assert_allclose(got.embeddings.vectors[:2], [(0, 1), (1, 0)])
    np.testing.assert_array_equal(got.report.column("embedding_used"), [2, 1, nan])


def test_frames_that_one_node_passed_over() -> None:
    some = looks([(1, 0)], [0.5])
    assert len(choose(some, Embeddings.none(2), 1).embeddings) == 1
    assert len(choose(Embeddings.none(2), some, 1).embeddings) == 1


def test_embedders_must_agree() -> None:
    with pytest.raises(UsageError, match="use one model for both"):
        choose(looks([(1, 0)], [0.5]), looks([(1, 0)], [0.5], "other@2"), 1)
    with pytest.raises(UsageError, match="first has 2 rows for 1 faces"):
        choose(looks([(1, 0)] * 2, [0.5] * 2), looks([(1, 0)], [0.5]), 1)


def test_counts_are_kept() -> None:
    node = RecognizeBetter()
    node.open(None)
    node.process(Faces.of([(0, 0, 9, 9)]), looks([(1, 0)], [0.1]), looks([(1, 0)], [0.9]))
    assert node.facts() == {"first": 0, "second": 1}
