"""The one place where models run.

`open_session` gives a loaded model by the best runtime at hand; `Detector`, `Embedder`, `Classifier` and `Segmenter` put the usual
preparation of pictures and reading of answers around it. All share one budget of cores, so that models never take what the
video needs. See "The inference runtime" in docs/architecture.md.
"""

from sightline.vision.inference.classifier import Classifier, Guess
from sightline.vision.inference.detector import Detector
from sightline.vision.inference.embedder import Embedder
from sightline.vision.inference.letterbox import BYTE_BGR, IMAGENET_RGB, UNIT_RGB, Pixels, letterbox
from sightline.vision.inference.nms import suppress
from sightline.vision.inference.onnx_backend import has_gpu
from sightline.vision.inference.segmenter import Segmenter
from sightline.vision.inference.session import Session, configure, is_runnable, locate, open_session, open_sessions, thread_budget

__all__ = [
    "BYTE_BGR",
    "IMAGENET_RGB",
    "UNIT_RGB",
    "Classifier",
    "Detector",
    "Embedder",
    "Guess",
    "Pixels",
    "Segmenter",
    "Session",
    "configure",
    "has_gpu",
    "is_runnable",
    "letterbox",
    "locate",
    "open_session",
    "open_sessions",
    "suppress",
    "thread_budget",
]
