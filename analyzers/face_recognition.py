"""Face recognition: says who the people are that have been enrolled, and that it does not know the others.

Reads the findings of the face analyzer. Each face is aligned by its eyes, nose and mouth, turned into an embedding (SFace or
MobileFaceNet, about 10 ms) and compared with those of the people that are enrolled. A name is said when the similarity is at
least the threshold, ahead of every other person by the margin, and several looks agree; anybody else stays unknown. Small,
blurred, cut or turned-away faces are not judged. A face that is decided is looked at again every 2 s only.

`label` is the name (and `score` the similarity), `unknown`, or `face` while nothing is decided. One instance per camera,
called by one thread.
"""

from dataclasses import dataclass

from sightline.media.findings import Detection, Findings, Happening, Scalar
from sightline.media.frame import Frame, Image
from sightline.media.gallery import People
from sightline.media.stage import Resources, param, register
from sightline.vision.face_tracks import FaceTrack, FaceTracks, Rule, Strangers, Visits
from sightline.vision.faces import FaceEmbedder, align, face_model, flaw, missing_face_model

MOST_LOOKS = 4
"""Embeddings per frame; with more faces than that, each has its turn in the frames that follow."""


@dataclass(frozen=True)
class RecognitionParams:
    threshold: float = param(
        0.0, "Threshold", minimum=0.0, maximum=0.95, step=0.01,
        help="Similarity from which a face is somebody's. 0: the value published with the model (MobileFaceNet 0.49, SFace 0.363).",
    )  # fmt: skip
    margin: float = param(
        0.05, "Margin", minimum=0.0, maximum=0.5, step=0.01, help="How far the second most similar person must be behind."
    )
    min_face_px: int = param(56, "Smallest face", minimum=24, maximum=400, step=4, unit="px", help="Smaller faces are not judged.")
    looks: int = param(3, "Looks that must agree", minimum=1, maximum=10, step=1)
    away_s: int = param(30, "A new visit after", minimum=1, maximum=3600, step=1, unit="s", help="Absence that ends a visit.")
    tell_unknown: bool = param(False, "Event for unknown faces")


