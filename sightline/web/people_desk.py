"""The people that are recognised: enrol, rename, forget. Called by request threads.

The web is the only writer of their rows. It never looks at a picture: an engine turns its bytes into embeddings, which are
kept, and the bytes are dropped. After each change every engine is told to read the people anew.
"""

import base64
import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sightline.errors import Conflict, EngineUnavailable, Invalid, NotFound, SightlineError, StorageError
from sightline.media.gallery import KnownFace, Vector, people_of
from sightline.records.database import Database
from sightline.records.events import Events
from sightline.records.identities import Identities, Identity, Sample, check_name
from sightline.web.engine_client import Engines

log = logging.getLogger(__name__)

RECOGNISED = "face.recognised"
EMBED_TIMEOUT_S = 40.0
"""The first picture loads the models, which takes seconds on a small machine."""
LOOK_LIFE_S = 180.0
MOST_LOOKS = 200
CLEARLY_SMALLER = 1 / 3
"""A face so much narrower than the largest one stands in the background and does not count."""
CLEARLY_OTHER = 0.5
"""Times the threshold: below that similarity two pictures do not show the same person."""

WORDS = {
    "too small": ("face_too_small", "the face is too small. Take a picture in which it is at least 64 pixels wide"),
    "blurred": ("face_blurred", "the face is blurred. Take a sharper picture"),
    "turned away": ("face_turned_away", "the face is turned away. Take a picture from the front"),
    "cut off": ("face_cut_off", "the face is cut off by the edge of the picture"),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that somebody sent."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face that was in a camera's picture a moment ago and may be enrolled."""

    sample: Sample
    until_s: float


class PeopleDesk:
    """Everything that may be done with identities."""

    def __init__(
        self, database: Database, events: Events, engines: Engines, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self._database = database
        self._identities = Identities(database)
        self._events = events
        self._engines = engines
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, SeenFace] = {}

    def views(self, among: Collection[str] | None) -> dict[str, Any]:
        """All identities; sightings of the cameras `among` only (None = all)."""
        about = self._about()
        sightings = self._events.newest_by_fact(RECOGNISED, "identity", among)
        rows = []
        for one in self._identities.list():
            seen = sightings.get(one.id)
            last = {"camera": seen.camera_id, "at": seen.at} if seen else None
            rows.append({**_view(one, about["model"]), "last_seen": last})
        return {"identities": rows, **about}

    def enrol(self, name: str, pictures: Sequence[Picture]) -> dict[str, Any]:
        """Enter a person by pictures, each of which must hold exactly one usable face; all or nothing.

        Raises:
            Invalid (bad name, a picture that cannot be used), Conflict (name taken, known as somebody else, no model),
            Unsupported, TooLarge (pictures), EngineUnavailable.
        """
        check_name(name)
        samples = self._samples(pictures)
        self._check(samples, own=None)
        return self._changed(self._identities.add(name, samples))

    def add_pictures(self, identity_id: int, pictures: Sequence[Picture]) -> dict[str, Any]:
        """Add pictures to a person. Raises: NotFound; as `enrol`."""
        self._identities.get(identity_id)
        samples = self._samples(pictures)
        self._check(samples, own=identity_id)
        return self._changed(self._identities.add_samples(identity_id, samples))

    def look(self, camera_id: str) -> dict[str, Any]:
        """The picture of this moment with the faces in it; each that can be enrolled has a key for `enrol_face`.

        Raises:
            NotFound, Conflict (no picture, no model), EngineUnavailable.
        """
        answer = self._engines.of(camera_id).call("GET", f"/cameras/{camera_id}/faces", timeout_s=EMBED_TIMEOUT_S)
        threshold, people = self._threshold(), people_of(self._identities.faces(), answer["model"])
        faces = []
        for face in answer["faces"]:
            sample = _sample(answer["model"], face)
            match = people.best(sample.vector) if sample else None
            is_known = match is not None and match.similarity >= threshold
            faces.append({
                "box": face["box"], "reason": face["reason"], "face": self._remember(sample) if sample else None,
                "identity": match.identity_id if match and is_known else None, "name": match.name if match and is_known else None,
            })  # fmt: skip
        return {"jpeg_base64": answer["jpeg_base64"], "size": answer["size"], "faces": faces, "valid_s": LOOK_LIFE_S}

    def enrol_face(self, key: str, name: str | None, identity_id: int | None) -> dict[str, Any]:
        """Enter a face of `look` under a new name, or add it to a person.

        Raises:
            NotFound (the look is too old), Invalid, Conflict: as `enrol`.
        """
        if (name is None) == (identity_id is None):
            raise Invalid("Give a name for a new person, or the person to add the face to.", code="ambiguous", field="name")
        with self._lock:
            seen = self._seen.get(key)
        if seen is None or seen.until_s < self._clock():
            raise NotFound("This face was seen too long ago. Look at the camera again.", code="face_expired")
        self._check([seen.sample], own=identity_id)
        if name is not None:
            made = self._identities.add(name, [seen.sample])
        else:
            assert identity_id is not None
            made = self._identities.add_samples(identity_id, [seen.sample])
        with self._lock:
            self._seen.pop(key, None)
        return self._changed(made)

    def rename(self, identity_id: int, name: str) -> dict[str, Any]:
        """Raises: NotFound, Invalid, Conflict."""
        return self._changed(self._identities.rename(identity_id, name))

    def forget(self, identity_id: int) -> str:
        """Delete the person, all embeddings and all events that name this person; return the name.

        Raises:
            NotFound.
        """
        try:
            gone = self._identities.get(identity_id)
            self._identities.forget(identity_id)
        except StorageError as err:
            if err.code != "database_busy":
                raise
            log.warning("Forgetting: %s", err.message)
        with self._lock:
            self._seen.clear()
        self._tell_engines()
        self._events.delete_with_fact(RECOGNISED, "identity", identity_id)
        try:
            self._database.scrub("events")
        except StorageError as err:
            log.warning("Forgetting: %s", err.message)
        return gone.name

    def _about(self) -> dict[str, Any]:
        try:
            about: dict[str, Any] = self._engines.any().call("GET", "/people")
        except EngineUnavailable as err:
            return {"model": None, "reason": err.message}
        return about

    def _threshold(self) -> float:
        """Raises: Conflict: there is no model. EngineUnavailable."""
        about = self._engines.any().call("GET", "/people")
        if about["reason"] is not None or about["model"] is None:
            raise Conflict(about["reason"] or "No face recognition model is here.", code="recognition_unavailable")
        return float(about["model"]["threshold"])

    def _samples(self, pictures: Sequence[Picture]) -> list[Sample]:
        if not pictures:
            raise Invalid("Send at least one picture, in the field 'pictures'.", code="missing_field", field="pictures")
        return [self._sample_of(picture) for picture in pictures]

    def _sample_of(self, picture: Picture) -> Sample:
        try:
            answer = self._engines.any().send("/faces", picture.data, EMBED_TIMEOUT_S)
        except EngineUnavailable:
            raise
        except SightlineError as err:
            facts = {**err.facts, "picture": picture.name}
            raise type(err)(f"{picture.name}: {err.message}", code=err.code, **facts) from err
        return the_face(answer, picture.name)

    def _check(self, samples: Sequence[Sample], own: int | None) -> None:
        """Refuse faces that belong to somebody else, or not to one person."""
        threshold = self._threshold()
        faces = self._faces(samples[0].model)
        mine: list[Vector] = [known.vector for known in faces if known.identity_id == own]
        others = people_of((known for known in faces if known.identity_id != own), samples[0].model)
        for place, sample in enumerate(samples):
            match = others.best(sample.vector)
            if match is not None and match.similarity >= threshold:
                raise Conflict(
                    f"This face is known already: {match.name}. Add the picture to that person, or forget {match.name} first.",
                    code="face_known", identity=match.identity_id, name=match.name, similarity=round(match.similarity, 3),
                )  # fmt: skip
            if mine and max(float(vector @ sample.vector) for vector in mine) < threshold * CLEARLY_OTHER:
                raise Conflict(
                    "This picture shows somebody else than the others of this person.", code="other_person", place=place + 1
                )
            mine.append(sample.vector)

    def _faces(self, model: str) -> list[KnownFace]:
        return [known for known in self._identities.faces() if known.model == model]

    def _remember(self, sample: Sample) -> str:
        key, now_s = secrets.token_urlsafe(16), self._clock()
        with self._lock:
            self._seen = {k: seen for k, seen in self._seen.items() if seen.until_s >= now_s}
            while len(self._seen) >= MOST_LOOKS:
                self._seen.pop(next(iter(self._seen)))
            self._seen[key] = SeenFace(sample, now_s + LOOK_LIFE_S)
        return key

    def _changed(self, identity: Identity) -> dict[str, Any]:
        self._tell_engines()
        return _view(identity, self._about()["model"])

    def _tell_engines(self) -> None:
        for number, engine in enumerate(self._engines.all):
            try:
                engine.call("POST", "/people/reload")
            except SightlineError as err:
                # It reads the people when it starts, and looks for changes by itself.
                log.warning("Engine %d could not be told that the people changed: %s", number, err.message)


def the_face(answer: Mapping[str, Any], name: str) -> Sample:
    """The one face of a picture, from the engine's answer; `name` is what messages call the picture.

    Raises:
        Invalid: no face, several faces, or one that cannot be used.
    """
    faces = answer["faces"]
    widest = max((_width(face) for face in faces), default=0.0)
    faces = [face for face in faces if _width(face) > widest * CLEARLY_SMALLER]
    if not faces:
        raise _unusable(name, "no_face", "no face is found in it. Take a picture from the front, in good light")
    if len(faces) > 1:
        raise _unusable(name, "several_faces", f"{len(faces)} faces are in it. Cut out the one that is meant")
    sample = _sample(answer["model"], faces[0])
    if sample is None:
        code, words = WORDS.get(faces[0]["reason"], ("face_unusable", "the face cannot be used. Take another picture"))
        raise _unusable(name, code, words)
    return sample


def _unusable(name: str, code: str, words: str) -> Invalid:
    return Invalid(f"{name}: {words}.", code=code, field="pictures", picture=name)


def _width(face: Mapping[str, Any]) -> float:
    return float(face["box"][2] - face["box"][0])


def _sample(model: str, face: Mapping[str, Any]) -> Sample | None:
    if face["vector"] is None:
        return None
    return Sample(model, np.frombuffer(base64.b64decode(face["vector"]), "<f4").astype(np.float32))


def _view(one: Identity, model: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "id": one.id, "name": one.name, "samples": one.samples, "created_at": one.created_at, "models": list(one.models),
        "needs_enrolment": model is not None and model["name"] not in one.models,
    }  # fmt: skip
