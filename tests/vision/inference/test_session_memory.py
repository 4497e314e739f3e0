"""A model's memory goes with the last one who uses it, not at some later collection of garbage."""

import gc
from collections.abc import Callable
from pathlib import Path

from sightline.vision.inference import Detector, open_sessions


def test_a_model_goes_with_its_last_user(asset: Callable[[str], Path]) -> None:
    path = asset("weights/yolox_nano.onnx")
    gc.collect()
    gc.disable()
    try:
        detector = Detector(path)
        assert path in [session.path for session in open_sessions()]
        del detector
        assert path not in [session.path for session in open_sessions()]
    finally:
        gc.enable()
