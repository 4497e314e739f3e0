"""What things that were followed look like, so that one that comes back is known again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.media.findings import Box

Vectors = NDArray[np.float32]
"""`(n, d)`, each row of length 1."""
Look = Callable[[Sequence[Box]], Vectors]
"""Gives the appearance of each of some boxes of the picture at hand."""

SAME_LIKENESS = 0.7
"""Cosine from which two appearances are the same thing."""
LEAST_MARGIN = 0.05
"""By how much the best match must be ahead of the second."""
FRESH_SHARE = 0.2
"""How much of a remembered appearance each further look replaces."""
MOST_REMEMBERED = 200


@dataclass(slots=True)
class _Memory:
    vector: NDArray[np.float32]
    label: str
    pts_ns: int
    """When it was last looked at."""


class Appearances:
    """The appearance of each number, in the order in which they were last seen."""

    def __init__(self) -> None:
        self._memories: dict[int, _Memory] = {}

    def remember(self, number: int, label: str, vector: NDArray[np.float32], pts_ns: int) -> None:
        """Take in one more look at `number`."""
        known = self._memories.pop(number, None)
        if known is not None:
            mixed = (1 - FRESH_SHARE) * known.vector + FRESH_SHARE * vector
            vector = (mixed / max(1e-9, float(np.linalg.norm(mixed)))).astype(np.float32)
        self._memories[number] = _Memory(vector, label, pts_ns)
        while len(self._memories) > MOST_REMEMBERED:
            del self._memories[next(iter(self._memories))]

    def knows(self, number: int) -> bool:
        return number in self._memories

    def is_due(self, number: int, pts_ns: int) -> bool:
        """Whether `number` was not looked at since `pts_ns`."""
        memory = self._memories.get(number)
        return memory is None or memory.pts_ns <= pts_ns

    def forget_before(self, pts_ns: int, but: set[int]) -> None:
        """Drop what was last seen before `pts_ns`, except the numbers `but`, which are followed now."""
        old = [number for number, memory in self._memories.items() if memory.pts_ns < pts_ns and number not in but]
        for number in old:
            del self._memories[number]

    def recognise(self, label: str, vector: NDArray[np.float32], among: Sequence[int]) -> int | None:
        """The number of `among` that looks like `vector`, when one does clearly; None otherwise."""
        likeness = sorted(
            ((float(m.vector @ vector), n) for n in among if (m := self._memories.get(n)) is not None and m.label == label),
            reverse=True,
        )
        if not likeness or likeness[0][0] < SAME_LIKENESS:
            return None
        if len(likeness) > 1 and likeness[0][0] - likeness[1][0] < LEAST_MARGIN:
            return None
        return likeness[0][1]

    def likeness(self, number: int, vector: NDArray[np.float32]) -> float | None:
        """Cosine of `vector` and what is remembered of `number`; None when that is nothing."""
        memory = self._memories.get(number)
        return float(memory.vector @ vector) if memory is not None else None

    def numbers(self) -> tuple[int, ...]:
        return tuple(self._memories)
