"""Alignment, the judgement of quality, and embeddings of real faces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from sightline.errors import AnalyzerError
from sightline.media.findings import Detection
from sightline.media.models import ModelStore
from sightline.vision.faces import (
    EYES_NOSE,
    MODELS,
    MOUTH_CORNERS,
    SIDE_PX,
    Crop,
    FaceEmbedder,
    align,
    face_model,
    flaw,
    missing_face_model,
    sharpness,
    similarity,
)

TEMPLATE = np.array([*EYES_NOSE, *MOUTH_CORNERS])


def points(array: Any) -> tuple[tuple[float, float, float], ...]:
    return tuple((float(x), float(y), 1.0) for x, y in array)


def moved(array: Any, scale: float, degrees: float, shift: tuple[float, float]) -> Any:
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return array @ turn.T + shift


@given(st.floats(0.05, 20), st.floats(-180, 180), st.floats(-5000, 5000), st.floats(-5000, 5000))
def test_a_similarity_is_found_again(scale: float, degrees: float, x: float, y: float) -> None:
    matrix, found = similarity(moved(TEMPLATE, scale, degrees, (x, y)), TEMPLATE)
    back = moved(TEMPLATE, scale, degrees, (x, y)) @ matrix[:, :2].T + matrix[:, 2]
    assert back == pytest.approx(TEMPLATE, abs=1e-5 * (1 + abs(x) + abs(y)))
    assert found == pytest.approx(1 / scale, rel=1e-6)


@pytest.mark.parametrize(("scale", "degrees"), [(0.4, 0), (1, 30), (2, -20), (5, 10), (9, 170)])
def test_a_face_of_any_size_and_turn_comes_into_the_same_pose(scale: float, degrees: float) -> None:
    """Also that shrinking before the crop does not shift it."""
    side = int(SIDE_PX * scale * 2)
    # Smooth structure, so that a half-pixel shift would show and sampling would not.
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX] / SIDE_PX * 6
    face = np.stack([127 + 60 * np.sin(x + k) + 60 * np.cos(y - k) for k in (0, 1, 2)], axis=2).clip(0, 255).astype(np.uint8)
    shift = (side / 2, side / 2) - moved(np.array([[56.0, 56.0]]), scale, degrees, (0, 0))[0]
    matrix = np.hstack([moved(np.eye(2), scale, degrees, (0, 0)).T, np.array(shift)[:, None]])
    picture = cv2.warpAffine(face, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    crop = align(picture, points(moved(TEMPLATE, scale, degrees, tuple(shift))))  # type: ignore[arg-type]
    inner = slice(12, 100)
    assert np.abs(crop.pixels[inner, inner].astype(int) - face[inner, inner]).mean() < 3
    assert crop.turn == pytest.approx(0, abs=0.02)
    assert not crop.is_cut


def test_mouth_corners_and_the_middle_of_the_mouth_mean_the_same_pose() -> None:
    image = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    five = moved(TEMPLATE, 1.2, 12, (20, 30))
    six = np.vstack([five[:3], five[3:].mean(axis=0), five[0], five[1]])
    a, b = align(image, points(five)), align(image, points(six))
    assert np.abs(a.pixels.astype(int) - b.pixels).mean() < 12


@pytest.mark.parametrize("keypoints", [(), ((1.0, 1.0, 1.0),) * 3, ((5.0, 5.0, 1.0),) * 6, ((float("nan"), 1.0, 1.0),) * 6])
def test_keypoints_that_are_no_face_are_refused(keypoints: Any) -> None:
    with pytest.raises(ValueError, match=r"detector|span"):
        align(np.zeros((9, 9, 3), np.uint8), keypoints)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 3)])
def test_the_smallest_pictures_do_no_harm(size: tuple[int, int]) -> None:
    crop = align(np.zeros((*size, 3), np.uint8), ((0, 0, 1), (1, 0, 1), (0.5, 0.5, 1), (0.5, 1, 1)))
    assert crop.pixels.shape == (SIDE_PX, SIDE_PX, 3)
    assert crop.is_cut


def textured(blur: float = 0) -> Any:
    """Coarse and fine structure, as a face has."""
    random = np.random.default_rng(3)
    coarse = cv2.resize(random.integers(30, 225, (7, 7, 3)).astype(np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    noise = (coarse + random.normal(0, 12, coarse.shape)).clip(0, 255).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), blur) if blur else noise


FACE = Detection("face", 0.9, (10.0, 10.0, 90.0, 90.0))


@pytest.mark.parametrize(
    ("face", "crop", "word"),
    [
        (FACE, Crop(textured(), 0.1, False), ""),
        (Detection("face", 0.9, (10.0, 10.0, 90.0, 40.0)), Crop(textured(1), 0.1, False), "too small"),
        (Detection("face", 0.5, FACE.box), Crop(textured(1), 0.1, False), "not certain to be a face"),
        (FACE, Crop(textured(1), -0.6, False), "turned away"),
        (FACE, Crop(textured(1), 0.1, True), "cut off"),
        (FACE, Crop(textured(6), 0.1, False), "blurred"),
        (FACE, Crop(np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8), 0.0, False), "blurred"),
    ],
)
def test_what_cannot_be_judged_is_named(face: Detection, crop: Crop, word: str) -> None:
    assert flaw(face, crop, 56) == word


def test_sharpness_falls_with_blur_and_not_with_light() -> None:
    values = [sharpness(textured(blur)) for blur in (0, 1, 2, 4)]
    assert values == sorted(values, reverse=True)
    dim = (textured(1) * 0.5).astype(np.uint8)
    assert sharpness(dim) == pytest.approx(sharpness(textured(1)), rel=0.1)


def model_file(path: Path, *, size: int = 8, nan: bool = False, rank: int = 2) -> Path:
    """An embedding network of the same input and output: means of coarse cells times fixed numbers."""
    weights = np.random.default_rng(0).normal(size=(3 * 16, size)).astype(np.float32) * (np.nan if nan else 1)
    nodes = [
        helper.make_node("AveragePool", ["x"], ["cells"], kernel_shape=[28, 28], strides=[28, 28]),
        helper.make_node("Flatten", ["cells"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y" if rank == 2 else "m"]),
    ]
    if rank != 2:
        nodes.append(helper.make_node("Reshape", ["m", "shape"], ["y"]))
    shape = [1, size] if rank == 2 else [1, 1, size]
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 112, 112])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(weights, "w"), onnx.numpy_helper.from_array(np.array(shape, np.int64), "shape")],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def test_sface_is_preferred_and_loads_from_its_own_file(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    assert face_model(store) is None
    assert "models fetch" in str(missing_face_model(store))
    model_file(tmp_path / MODELS[1].file)
    assert face_model(store) == (MODELS[1], tmp_path / MODELS[1].file)
    model_file(tmp_path / MODELS[0].file, size=6)
    assert missing_face_model(store) is None
    assert face_model(store, {"mobilefacenet": 2, "sface": 1, "gone": 9}) == (MODELS[1], tmp_path / MODELS[1].file)
    embedder = FaceEmbedder.open(store)
    vector = embedder.embed(textured())
    assert embedder.model.name == "sface" and vector is not None
    assert vector.shape == (6,)
    assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-5)


def test_a_model_that_gives_no_numbers_gives_no_embedding(tmp_path: Path) -> None:
    assert FaceEmbedder(MODELS[1], model_file(tmp_path / "nan.onnx", nan=True)).embed(textured()) is None


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError) as caught:
        FaceEmbedder(MODELS[1], model_file(tmp_path / "other.onnx", rank=3))
    assert caught.value.code == "model_unknown_layout"
    with pytest.raises(AnalyzerError):
        FaceEmbedder.open(ModelStore(tmp_path / "nothing"))


def test_a_little_blur_changes_an_embedding_a_little(asset: Callable[[str], Path]) -> None:
    embedder = FaceEmbedder(MODELS[1], asset("weights/mobilefacenet.onnx"))
    image = cv2.imread(str(asset("images/faces/obama.jpg")))
    eyes_nose_mouth = ((427, 237, 1), (534, 238, 1), (480, 306, 1), (481, 363, 1))
    crop = align(image, eyes_nose_mouth).pixels  # type: ignore[arg-type]
    sharp, soft = embedder.embed(crop), embedder.embed(cv2.GaussianBlur(crop, (0, 0), 1))  # type: ignore[arg-type]
    assert sharp is not None and soft is not None
    assert 0.9 < float(sharp @ soft) < 1
