"""Listening to real files, to sounds made by the test, and to nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analyzers
from analyzers.sound import Episode, decibels
from sightline.media.findings import Findings
from sightline.media.footage import frames_of
from sightline.media.frame import Image
from sightline.media.models import ModelStore
from sightline.media.sound import SAMPLE_NS, SAMPLE_RATE_HZ, SoundRing
from sightline.media.stage import Resources, make_params, stage
from tests.analyzers.conftest import as_frame

analyzers.load(entry_points=False)


def made(weights: Path = Path("none"), **params: Any) -> Any:
    info = stage("sound")
    return info.factory(make_params(info, params), Resources(ModelStore(weights)))


@pytest.fixture
def weights(asset: Callable[[str], Path]) -> Path:
    return asset("weights/silero_vad.onnx").parent


def listened(sound: Any, path: Path, every: int) -> list[Findings]:
    """What is said about every so many pictures of a file."""
    return [sound.analyze([frame])[0] for frame in frames_of(path) if frame.seq % every == 0]


def told(found: list[Findings]) -> list[tuple[str, float]]:
    return [(happening.kind, round(f.pts_ns / 1e9, 1)) for f in found for happening in f.happenings]


def test_speech_with_long_silences(asset: Callable[[str], Path], weights: Path) -> None:
    found = listened(made(weights, silence_s=10), asset("video/speech_with_silences.mp4"), every=6)
    assert found[-1].measures["speech_share"] == pytest.approx(0.37, abs=0.03)
    assert found[-1].measures["state"] == "listening"
    kinds = [kind for kind, _ in told(found)]
    assert kinds.count("speech.started") == kinds.count("speech.ended") >= 2
    assert kinds.count("sound.silent") == kinds.count("sound.back") == 1
    (speech_s,) = [f.happenings[0].facts["seconds"] for f in found if f.happenings and f.happenings[0].kind == "speech.ended"][:1]
    assert 14 < float(speech_s) < 20


def test_a_talking_head(asset: Callable[[str], Path], weights: Path) -> None:
    found = listened(made(weights), asset("video/talking_head_speech.mp4"), every=5)
    assert found[-1].measures["speech_share"] == pytest.approx(0.9, abs=0.05)
    assert [kind for kind, _ in told(found)].count("speech.started") == 1
    assert all(-60 < f.measures["level_db"] <= f.measures["peak_db"] <= 0 for f in found[2:])


def test_the_same_file_gives_the_same_findings(asset: Callable[[str], Path], weights: Path) -> None:
    path = asset("video/talking_head_speech.mp4")
    first, second = (listened(made(weights), path, every=5) for _ in range(2))
    assert [(f.measures, f.happenings) for f in first] == [(f.measures, f.happenings) for f in second]


def test_a_file_without_sound_is_a_state(asset: Callable[[str], Path], weights: Path) -> None:
    found = listened(made(weights), asset("video/bikes_6_shots.mp4"), every=50)
    assert {str(f.measures) for f in found} == {"{'state': 'no sound in this source'}"}


def test_without_weights_only_the_level_is_told(asset: Callable[[str], Path]) -> None:
    found = listened(made(), asset("video/talking_head_speech.mp4"), every=20)
    assert "speech" not in found[-1].measures
    assert found[-1].measures["level_db"] > -60
    assert "fetch silero_vad.onnx" in str(found[-1].measures["note"])
    assert "note" not in made(speech=False).analyze([as_frame(np.zeros((4, 4, 3), np.uint8), 1)])[0].measures


class Recorder:
    """A camera whose sound the test makes: five looks a second at a silent picture."""

    def __init__(self, scene: Image, **params: Any) -> None:
        self._scene = scene
        self._ring = SoundRing()
        self._sound = made(speech=False, **params)
        self._seq = 0
        self._sample = 0

    def play(self, *parts: tuple[float, float]) -> Iterator[Findings]:
        """`(seconds, amplitude)` of a square wave each."""
        for seconds, amplitude in parts:
            for _ in range(round(seconds * 5)):
                samples = np.tile(np.float32([amplitude, -amplitude]), SAMPLE_RATE_HZ // 10)
                self._ring.write(self._sample * SAMPLE_NS, samples)
                self._sample += len(samples)
                self._seq += 1
                frame = replace(as_frame(self._scene, self._seq, fps=5.0), sound=self._ring)
                yield self._sound.analyze([frame])[0]


def test_the_level_is_that_of_the_sound(scene: Image) -> None:
    found = list(Recorder(scene).play((2.0, 0.1)))
    assert found[-1].measures["level_db"] == found[-1].measures["peak_db"] == -20.0


def test_a_loud_sound_is_told_once(scene: Image) -> None:
    found = list(Recorder(scene, loud_db=-12).play((2, 0.05), (1, 0.5), (1, 0.05), (1, 0.5), (4, 0.05), (0.6, 0.5)))
    assert [kind for kind, _ in told(found)] == ["sound.loud", "sound.loud"]
    assert found[-1].happenings == () or found[-1].happenings[0].facts["level_db"] == -6.0


def test_silence_is_told_when_it_lasts_and_when_it_ends(scene: Image) -> None:
    found = list(Recorder(scene, silence_s=5).play((2, 0.1), (4, 0), (1, 0.1), (8, 0), (2, 0.1)))
    assert told(found) == [("sound.silent", pytest.approx(12.2, abs=0.3)), ("sound.back", pytest.approx(15.4, abs=0.4))]


def test_sound_that_stops_coming_is_a_state(scene: Image) -> None:
    recorder = Recorder(scene)
    (*_, last) = recorder.play((1, 0.1))
    assert last.measures["state"] == "listening"
    late = replace(as_frame(scene, 50, fps=5.0), sound=recorder._ring)
    assert recorder._sound.analyze([late])[0].measures["state"] == "the sound has stopped"


def test_sound_that_has_not_come_yet_is_waited_for(scene: Image) -> None:
    frame = replace(as_frame(scene, 1), sound=SoundRing())
    assert made().analyze([frame])[0].measures == {"state": "waiting for sound"}


def test_every_look_says_that_somebody_listens(scene: Image) -> None:
    now_s = [0.0]
    ring = SoundRing(clock=lambda: now_s[0])
    now_s[0] = 100.0
    made().analyze([replace(as_frame(scene, 1), sound=ring)])
    assert ring.is_wanted


def test_an_episode_begins_when_it_lasts_and_survives_a_pause() -> None:
    episode = Episode(begin_s=0.096, end_s=0.096)
    heard = [episode.hear(is_there) for is_there in map(bool, [1, 1, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0])]
    assert heard == ["", "", "", "", "", "began", "", "", "", "", "", "ended", ""]
    assert episode.seconds == pytest.approx(6 * 0.032)


def test_decibels_have_a_floor() -> None:
    assert decibels(0.0) == decibels(1e-9) == -96.0
    assert decibels(1.0) == 0.0
