"""Recognition on real faces: who is enrolled is named after some looks, everybody else stays unknown."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import analyzers
from sightline.media.findings import Detection, Findings
from sightline.media.frame import Frame, Image
from sightline.media.gallery import Gallery, KnownFace
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from sightline.vision.faces import MODELS, FaceEmbedder, align
from sightline.vision.yunet import YuNet
from tests.analyzers.conftest import as_frame

analyzers.load(entry_points=False)
Asset = Callable[[str], Path]


@pytest.fixture(scope="module")
def models(asset: Asset) -> ModelStore:
    return ModelStore(Path("none"), asset("weights/mobilefacenet.onnx").parent)


@pytest.fixture(scope="module")
def picture(asset: Asset) -> Callable[[str], tuple[Image, tuple[Detection, ...]]]:
    """`picture("obama.jpg")`: the picture at 640 px, and its faces as the face analyzer finds them."""
    info = stage("face_detection")
    detector = info.factory(make_params(info, {"eyes_and_smile": False}), Resources(ModelStore(Path("none"))))

    def read(name: str) -> tuple[Image, tuple[Detection, ...]]:
        image: Any = cv2.imread(str(asset(f"images/faces/{name}")))
        scale = 640 / image.shape[1]
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found: Findings = detector.analyze([as_frame(image, 1)])[0]
        return image, tuple(face for face in found.detections if face.score > 0.7)

    return read


@pytest.fixture(scope="module")
def embedding(models: ModelStore, picture: Any) -> Callable[[str], Any]:
    embedder = FaceEmbedder.open(models)

    def embed(name: str) -> Any:
        image, (face,) = picture(name)
        return embedder.embed(align(image, face.keypoints).pixels)

    return embed


@pytest.fixture
def gallery(embedding: Any) -> Gallery:
    """Obama and Biden, by one picture each."""
    known = Gallery()
    known.replace(
        [
            KnownFace(1, "Obama", "mobilefacenet", embedding("obama.jpg")),
            KnownFace(2, "Biden", "mobilefacenet", embedding("biden.jpg")),
        ]
    )
    return known


def made(models: ModelStore, gallery: Gallery, **params: Any) -> Any:
    info = stage("face_recognition")
    return info.factory(make_params(info, params), Resources(models, gallery))


def look(analyzer: Any, image: Image, faces: tuple[Detection, ...], seq: int) -> Findings:
    frame: Frame = as_frame(image, seq)
    found: Findings = analyzer.interpret(frame, Findings.of("face_detection", frame, detections=faces))
    return found


def looks(analyzer: Any, image: Image, faces: tuple[Detection, ...], seqs: range) -> list[Findings]:
    return [look(analyzer, image, faces, seq) for seq in seqs]


def labels(found: Findings) -> set[str]:
    return {detection.label for detection in found.detections}


def test_two_people_in_one_picture_are_named_after_three_looks(models: ModelStore, gallery: Gallery, picture: Any) -> None:
    image, faces = picture("obama_and_biden.jpg")
    found = looks(made(models, gallery), image, faces, range(12))
    assert [labels(one) for one in found[:4]] == [{"face"}] * 4  # looks at 0.0, 0.2 and 0.4 s
    assert [labels(one) for one in found[4:]] == [{"Obama", "Biden"}] * 8
    by_name = {detection.label: detection for detection in found[-1].detections}
    assert by_name["Biden"].box[0] < by_name["Obama"].box[0]
    assert all(0.49 < d.score == pytest.approx(d.attributes["similarity"], abs=1e-3) for d in found[-1].detections)
    assert found[-1].measures == {"known": ["Biden", "Obama"], "unknown": 0, "enrolled": 2}


def test_a_visit_is_told_once_and_again_after_an_absence(models: ModelStore, gallery: Gallery, picture: Any) -> None:
    image, faces = picture("obama2.jpg")
    analyzer = made(models, gallery, away_s=20)
    seqs = [range(50), range(150, 200), range(800, 820)]
    told = [[h for found in looks(analyzer, image, faces, some) for h in found.happenings] for some in seqs]
    assert [[(h.kind, h.facts["name"], h.facts["identity"]) for h in some] for some in told] == [
        [("face.recognised", "Obama", 1)], [], [("face.recognised", "Obama", 1)],
    ]  # fmt: skip


def test_a_stranger_is_unknown_and_told_of_on_demand(models: ModelStore, embedding: Any, picture: Any) -> None:
    gallery = Gallery()
    gallery.replace([KnownFace(2, "Biden", "mobilefacenet", embedding("biden.jpg"))])
    image, faces = picture("obama3.jpg")
    for tell, told in ((False, []), (True, ["face.unknown"])):
        found = looks(made(models, gallery, tell_unknown=tell), image, faces, range(30))
        assert labels(found[-1]) == {"unknown"}
        assert [h.kind for one in found for h in one.happenings] == told
    assert all(labels(one) <= {"face", "unknown"} for one in found)
    analyzer = made(models, gallery, tell_unknown=True)
    again = [
        h.kind for start in (0, 100, 200) for one in looks(analyzer, image, faces, range(start, start + 9)) for h in one.happenings
    ]
    assert again == ["face.unknown"]


def test_who_is_forgotten_is_unknown_in_the_next_frame(models: ModelStore, gallery: Gallery, picture: Any) -> None:
    image, faces = picture("biden2.jpg")
    analyzer = made(models, gallery)
    assert labels(looks(analyzer, image, faces, range(10))[-1]) == {"Biden"}
    gallery.replace([])
    assert labels(look(analyzer, image, faces, 10)) == {"unknown"}


def test_one_wrong_look_names_nobody(models: ModelStore, gallery: Gallery, picture: Any) -> None:
    stranger, faces = picture("obama.jpg")
    other, (face,) = picture("biden2.jpg")
    gallery.replace([known for known in gallery._faces if known.name == "Biden"])
    analyzer = made(models, gallery)
    found = [
        look(analyzer, other if seq == 6 else stranger, (replace(face, box=faces[0].box),) if seq == 6 else faces, seq)
        for seq in range(40)
    ]
    assert all("Biden" not in labels(one) for one in found)


def test_a_decided_face_costs_few_embeddings(
    models: ModelStore, gallery: Gallery, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, faces = picture("obama2.jpg")
    analyzer = made(models, gallery)
    calls: list[int] = []
    embed = analyzer._embedder.embed
    monkeypatch.setattr(analyzer._embedder, "embed", lambda crop: (calls.append(1), embed(crop))[1])
    looks(analyzer, image, faces, range(100))
    assert len(calls) <= 8  # three looks, then one in two seconds, of 100 frames


def test_what_cannot_be_judged_says_why(models: ModelStore, gallery: Gallery, picture: Any) -> None:
    image, (face,) = picture("obama.jpg")
    analyzer = made(models, gallery, min_face_px=400)
    assert look(analyzer, image, (face,), 1).detections[0].attributes == {"not_judged": "too small"}
    soft = cv2.GaussianBlur(image, (0, 0), 9)
    found = looks(made(models, gallery), soft, (face,), range(10))[-1].detections[0]
    assert (found.label, found.attributes) == ("face", {"not_judged": "blurred"})
    without = look(made(models, gallery), image, (replace(face, keypoints=()),), 1).detections[0]
    assert "eyes" in str(without.attributes["not_judged"])


def test_many_faces_all_have_their_turn(models: ModelStore, gallery: Gallery, picture: Any) -> None:
    """More faces than looks per frame: those that cannot be judged take no turn away."""
    image, (face,) = picture("obama2.jpg")
    x1, y1, x2, y2 = face.box
    step = (x2 - x1) * 1.5
    places = [(n % 3 * step, n // 3 * step) for n in range(9)]
    wide = np.zeros((image.shape[0] + int(3 * step), image.shape[1] + int(3 * step), 3), np.uint8)
    faces = []
    for dx, dy in places:
        part = image[int(y1) - 20 : int(y2) + 20, int(x1) - 20 : int(x2) + 20]
        top, left = int(dy), int(dx)
        wide[top : top + part.shape[0], left : left + part.shape[1]] = part
        ox, oy = left - (int(x1) - 20), top - (int(y1) - 20)
        moved = tuple((x + ox, y + oy, s) for x, y, s in face.keypoints)
        faces.append(replace(face, box=(x1 + ox, y1 + oy, x2 + ox, y2 + oy), keypoints=moved))
    blind = [replace(one, keypoints=()) for one in faces[:3]]
    found = looks(made(models, gallery), wide, (*blind, *faces[3:]), range(20))[-1]
    assert [detection.label for detection in found.detections] == ["face"] * 3 + ["Obama"] * 6


def test_a_change_of_parameters_keeps_the_visit(models: ModelStore, gallery: Gallery, picture: Any) -> None:
    image, faces = picture("obama2.jpg")
    first = made(models, gallery)
    assert [h.kind for one in looks(first, image, faces, range(10)) for h in one.happenings] == ["face.recognised"]
    second = made(models, gallery, margin=0.1)
    second.adopt(first)
    found = looks(second, image, faces, range(10, 20))
    assert labels(found[0]) == {"Obama"}
    assert [h for one in found for h in one.happenings] == []


def test_looks_by_another_model_are_not_taken_over(
    models: ModelStore, gallery: Gallery, picture: Any, tmp_path: Path, asset: Asset
) -> None:  # fmt: skip
    image, faces = picture("obama2.jpg")
    first = made(models, gallery)
    looks(first, image, faces, range(10))
    for track in first._tracks._tracks:
        track.vectors = type(track.vectors)(np.zeros(128, np.float32) for _ in track.vectors)
    shutil.copy(asset("weights/mobilefacenet.onnx"), tmp_path / MODELS[0].file)  # stands in for SFace
    second = made(ModelStore(tmp_path), gallery)
    second.adopt(first)
    assert labels(looks(second, image, faces, range(10, 20))[-1]) == {"unknown"}


def test_without_a_model_the_stage_says_how_to_get_one(tmp_path: Path) -> None:
    reason = stage("face_recognition").unavailable(Resources(ModelStore(tmp_path)))
    assert reason and "fetch sface" in reason


def test_faces_found_by_another_detector_are_the_same_people(
    models: ModelStore, gallery: Gallery, picture: Any, asset: Asset
) -> None:  # fmt: skip
    """Enrolled by the six points of BlazeFace, recognised by the five of YuNet."""
    yunet = YuNet(asset("weights/yunet_n_640_640.onnx"), 0.6)
    for name, people in (("obama_and_biden.jpg", {"Obama", "Biden"}), ("biden2.jpg", {"Biden"})):
        image, _ = picture(name)
        faces = tuple(face for face in yunet.detect(image) if face.box[2] - face.box[0] > 50)
        found = looks(made(models, gallery, min_face_px=40), image, faces, range(6))[-1]
        assert people <= labels(found) <= {*people, "unknown"}


def test_the_model_that_people_are_enrolled_with_is_used(
    models: ModelStore, gallery: Gallery, picture: Any, tmp_path: Path, asset: Asset
) -> None:  # fmt: skip
    """Fetching another model makes nobody unknown; when nobody is enrolled with the old one, the new one is used at once."""
    (tmp_path / MODELS[1].file).symlink_to(asset("weights/mobilefacenet.onnx"))
    shutil.copy(asset("weights/mobilefacenet.onnx"), tmp_path / MODELS[0].file)  # stands in for SFace: same input and output
    image, faces = picture("obama2.jpg")
    analyzer = made(ModelStore(tmp_path), gallery)
    assert labels(looks(analyzer, image, faces, range(6))[-1]) == {"Obama"}
    (obama, _) = gallery._faces
    gallery.replace([replace(obama, model="sface", name="Obama anew")])
    found = looks(analyzer, image, faces, range(6, 40))
    assert (labels(found[0]), analyzer._embedder.model.name, analyzer._rule.threshold) == ({"face"}, "sface", 0.363)
