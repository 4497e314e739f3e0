"""What the engine does for the identities: turns pictures into embeddings for the web, and keeps its gallery up to date.

The web process never touches a pixel: it passes the bytes of a picture on and gets embeddings and boxes back. Nothing of a
picture is kept here. Handlers run on the event loop, the work in a thread of its own.
"""

import asyncio
import base64
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from aiohttp import web

from sightline.engine.fleet import Fleet
from sightline.errors import AnalyzerError, Conflict, StorageError, TooLarge
from sightline.media.findings import Detection
from sightline.media.frame import BgrPicture, Frame, Image
from sightline.media.gallery import Gallery
from sightline.media.stage import Resources, make_params, stage
from sightline.media.still import MOST_BYTES, read_still
from sightline.records.identities import Identities
from sightline.vision.faces import FaceEmbedder, FaceModel, align, face_model, flaw, missing_face_model

log = logging.getLogger(__name__)
Result = TypeVar("Result")

DETECTOR = "face_detection"
RECOGNISED = "face.recognised"
"""Kind of the events that name a person."""
LEAST_FACE_PX = 64
"""Of a face that is enrolled: what is compared with for years should be better than what is compared."""
LEAST_SCORE = 0.7
BORDER = 0.3
"""Put around a picture in which no face was found: one that is nothing but a face is not found otherwise."""
BORDERED_PX = 2000
"""Longest side of a picture that gets one: of a telephone's largest pictures the border alone would be hundreds of MB."""
LIVE_QUALITY = 95
CHECK_EVERY_S = 20.0
"""How often the database is asked whether the people changed, in case a message of the web was lost."""


@dataclass(frozen=True, slots=True)
class ReadFace:
    """One face of a picture."""

    face: Detection
    reason: str
    """Why it cannot be used; empty when it can."""
    vector: Any
    """`(d,) float32`, None when it cannot be used."""

    def to_json(self) -> dict[str, Any]:
        vector = base64.b64encode(self.vector.astype("<f4").tobytes()).decode() if self.vector is not None else None
        return {
            "box": [round(edge, 1) for edge in self.face.box], "score": round(self.face.score, 3), "reason": self.reason,
            "vector": vector,
        }  # fmt: skip


