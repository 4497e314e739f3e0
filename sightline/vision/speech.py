"""Speech in sound, by Silero VAD (MIT): the probability of speech in each window of 32 ms. One detector per sound track.

The model takes 512 samples at 16 kHz with the 64 before them, and hands a state from window to window. About 0.1 ms per window.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.errors import AnalyzerError
from sightline.media.sound import SAMPLE_RATE_HZ, Samples
from sightline.vision.inference import open_session

SPEECH_FILE = "silero_vad.onnx"
WINDOW = 512
CONTEXT = 64
STATE_SHAPE = (2, 1, 128)
INPUTS = {"input", "state", "sr"}


class SpeechDetector:
    """Hears window after window of one sound track."""

    def __init__(self, path: Path) -> None:
        """Raises: AnalyzerError: the file is damaged or is another model."""
        self._session = open_session(path, threads=1)
        if {spec.name for spec in self._session.inputs} != INPUTS or len(self._session.outputs) != 2:
            raise AnalyzerError(f"{path.name} is no Silero VAD model of version 5. Fetch it again.", code="model_unknown_layout")
        self.forget()

    def forget(self) -> None:
        """What follows has nothing to do with what was heard before."""
        self._state = np.zeros(STATE_SHAPE, np.float32)
        self._context = np.zeros(CONTEXT, np.float32)

    def probabilities(self, windows: NDArray[np.float32]) -> list[float]:
        """As `probability`, for windows `(n, WINDOW)` that follow each other."""
        with self._session.held():
            return [self.probability(window) for window in windows]

    def probability(self, window: Samples) -> float:
        """How likely the `WINDOW` samples that follow the last ones hold speech, 0..1.

        Raises:
            AnalyzerError: the runtime failed.
        """
        feed = {
            "input": np.concatenate([self._context, window])[None], "state": self._state,
            "sr": np.array(SAMPLE_RATE_HZ, np.int64),
        }  # fmt: skip
        answer, state = self._session.run(feed)
        probability = float(answer.reshape(-1)[0])
        if not np.isfinite(probability) or state.shape != STATE_SHAPE or not np.isfinite(state).all():
            self.forget()
            return 0.0
        self._state, self._context = state, window[-CONTEXT:]
        return min(max(probability, 0.0), 1.0)


def windows_of(samples: Samples) -> NDArray[np.float32]:
    """The whole windows in `samples`, `(n, WINDOW)`; the rest at the end is left out."""
    count = len(samples) // WINDOW
    return samples[: count * WINDOW].reshape(count, WINDOW)
