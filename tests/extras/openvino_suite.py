"""The contract of detectors with OpenVINO, which is tried before onnxruntime's processor. Run by `tests/test_extras.py`."""

from pathlib import Path

import pytest

from sightline.errors import AnalyzerError
from sightline.vision.inference import Detector, open_session
from tests.vision.inference.detector_contract import Asset, DetectorContract


class TestOpenVino(DetectorContract):
    least_people = 3

    @pytest.fixture
    def detector(self, asset: Asset) -> Detector:
        detector = Detector(asset("weights/yolov8n.onnx"))
        assert detector.provider.startswith("OpenVINO")
        return detector


def test_what_the_file_says_about_itself_is_kept(asset: Asset) -> None:
    assert open_session(asset("weights/yolov8n-pose.onnx")).metadata["kpt_shape"] == "[17, 3]"
    assert Detector(asset("weights/yolov8n-pose.onnx")).layout == "ultralytics_pose"


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_text("<html>404</html>")
    with pytest.raises(AnalyzerError) as caught:
        Detector(tmp_path / "x.onnx")
    assert caught.value.code == "model_broken"