class FaceReader:
    """Finds the faces of a picture and embeds them. One thread at a time; loads its models when it is first needed."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._detector: Any = None
        self._embedder: FaceEmbedder | None = None

    def reason(self) -> str | None:
        """Why this cannot work here, or None."""
        return missing_face_model(self._resources.models) or stage(DETECTOR).unavailable(self._resources)

    def model(self) -> tuple[FaceModel, Path] | None:
        """The model that is used now, and its file."""
        return face_model(self._resources.models, self._resources.gallery.counts())

    def read(self, image: Image) -> tuple[str, list[ReadFace]]:
        """The name of the model, and the faces of `image`, largest first.

        Raises:
            Conflict: no recognition model is here, or it is damaged.
        """
        embedder = self._load()
        faces = [face for face in self._find(image) if face.score >= LEAST_SCORE]
        faces.sort(key=lambda face: face.box[0] - face.box[2])
        return embedder.model.name, [_read(image, face, embedder) for face in faces]

    def _load(self) -> FaceEmbedder:
        reason = self.reason()
        if reason is not None:
            raise Conflict(reason, code="recognition_unavailable")
        found = self.model()
        if self._detector is None or self._embedder is None or (found and found[0] != self._embedder.model):
            info = stage(DETECTOR)
            try:
                self._embedder = FaceEmbedder.open(self._resources.models, self._resources.gallery.counts())
                self._detector = info.factory(make_params(info, {"eyes_and_smile": False}), self._resources)
            except AnalyzerError as err:
                raise Conflict(err.message, code="recognition_unavailable") from err
        return self._embedder

    def _find(self, image: Image) -> list[Detection]:
        found = self._detect(image)
        if found:
            return found
        scale = min(1.0, BORDERED_PX / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
        height, width = small.shape[:2]
        x, y = int(width * BORDER), int(height * BORDER)
        bordered = cv2.copyMakeBorder(small, y, y, x, x, cv2.BORDER_REPLICATE)
        return [_shifted(face, (x, y), image.shape[1] / width, image.shape[:2]) for face in self._detect(bordered)]

    def _detect(self, image: Any) -> list[Detection]:
        frame = Frame("picture", 1, 0, 0, 0.0, BgrPicture(image))
        return list(self._detector.analyze([frame])[0].detections)


def _read(image: Image, face: Detection, embedder: FaceEmbedder) -> ReadFace:
    try:
        crop = align(image, face.keypoints)
    except ValueError as err:
        return ReadFace(face, str(err), None)
    reason = flaw(face, crop, LEAST_FACE_PX, LEAST_SCORE)
    vector = None if reason else embedder.embed(crop.pixels)
    return ReadFace(face, reason if reason or vector is not None else "the model gave no answer", vector)


def _shifted(face: Detection, border_px: tuple[int, int], scale: float, shape: tuple[int, ...]) -> Detection:
    """From the picture with its border to the one without, which is `scale` times larger; `shape`: its height and width."""
    x, y = border_px
    edges = np.clip((np.array(face.box) - (x, y, x, y)) * scale, 0, (shape[1], shape[0], shape[1], shape[0]))
    points = tuple(((px - x) * scale, (py - y) * scale, score) for px, py, score in face.keypoints)
    return replace(face, box=tuple(edges.tolist()), keypoints=points)


class PeopleApi:
    """The routes, and the gallery's life."""

    def __init__(
        self, fleet: Fleet, resources: Resources, identities: Identities, flush_events: Callable[[], object] = lambda: None
    ) -> None:  # fmt: skip
        """`flush_events`: wait until the events so far are in the database."""
        self._flush_events = flush_events
        self._fleet = fleet
        self._resources = resources
        self._identities = identities
        self._reader = FaceReader(resources)
        self._thread = ThreadPoolExecutor(1, "faces")
        self._signature: tuple[int, ...] = ()

    @property
    def gallery(self) -> Gallery:
        return self._resources.gallery

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/people", self.about),
            web.post("/people/reload", self.reload),
            web.post("/faces", self.faces_of_picture),
            web.get("/cameras/{id}/faces", self.faces_of_camera),
        ]

    def load(self) -> int:
        """Fill the gallery from the database; return how many embeddings it has. Blocks."""
        # The signature first: what changes in between is seen at the next check.
        self._signature = self._identities.signature()
        faces = self._identities.faces()
        self.gallery.replace(faces)
        return len(faces)

    async def run(self) -> None:
        """Look for changes now and then, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                await self._work(self._load_when_changed)
            except StorageError as err:
                log.warning("The people could not be read: %s", err.message)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def about(self, request: web.Request) -> web.Response:
        """Which model embeds, and why not if none does."""
        found = self._reader.model()
        model = {"name": found[0].name, "threshold": found[0].threshold, "licence": found[0].licence} if found else None
        return web.json_response({"model": model, "reason": self._reader.reason()})

    async def reload(self, request: web.Request) -> web.Response:
        """Know the people of the database from now on. Events that name somebody else are all written when this answers."""
        faces = await self._work(self.load)
        await self._work(self._flush_events)
        return web.json_response({"faces": faces})

    async def faces_of_picture(self, request: web.Request) -> web.Response:
        """The faces of the JPEG or PNG in the body."""
        data = bytearray()
        async for chunk in request.content.iter_any():
            data += chunk
            if len(data) > MOST_BYTES:
                raise TooLarge(f"The picture is larger than {MOST_BYTES} bytes.", code="picture_too_large", limit_bytes=MOST_BYTES)
        return web.json_response(await self._work(lambda: self._faces(read_still(bytes(data)))))

    async def faces_of_camera(self, request: web.Request) -> web.Response:
        """The picture of this moment before its filters, and the faces in it."""
        camera = self._fleet.get(request.match_info["id"])

        def look() -> dict[str, Any]:
            shot = camera.snapshot("raw", LIVE_QUALITY)
            return {**self._faces(read_still(shot.jpeg)), "jpeg_base64": base64.b64encode(shot.jpeg).decode()}

        return web.json_response(await self._work(look))

    def _faces(self, image: Image) -> dict[str, Any]:
        model, faces = self._reader.read(image)
        return {
            "model": model, "size": [image.shape[1], image.shape[0]],
            "faces": [face.to_json() for face in faces],
        }  # fmt: skip

    def _load_when_changed(self) -> None:
        if self._identities.signature() != self._signature:
            log.info("The people changed: %d embeddings", self.load())

    async def _work(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
