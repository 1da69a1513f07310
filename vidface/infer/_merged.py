"""Several calls as one run of a session, where the model can be trusted with that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.infer._turns import Call
from vidface.infer.faults import RUNTIME_FAULTS

_APART: Final = 0.01
"""Share of the largest value by which a merged answer may differ: rounding stays far below."""


class Merged:
    """Serves groups of calls: as one batch, each caller getting its own rows, or one by one.

    A free first axis is only a claim (many exports declare it and cannot follow), so the first group whose
    calls differ is run both ways and compared; after a difference, or where a batch fails and its parts do
    not, this session's calls are never put together again.

    Attributes:
        why_not: why calls are not put together, as a phrase; None where they are.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._proved = False
        ports = [*session.get_inputs(), *session.get_outputs()]
        fixed = [port.name for port in ports if not _free(port)]
        self.why_not = f"the first axis of {fixed[0]} is fixed" if fixed else None

    def may(self) -> bool:
        """Whether calls may be put together."""
        return self.why_not is None

    def serve(self, calls: list[Call]) -> None:
        """Give each call its answer, or the error that it caused itself."""
        answers = self._together(calls) if len(calls) > 1 and self._proved else None
        if answers is not None:
            for call, answer in zip(calls, answers, strict=True):
                call.answer = answer
            return
        for call in calls:
            self._alone(call)
        if len(calls) > 1 and self.why_not is None:
            self._judge(calls)

    def _alone(self, call: Call) -> None:
        try:
            call.answer = self._session.run(call.names, call.feed)
        except RUNTIME_FAULTS as error:
            call.error = error

    def _judge(self, calls: list[Call]) -> None:
        """What one by one and together say of each other; a call with an error of its own says nothing."""
        if any(call.error is not None for call in calls):
            return
        if self._proved:
            self.why_not = f"a batch of {len(calls)} calls failed where each alone did not"
        elif not all(call.same(calls[0]) for call in calls):
            together = self._together(calls)
            pairs = zip(calls, together or [], strict=False)
            if together is None or not all(_alike(call.answer or [], answer) for call, answer in pairs):
                self.why_not = "its answers to a batch differ from those to each part"
            else:
                self._proved = True

    def _together(self, calls: list[Call]) -> list[list[NDArray[Any]]] | None:
        """Each call's part of one run; None where the model did not follow."""
        feed = {name: np.concatenate([call.feed[name] for call in calls]) for name in calls[0].feed}
        try:
            outputs = self._session.run(calls[0].names, feed)
        except RUNTIME_FAULTS:
            return None
        ends = np.cumsum([call.rows or 0 for call in calls])
        if any(output.ndim == 0 or len(output) != ends[-1] for output in outputs):
            return None
        # Copies, so that nobody keeps alive, or writes into, what belongs to another lane.
        return [
            [output[end - (call.rows or 0) : end].copy() for output in outputs]
            for call, end in zip(calls, ends.tolist(), strict=True)
        ]


def _free(port: Any) -> bool:
    return bool(port.shape) and not (isinstance(port.shape[0], int) and port.shape[0] > 0)


def _alike(alone: Sequence[NDArray[Any]], part: Sequence[NDArray[Any]]) -> bool:
    return all(
        one.shape == other.shape and np.allclose(one, other, rtol=0, atol=_slack(one), equal_nan=True)
        for one, other in zip(alone, part, strict=True)
    )


def _slack(values: NDArray[Any]) -> float:
    size = np.abs(values[np.isfinite(values)].astype(np.float64))
    return _APART * max(float(size.max(initial=0.0)), 1e-3)
