"""The people that are recognised: names and embeddings of faces, never pictures.

The web process is the only writer; engines read all embeddings at start and when they are told of a change.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from sightline.errors import Conflict, Invalid, NotFound
from sightline.media.gallery import KnownFace, Vector
from sightline.records.database import Database
from sightline.records.models import FaceSampleRow, IdentityRow

NAME_MAX_CHARS = 80
MOST_IDENTITIES = 5_000
MOST_SAMPLES = 20
"""Of one person; more pictures of the same face hardly help."""
STORED = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class Sample:
    """One embedding to keep."""

    model: str
    vector: Vector


@dataclass(frozen=True, slots=True)
class Identity:
    """One person, without the embeddings."""

    id: int
    name: str
    created_at: float
    samples: int
    models: tuple[str, ...]
    """Of the models that made the embeddings, each once, by name."""


class Identities:
    """Repository of identities."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> tuple[Identity, ...]:
        """All, by name."""
        with self._database.reading() as session:
            rows = session.scalars(select(IdentityRow).order_by(IdentityRow.name_key)).all()
            counts = _counts(session)
            return tuple(_identity(row, counts.get(row.id, {})) for row in rows)

    def get(self, identity_id: int) -> Identity:
        """Raises: NotFound."""
        with self._database.reading() as session:
            return _identity(_row(session, identity_id), _counts(session, identity_id).get(identity_id, {}))

    def faces(self) -> tuple[KnownFace, ...]:
        """Every embedding with the name it belongs to, oldest first."""
        query = (
            select(IdentityRow.id, IdentityRow.name, FaceSampleRow.model, FaceSampleRow.vector)
            .join(FaceSampleRow, FaceSampleRow.identity_id == IdentityRow.id)
            .order_by(FaceSampleRow.id)
        )
        with self._database.reading() as session:
            return tuple(KnownFace(key, name, model, _vector(data)) for key, name, model, data in session.execute(query))

    def signature(self) -> tuple[int, ...]:
        """Differs after anything but a change of a name that leaves its length as it was; cheap to ask."""
        people = select(func.count(), func.coalesce(func.max(IdentityRow.id), 0), func.sum(func.length(IdentityRow.name)))
        samples = select(func.count(), func.coalesce(func.max(FaceSampleRow.id), 0))
        with self._database.reading() as session:
            return tuple(int(n or 0) for n in (*session.execute(people).one(), *session.execute(samples).one()))

    def add(self, name: str, samples: Iterable[Sample]) -> Identity:
        """Enter a person with at least one embedding.

        Raises:
            Invalid (bad name, no samples, too many), Conflict (name taken, too many people).
        """
        name, samples = check_name(name), _checked(samples)
        with self._database.transaction() as session:
            if session.scalar(select(func.count()).select_from(IdentityRow)) >= MOST_IDENTITIES:  # type: ignore[operator]
                raise Conflict(f"At most {MOST_IDENTITIES} people can be known. Forget somebody first.", code="too_many_identities")
            _must_be_free(session, name)
            row = IdentityRow(name=name, name_key=_key(name), created_at=time.time())
            session.add(row)
            session.flush()
            _enter(session, row.id, samples)
            return _identity(row, _counts(session, row.id)[row.id])

    def add_samples(self, identity_id: int, samples: Iterable[Sample]) -> Identity:
        """Add embeddings of the running model; those that another model made are of no more use and go.

        Raises:
            NotFound, Invalid (no samples), Conflict (`too_many_samples`).
        """
        samples = _checked(samples)
        running = {sample.model for sample in samples}
        with self._database.transaction() as session:
            row = _row(session, identity_id)
            session.execute(delete(FaceSampleRow).where(FaceSampleRow.identity_id == row.id, FaceSampleRow.model.not_in(running)))
            known = sum(_counts(session, row.id).get(row.id, {}).values())
            if known + len(samples) > MOST_SAMPLES:
                message = f"{row.name} has {known} pictures already; at most {MOST_SAMPLES} are kept of one person."
                raise Conflict(message, code="too_many_samples")
            _enter(session, row.id, samples)
            return _identity(row, _counts(session, row.id)[row.id])

    def rename(self, identity_id: int, name: str) -> Identity:
        """Raises: NotFound, Invalid (bad name), Conflict (name taken)."""
        name = check_name(name)
        with self._database.transaction() as session:
            row = _row(session, identity_id)
            _must_be_free(session, name, but=row.id)
            row.name, row.name_key = name, _key(name)
            return _identity(row, _counts(session, row.id).get(row.id, {}))

    def forget(self, identity_id: int) -> Identity:
        """Delete the person and all embeddings, so that nothing of them is left in the database; return who it was.

        Raises:
            NotFound.
            StorageError: deleted, but the old bytes could not be removed from the database's log yet (`database_busy`).
        """
        with self._database.transaction() as session:
            row = _row(session, identity_id)
            gone = _identity(row, _counts(session, row.id).get(row.id, {}))
            session.execute(delete(FaceSampleRow).where(FaceSampleRow.identity_id == identity_id))
            session.delete(row)
        self._database.scrub("face_samples", "identities")
        return gone


