"""Expressions: the model's input is the aligned face in RGB -1..1, and the word of a face does not flicker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import analyzers
from analyzers.expression import FILE, LABELS
from sightline.errors import AnalyzerError
from sightline.media.findings import Detection, Findings
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from tests.analyzers.conftest import as_frame

analyzers.load(entry_points=False)
TEXTURE = np.random.default_rng(2).integers(0, 60, (240, 320, 3), np.uint8)
FACE = Detection(
    "face", 0.9, (100.0, 60.0, 200.0, 180.0), None,
    ((125.0, 95.0, 1.0), (175.0, 95.0, 1.0), (150.0, 122.0, 1.0), (150.0, 152.0, 1.0), (102.0, 100.0, 1.0), (198.0, 100.0, 1.0)),
)  # fmt: skip
HAPPY, SURPRISED = (0, 0, 180), (180, 0, 0)
"""BGR: the model below calls red faces happy and blue ones surprised."""


def network(folder: Path, classes: int = 7) -> ModelStore:
    """Logits from the mean of each channel: happy = red, neutral = green, surprised = blue."""
    matrix = np.full((3, classes), -4, np.float32)
    for channel, label in enumerate(("happy", "neutral", "surprised")):
        matrix[channel, min(LABELS.index(label), classes - 1)] = 8
    nodes = [
        helper.make_node("GlobalAveragePool", ["data"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["label"]),
    ]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 112, 112])],
        [helper.make_tensor_value_info("label", TensorProto.FLOAT, [1, classes])], [numpy_helper.from_array(matrix, "w")],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(folder / FILE))
    return ModelStore(folder)


def made(models: ModelStore, **params: Any) -> Any:
    info = stage("expression")
    return info.factory(make_params(info, params), Resources(models))


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Findings]:
    analyzer = made(network(tmp_path))

    def interpret(colour: tuple[int, int, int], seq: int, *faces: Detection) -> Findings:
        frame = as_frame((TEXTURE + np.array(colour, np.uint8)).astype(np.uint8), seq)
        found: Findings = analyzer.interpret(frame, Findings.of("face_detection", frame, detections=faces or (FACE,)))
        return found

    return interpret


def test_the_expression_comes_with_its_certainty(look: Callable[..., Findings]) -> None:
    found = look(HAPPY, 1)
    (face,) = found.detections
    assert (face.label, face.attributes["expression"]) == ("happy", "happy")
    assert 0.9 < float(face.attributes["certainty"]) <= 1
    assert found.measures == {"happy": 1}
    assert look(SURPRISED, 500).detections[0].label == "surprised"


def test_one_odd_look_does_not_change_the_word(look: Callable[..., Findings]) -> None:
    words = [look(SURPRISED if seq == 10 else HAPPY, seq).detections[0].label for seq in range(20)]
    assert words == ["happy"] * 20
    later = [look(SURPRISED, seq).detections[0].label for seq in range(20, 40)]
    assert later[0] == "happy" and later[-1] == "surprised"


def test_faces_are_counted_by_their_expression(look: Callable[..., Findings]) -> None:
    small = Detection("face", 0.9, (10.0, 10.0, 30.0, 30.0), None, FACE.keypoints)
    blind = Detection("face", 0.9, (220.0, 60.0, 310.0, 180.0))
    found = look(HAPPY, 1, FACE, small, blind)
    assert [face.label for face in found.detections] == ["happy", "face", "face"]
    assert found.measures == {"happy": 1}


def test_a_face_that_turns_away_keeps_its_word_for_a_moment_only(look: Callable[..., Findings]) -> None:
    look(HAPPY, 1)
    away = Detection("face", 0.3, FACE.box, None, FACE.keypoints)
    words = [look(HAPPY, seq, away).detections[0].label for seq in range(2, 30)]
    assert words[0] == "happy" and words[-1] == "face"


def test_a_file_with_other_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError):
        made(network(tmp_path, classes=5))


def test_without_the_weights_it_says_how_to_get_them(tmp_path: Path) -> None:
    assert FILE in str(stage("expression").unavailable(Resources(ModelStore(tmp_path))))
    with pytest.raises(AnalyzerError):
        made(ModelStore(tmp_path))
