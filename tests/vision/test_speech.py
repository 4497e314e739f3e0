"""Speech in real recordings, and none in what is not speech."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from sightline.errors import AnalyzerError
from sightline.media.sound import SAMPLE_RATE_HZ
from sightline.vision.speech import WINDOW, SpeechDetector, windows_of


@pytest.fixture(scope="module")
def detector(asset: Callable[[str], Path]) -> SpeechDetector:
    return SpeechDetector(asset("weights/silero_vad.onnx"))


@pytest.fixture(autouse=True)
def rested(detector: SpeechDetector) -> None:
    detector.forget()


def samples_of(path: Path) -> np.ndarray:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE_HZ)
    with av.open(str(path)) as container:
        parts = [part.to_ndarray().reshape(-1) for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate(parts).astype(np.float32) / 32_768


def share(detector: SpeechDetector, samples: np.ndarray) -> float:
    return float(np.mean([detector.probability(window) >= 0.5 for window in windows_of(samples)]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("audio/jfk.flac", 0.68), ("video/talking_head_speech.mp4", 0.9), ("video/speech_with_silences.mp4", 0.37)],
)
def test_speech_is_found_where_it_is(detector: SpeechDetector, asset: Callable[[str], Path], name: str, expected: float) -> None:
    assert share(detector, samples_of(asset(name))) == pytest.approx(expected, abs=0.1)


def test_music_cars_noise_and_tones_are_no_speech(detector: SpeechDetector, asset: Callable[[str], Path]) -> None:
    for name in ("video/chaplin_bw_audio.mp4", "video/motorway_cars_720p.mp4"):
        assert share(detector, samples_of(asset(name))) < 0.02
        detector.forget()
    t = np.arange(5 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    assert share(detector, np.sin(2 * np.pi * 440 * t).astype(np.float32)) < 0.05
    detector.forget()
    assert share(detector, np.random.default_rng(2).normal(0, 0.1, 5 * SAMPLE_RATE_HZ).astype(np.float32)) < 0.05


def test_forgetting_makes_the_same_sound_give_the_same_answer(detector: SpeechDetector, asset: Callable[[str], Path]) -> None:
    windows = windows_of(samples_of(asset("audio/jfk.flac")))[20:60]
    first = [detector.probability(window) for window in windows]
    detector.forget()
    assert [detector.probability(window) for window in windows] == first


def test_a_row_of_windows_waits_for_its_turn_once(
    detector: SpeechDetector, asset: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a detector that keeps the cores busy, each turn would take longer than the window lasts."""
    windows = windows_of(samples_of(asset("audio/jfk.flac")))[20:60]
    one_by_one = [detector.probability(window) for window in windows]
    detector.forget()
    budget, turns = detector._session._budget, []
    wait_for = budget._changed.wait_for
    monkeypatch.setattr(budget._changed, "wait_for", lambda ready: turns.append(1) or wait_for(ready))
    assert detector.probabilities(windows) == one_by_one
    assert len(turns) == 1


def test_what_is_no_number_is_no_speech_and_does_no_lasting_harm(detector: SpeechDetector, asset: Callable[[str], Path]) -> None:
    assert detector.probability(np.full(WINDOW, np.nan, np.float32)) < 0.1
    assert share(detector, samples_of(asset("video/talking_head_speech.mp4"))) > 0.8


def test_another_model_is_refused(asset: Callable[[str], Path]) -> None:
    with pytest.raises(AnalyzerError) as caught:
        SpeechDetector(asset("weights/mobilefacenet.onnx"))
    assert caught.value.code == "model_unknown_layout"


def test_windows_are_whole() -> None:
    assert windows_of(np.zeros(WINDOW * 3 + 5, np.float32)).shape == (3, WINDOW)
    assert windows_of(np.zeros(5, np.float32)).shape == (0, WINDOW)