def check_name(name: str) -> str:
    """The name as it is kept. Raises: Invalid (`bad_name`)."""
    name = " ".join(name.split()) if name.isprintable() else ""
    if not 1 <= len(name) <= NAME_MAX_CHARS:
        raise Invalid(f"A name is 1 to {NAME_MAX_CHARS} characters on one line.", code="bad_name", field="name")
    return name


def _key(name: str) -> str:
    return name.casefold()


def _checked(samples: Iterable[Sample]) -> list[Sample]:
    samples = list(samples)
    if not 1 <= len(samples) <= MOST_SAMPLES:
        raise Invalid(f"Send 1 to {MOST_SAMPLES} pictures.", code="wrong_count", field="pictures", allowed={"most": MOST_SAMPLES})
    return samples


def _must_be_free(session: Session, name: str, but: int | None = None) -> None:
    other = session.scalar(select(IdentityRow).where(IdentityRow.name_key == _key(name)))
    if other is not None and other.id != but:
        message = f"There is somebody called {other.name} already. Take another name, or add the pictures to that person."
        raise Conflict(message, code="name_taken", field="name", identity=other.id, name=other.name)


def _enter(session: Session, identity_id: int, samples: Iterable[Sample]) -> None:
    now = time.time()
    session.add_all(
        FaceSampleRow(identity_id=identity_id, model=s.model, vector=s.vector.astype(STORED).tobytes(), created_at=now)
        for s in samples
    )
    session.flush()


def _counts(session: Session, identity_id: int | None = None) -> dict[int, dict[str, int]]:
    """By identity and model, how many embeddings."""
    query = select(FaceSampleRow.identity_id, FaceSampleRow.model, func.count()).group_by(
        FaceSampleRow.identity_id, FaceSampleRow.model
    )
    if identity_id is not None:
        query = query.where(FaceSampleRow.identity_id == identity_id)
    counts: dict[int, dict[str, int]] = {}
    for owner, model, number in session.execute(query):
        counts.setdefault(owner, {})[model] = number
    return counts


def _row(session: Session, identity_id: int) -> IdentityRow:
    row = session.get(IdentityRow, identity_id)
    if row is None:
        raise NotFound("This person is not known (any more).", code="identity_not_found")
    return row


def _identity(row: IdentityRow, counts: dict[str, int]) -> Identity:
    return Identity(row.id, row.name, row.created_at, sum(counts.values()), tuple(sorted(counts)))


def _vector(data: bytes) -> Vector:
    vector = np.frombuffer(data, STORED).astype(np.float32)
    vector.flags.writeable = False
    return vector
