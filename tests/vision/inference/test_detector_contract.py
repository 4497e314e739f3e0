"""The contract of detectors over the ONNX files."""

import pytest

from sightline.vision.inference import Detector
from tests.vision.inference.detector_contract import Asset, DetectorContract


class TestYolov8(DetectorContract):
    @pytest.fixture
    def detector(self, asset: Asset) -> Detector:
        return Detector(asset("weights/yolov8n.onnx"))


class TestYolox(DetectorContract):
    least_people = 3

    @pytest.fixture
    def detector(self, asset: Asset) -> Detector:
        return Detector(asset("weights/yolox_nano.onnx"))


class TestNanoDet(DetectorContract):
    least_people = 3

    @pytest.fixture
    def detector(self, asset: Asset) -> Detector:
        return Detector(asset("weights/nanodet_m.onnx"))