class FaceRecognition:
    """Recognises people in one camera's picture."""

    def __init__(self, params: RecognitionParams, resources: Resources) -> None:
        self._models, self._gallery = resources.models, resources.gallery
        self._params = params
        self._version = self._gallery.version
        self._use(FaceEmbedder.open(self._models, self._gallery.counts()))
        self._tracks = FaceTracks()
        self._visits = Visits(params.away_s * 1_000_000_000)
        self._strangers = Strangers(params.away_s * 1_000_000_000, self._embedder.model.threshold)

    @property
    def backend(self) -> str:
        return self._embedder.provider

    def adopt(self, previous: "FaceRecognition") -> None:
        """Keep faces and visits over a change of parameters, so that nobody who is here is told of again."""
        self._visits.take_over(previous._visits)
        if previous._embedder.model != self._embedder.model:
            return  # looks by another model cannot be compared
        self._tracks = previous._tracks
        self._strangers.take_over(previous._strangers)

    def interpret(self, frame: Frame, findings: Findings) -> Findings:
        if self._gallery.version != self._version:
            self._follow_gallery()
        people = self._gallery.people(self._embedder.model.name)
        faces = findings.detections
        tracks = self._tracks.update([face.box for face in faces], frame.pts_ns)
        reasons = self._look(frame, faces, tracks, people)
        for track in tracks:
            if track.version != people.version:
                track.vote(people, self._rule)  # somebody was enrolled, renamed or forgotten since the last look
        detections = tuple(_named(face, track, reason) for face, track, reason in zip(faces, tracks, reasons, strict=True))
        known = sorted({track.match.name for track in tracks if track.match})
        measures: dict[str, object] = {
            "known": known, "unknown": sum(track.state == "unknown" for track in tracks), "enrolled": len(people.names),
        }  # fmt: skip
        happenings = tuple(happening for track in tracks if (happening := self._news(track, frame.pts_ns)))
        return Findings.of("face_recognition", frame, detections=detections, measures=measures, happenings=happenings)

    def _use(self, embedder: FaceEmbedder) -> None:
        self._embedder = embedder
        self._rule = Rule(self._params.threshold or embedder.model.threshold, self._params.margin, self._params.looks)

    def _follow_gallery(self) -> None:
        """Use the model that the people are enrolled with now."""
        self._version = self._gallery.version
        found = face_model(self._models, self._gallery.counts())
        if found is not None and found[0] != self._embedder.model:
            self._use(FaceEmbedder(*found))
            self._tracks = FaceTracks()  # looks by another model cannot be compared
            self._strangers = Strangers(self._strangers.away_ns, found[0].threshold)

    def _look(self, frame: Frame, faces: tuple[Detection, ...], tracks: list[FaceTrack], people: People) -> list[str]:
        """Look at the faces that are due, those that waited longest first; why each one was not judged."""
        due = [place for place, track in enumerate(tracks) if frame.pts_ns >= track.next_look_ns]
        reasons, looks = [""] * len(faces), 0
        for place in sorted(due, key=lambda place: tracks[place].next_look_ns):
            crop, reasons[place] = self._judge(frame, faces[place])
            if crop is None or looks == MOST_LOOKS:
                continue
            looks += 1
            vector = self._embedder.embed(crop)
            if vector is None:
                reasons[place] = "the model gave no answer"
            else:
                tracks[place].add(vector, frame.pts_ns, people, self._rule)
        return reasons

    def _judge(self, frame: Frame, face: Detection) -> tuple[Image | None, str]:
        """The aligned face, or None and why nothing can be said about it."""
        try:
            crop = align(frame.image, face.keypoints)
        except ValueError as err:
            return None, str(err)
        reason = flaw(face, crop, self._params.min_face_px)
        return (None, reason) if reason else (crop.pixels, "")

    def _news(self, track: FaceTrack, now_ns: int) -> Happening | None:
        if track.match is not None:
            if not self._visits.begins(track.match.identity_id, now_ns):
                return None
            facts: dict[str, Scalar] = {
                "identity": track.match.identity_id,
                "name": track.match.name,
                "similarity": round(track.match.similarity, 3),
            }
            return Happening("face.recognised", f"{track.match.name} is here", facts)
        if track.state != "unknown" or not self._params.tell_unknown:
            return None
        is_new = self._strangers.begins(track.mean, now_ns) and not track.is_told
        track.is_told = True
        return Happening("face.unknown", "A face that is not known", {"track": track.number}) if is_new else None


def _named(face: Detection, track: FaceTrack, reason: str) -> Detection:
    attributes: dict[str, Scalar] = {}
    label, score = "face", face.score
    if track.match is not None:
        # Beside a name people read the number as how sure the name is, not the face.
        label, score = track.match.name, min(1.0, max(0.0, track.match.similarity))
        attributes = {"name": label, "identity": track.match.identity_id, "similarity": round(track.match.similarity, 3)}
    elif track.state == "unknown":
        label = "unknown"
    elif reason:
        attributes = {"not_judged": reason}
    return Detection(label, score, face.box, track.number, attributes=attributes)


def _unavailable(resources: Resources) -> str | None:
    return missing_face_model(resources.models)


def _make(params: RecognitionParams, resources: Resources) -> FaceRecognition:
    return FaceRecognition(params, resources)


register(
    "face_recognition",
    _make,
    kind="analyzer",
    label="Who is it",
    description="Recognises the people that have been enrolled on the page People; everybody else stays unknown.",
    params=RecognitionParams,
    unavailable=_unavailable,
    group="People and faces",
    reads="face_detection",
    rate_hz=10.0,
    licence="Apache-2.0",
    backend="ONNX Runtime",
)
