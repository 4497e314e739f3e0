"""The contract of detectors over a `.pt` file, and what is no such file. Run by `tests/test_extras.py`, with torch on the path.

The checkpoint is made here: ultralytics' own network, filled with the weights of the ONNX export, whose biases kept their names.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
import pytest

from sightline.errors import AnalyzerError
from sightline.vision.coco import COCO_LABELS
from sightline.vision.inference import Detector
from sightline.vision.inference.torch_backend import _import_torch
from tests.vision.inference.detector_contract import Asset, DetectorContract


def weights_of(onnx_file: Path) -> dict[str, np.ndarray]:
    """By layer: a convolution's own name is lost in the file, but not that of the bias which is added to its output."""
    graph = onnx.load(onnx_file).graph
    values = {one.name: onnx.numpy_helper.to_array(one).copy() for one in graph.initializer}
    maker = {output: node for node in graph.node for output in node.output}
    weights: dict[str, np.ndarray] = {}
    for node in graph.node:
        conv, bias = (maker.get(name) for name in node.input[:2]) if node.op_type == "Add" else (None, None)
        if conv is not None and bias is not None and (conv.op_type, bias.op_type) == ("Conv", "Reshape"):
            name = bias.input[0]
            weights[name], weights[name.removesuffix("bias") + "weight"] = values[name], values[conv.input[1]]
    return weights


def checkpoint(onnx_file: Path, target: Path) -> Path:
    """Save yolov8n as ultralytics saves it: convolutions and their normalisations apart."""
    torch = _import_torch("the test")
    from ultralytics.nn.modules.conv import Conv
    from ultralytics.nn.tasks import DetectionModel

    weights = {name: torch.from_numpy(array) for name, array in weights_of(onnx_file).items()}
    network = DetectionModel("yolov8n.yaml", ch=3, nc=80, verbose=False).eval()
    filled = 0
    for name, module in network.named_modules():
        if isinstance(module, Conv):
            filled += fill(torch, module.conv, module.bn, weights, f"{name}.conv")
        elif isinstance(module, torch.nn.Conv2d) and f"{name}.weight" in weights and module.bias is not None:
            module.weight.data, module.bias.data = weights[f"{name}.weight"], weights[f"{name}.bias"]
            filled += 1
    assert filled == len(weights) / 2 == 63, "every layer of the file has a place in the network"
    network.names = dict(enumerate(COCO_LABELS))
    torch.save({"epoch": -1, "model": network.half(), "ema": None, "train_args": {"imgsz": 640}}, target)
    return target


def fill(torch: Any, conv: Any, norm: Any, weights: dict[str, Any], name: str) -> int:
    """The export has the normalisation folded into the convolution; here it does nothing but add the bias."""
    conv.weight.data = weights[f"{name}.weight"]
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.data = torch.ones_like(norm.weight)
    norm.bias.data = weights[f"{name}.bias"]
    return 1


@pytest.fixture(scope="session")
def pt_file(asset: Asset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(asset("weights/yolov8n.onnx"), tmp_path_factory.mktemp("pt") / "yolov8n.pt")


class TestTorch(DetectorContract):
    @pytest.fixture
    def detector(self, pt_file: Path) -> Detector:
        return Detector(pt_file)


def test_the_same_picture_gives_the_same_boxes_as_the_onnx_file(pt_file: Path, asset: Asset) -> None:
    import cv2

    bus = cv2.imread(str(asset("images/bus.jpg")))
    ours, theirs = (Detector(path).detect(bus, 0.4) for path in (pt_file, asset("weights/yolov8n.onnx")))  # type: ignore[arg-type]
    assert [d.label for d in ours] == [d.label for d in theirs]
    assert np.abs(np.array([d.box for d in ours]) - np.array([d.box for d in theirs])).max() < 3


def test_torchvision_is_never_loaded(pt_file: Path) -> None:
    import sys

    Detector(pt_file)
    assert "torchvision" not in sys.modules


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("code of a pickle ran",))


def test_code_in_a_pickle_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch = _import_torch("the test")
    torch.save({"model": Harmful()}, tmp_path / "yolov8n.pt")
    with pytest.raises(AnalyzerError, match="print"):
        Detector(tmp_path / "yolov8n.pt")
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", pickle.dumps({"model": 3})])
def test_a_file_that_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "yolov8n.pt").write_bytes(content)
    with pytest.raises(AnalyzerError) as caught:
        Detector(tmp_path / "yolov8n.pt")
    assert caught.value.code == "model_broken"
