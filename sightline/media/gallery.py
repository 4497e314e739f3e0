"""The people that may be recognised, as an engine holds them in memory: embeddings and names, never pictures.

The engine fills it from the database and again after every change; analyzers read it from their threads. A reader takes one
snapshot and works on that, so that a change in the middle of a look is never seen half.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class KnownFace:
    """One embedding of one identity."""

    identity_id: int
    name: str
    model: str
    """Name of the model that made the embedding; only embeddings of one model can be compared."""
    vector: Vector = field(repr=False)
    """`(d,)`, length 1."""


@dataclass(frozen=True, slots=True)
class Match:
    """The identity that a face is most similar to."""

    identity_id: int
    name: str
    similarity: float
    """Cosine, -1..1."""
    margin: float
    """How far the second-best identity is behind; 2 when there is no other."""


@dataclass(frozen=True, slots=True)
class People:
    """All embeddings of one model at one moment."""

    version: int
    names: Mapping[int, str]
    """By identity."""
    owners: NDArray[np.int64]
    """`(n,)` identity of each row of `vectors`."""
    vectors: Vector
    """`(n, d)`"""

    def best(self, vector: Vector) -> Match | None:
        """The identity most similar to `vector` by its most similar embedding, or None when nobody is enrolled."""
        if not len(self.owners) or self.vectors.shape[1] != vector.size:
            return None
        similarities = self.vectors @ vector
        first = int(similarities.argmax())
        identity_id = int(self.owners[first])
        others = similarities[self.owners != identity_id]
        second = float(others.max()) if others.size else -1.0
        best = min(1.0, float(similarities[first]))
        return Match(identity_id, self.names[identity_id], best, best - second if others.size else 2.0)

    def match(self, vector: Vector, threshold: float, margin: float) -> Match | None:
        """As `best`, when it is at least `threshold` similar and `margin` ahead of every other identity."""
        best = self.best(vector)
        if best is None or best.similarity < threshold or best.margin < margin:
            return None
        return best


def people_of(faces: Iterable[KnownFace], model: str, version: int = 0) -> People:
    """The embeddings of one model among `faces`."""
    own = [face for face in faces if face.model == model]
    # Embeddings of two sizes under one model name cannot be: another file of the same name made them. The newer ones count.
    own = [face for face in own if face.vector.size == own[-1].vector.size]
    size = own[0].vector.size if own else 0
    vectors = np.array([face.vector for face in own], np.float32).reshape(len(own), size)
    return People(version, {face.identity_id: face.name for face in own}, np.array([f.identity_id for f in own], np.int64), vectors)


class Gallery:
    """What one process knows of people. Any thread may read; `replace` is called by one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faces: tuple[KnownFace, ...] = ()
        self._people: dict[str, People] = {}
        self._version = 0

    @property
    def version(self) -> int:
        """Counts up with each change; names and matches found before it may be of somebody who is forgotten."""
        return self._version

    def replace(self, faces: Iterable[KnownFace]) -> None:
        """Know these and nobody else from now on."""
        faces = tuple(faces)
        with self._lock:
            self._faces, self._people = faces, {}
            self._version += 1

    def knows(self, identity_id: object) -> bool:
        """Whether this person is (still) known, by an embedding of any model."""
        with self._lock:
            return any(face.identity_id == identity_id for face in self._faces)

    def counts(self) -> dict[str, int]:
        """By model, how many embeddings."""
        with self._lock:
            return Counter(face.model for face in self._faces)

    def people(self, model: str) -> People:
        """All embeddings made by `model`, as of now."""
        with self._lock:
            if model not in self._people:
                self._people[model] = people_of(self._faces, model, self._version)
            return self._people[model]
