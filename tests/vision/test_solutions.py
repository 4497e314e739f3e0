"""Loading of mediapipe's models is silent, also when they find something for the first time."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sightline.errors import AnalyzerError
from sightline.vision import solutions

LOOK = """
import sys
import cv2, numpy as np
from sightline.vision.solutions import open_solution
mesh = open_solution("face_mesh", lambda module: module.FaceMesh(), lambda model: model.process(np.zeros((128, 128, 3), np.uint8)))
image = cv2.VideoCapture(sys.argv[1]).read()[1]
print(len(mesh.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).multi_face_landmarks))
"""


def test_nothing_is_written_when_the_first_face_is_seen(asset: Callable[[str], Path], root: Path) -> None:
    clip = asset("video/talking_head_speech.mp4")
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(clip)], cwd=root, capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout.strip() == "1"
    assert done.stderr == ""


LET_GO = """
import os
import numpy as np
from sightline.vision.solutions import open_solution
def look():
    model = open_solution("face_detection", lambda module: module.FaceDetection(), lambda model: model.process(black))
    return len(os.listdir("/proc/self/task"))
black = np.zeros((128, 128, 3), np.uint8)
print(*(look() for _ in range(4)))
"""


def test_a_model_that_is_let_go_gives_its_threads_back(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LET_GO], cwd=root, capture_output=True, text=True, check=True, timeout=100)
    threads = list(map(int, done.stdout.split()))
    assert len(threads) == 4
    assert threads[-1] == threads[1]


def test_a_model_may_be_closed_twice() -> None:
    class Model:
        closed = 0

        def process(self, _image: object) -> None: ...

        def close(self) -> None:
            self.closed += 1

    model = Model()
    solution = solutions.Solution(model)
    solution.close()
    solution.close()
    del solution
    assert model.closed == 1


def test_a_model_that_does_not_load_says_so() -> None:
    def broken(_module: object) -> object:
        raise RuntimeError("no such graph")

    with pytest.raises(AnalyzerError) as caught:
        solutions.open_solution("face_mesh", broken, lambda _model: None)
    assert caught.value.code == "model_broken"
    assert "no such graph" in caught.value.message


def test_without_the_package_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solutions, "find_spec", lambda _name: None)
    with pytest.raises(AnalyzerError) as caught:
        solutions.open_solution("hands", lambda module: module, lambda _model: None)
    assert caught.value.code == "model_unavailable"
