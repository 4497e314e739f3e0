"""The contract of detectors with a Triton server, and its faults. Run by `tests/test_extras.py`, with its client on the path."""

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from sightline.errors import AnalyzerError
from sightline.media.models import ModelStore
from sightline.vision import inference
from sightline.vision.inference import Detector, locate, open_session
from sightline.vision.inference.triton_backend import TritonServer
from tests.extras.triton_server import StandIn, running
from tests.vision.inference.detector_contract import Asset, DetectorContract


@pytest.fixture
def triton(asset: Asset) -> Iterator[StandIn]:
    with running({"yolov8n": asset("weights/yolov8n.onnx"), "yolov8n-pose": asset("weights/yolov8n-pose.onnx")}) as server:
        inference.configure(0, f"http://ann:pass%40word@{server.address}")
        yield server
    inference.configure()


class TestTriton(DetectorContract):
    @pytest.fixture
    def detector(self, triton: StandIn, tmp_path: Path) -> Detector:
        path = locate(ModelStore(tmp_path), "yolov8n.onnx")
        assert path is not None
        assert not path.exists(), "the file is on the server only"
        detector = Detector(path)
        assert detector.provider == f"Triton {triton.address}"
        return detector


def test_the_user_is_named_but_never_shown(triton: StandIn, tmp_path: Path) -> None:
    detector = Detector(tmp_path / "yolov8n.onnx")
    assert triton.seen_authorization == "Basic YW5uOnBhc3NAd29yZA=="
    assert "pass" not in detector.provider


def test_the_configuration_tells_names_and_keypoints(triton: StandIn, tmp_path: Path) -> None:
    assert Detector(tmp_path / "yolov8n-pose.onnx").layout == "ultralytics_pose"


def test_a_model_that_the_server_has_not_runs_here(triton: StandIn, asset: Asset, tmp_path: Path) -> None:
    assert Detector(asset("weights/yolox_nano.onnx")).provider in ("CPU", "OpenVINO")
    assert locate(ModelStore(tmp_path), "yolox_nano.onnx") is None


def test_a_model_that_is_not_ready_is_none(triton: StandIn, tmp_path: Path) -> None:
    triton.fault = "not ready"
    assert locate(ModelStore(tmp_path), "yolov8n.onnx") is None


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [("error", "inference_failed", "CUDA out of memory"), ("cut", "triton_unreachable", "does not answer")],
)
def test_a_failing_server_is_told_and_recovers(triton: StandIn, tmp_path: Path, fault: str, code: str, words: str) -> None:
    detector, picture = Detector(tmp_path / "yolov8n.onnx"), np.zeros((64, 64, 3), np.uint8)
    triton.fault = fault
    with pytest.raises(AnalyzerError, match=words) as caught:
        detector.detect(picture, 0.3)
    assert caught.value.code == code
    assert "pass" not in caught.value.message
    triton.fault = ""
    assert detector.detect(picture, 0.3) == []


def test_a_slow_server_is_given_up(triton: StandIn) -> None:
    server = TritonServer.at(f"http://{triton.address}")
    server.answer_timeout_s = 0.3
    from sightline.vision.inference.triton_backend import TritonBackend

    backend = TritonBackend(server, "yolov8n")
    triton.fault = "slow"
    with pytest.raises(AnalyzerError) as caught:
        backend.run({"images": np.zeros((1, 3, 640, 640), np.float32)})
    assert caught.value.code == "triton_unreachable"


def test_a_server_that_is_gone(free_port: int, tmp_path: Path) -> None:
    inference.configure(0, f"http://127.0.0.1:{free_port}")
    try:
        with pytest.raises(AnalyzerError, match="does not answer") as caught:
            open_session(tmp_path / "yolov8n.onnx")
        assert caught.value.code == "triton_unreachable"
    finally:
        inference.configure()


def test_several_threads_ask_at_once(triton: StandIn, tmp_path: Path, asset: Asset) -> None:
    detector, bus = Detector(tmp_path / "yolov8n.onnx"), cv2.imread(str(asset("images/bus.jpg")))
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(len(detector.detect(bus, 0.4)))) for _ in range(3)]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [4, 4, 4]


@pytest.mark.parametrize("url", ["ftp://host:1", "http://", "host:8000"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(AnalyzerError, match="TRITON_URL"):
        TritonServer.at(url)
