"""Sound: how loud it is, and whether somebody speaks. About 2 ms per look; decoding the sound costs the source less.

It listens 0.1 s behind the picture, in windows of 32 ms, and skips none: a file always gives the same findings. Speech needs
the weight file of Silero VAD; without it, only the level is told. A source without sound is a state, not an error.
One instance per camera, called by one thread.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sightline.media.findings import Findings, Happening
from sightline.media.frame import Frame
from sightline.media.sound import SAMPLE_NS, SAMPLE_RATE_HZ, Samples
from sightline.media.stage import Resources, param, register
from sightline.vision.speech import SPEECH_FILE, WINDOW, SpeechDetector, windows_of
from sightline.vision.weights import missing_weights

BEHIND_NS = 100_000_000
"""Decoders hand sound out a little later than pictures."""
WINDOW_S = WINDOW / SAMPLE_RATE_HZ
FLOOR_DB = -96.0
"""What 16 bits can tell from silence."""
SPEECH_BEGINS, SPEECH_GOES_ON = 0.5, 0.35
"""Probability from which a window begins speech, and down to which it keeps it up."""
BEGIN_S, PAUSE_S = 0.2, 0.8
"""Speech counts when it has lasted; a pause for breath does not end it."""
SHARE_S = 60.0
LOUD_S, LOUD_OVER_S, LOUD_DROP_DB = 0.1, 2.0, 6.0
"""A loud sound lasts at least the first, is over after the second, and until then by so much below the limit."""
SILENT_DB = -60.0


@dataclass(frozen=True)
class SoundParams:
    speech: bool = param(True, "Speech", help="Tell when somebody begins and ends to speak; what is said is not understood.")
    loud_db: float = param(
        -12.0,
        "Loud from",
        minimum=-60.0,
        maximum=0.0,
        step=1.0,
        unit="dBFS",
        help="Tell of louder sounds; 0 is the loudest there is.",
    )
    silence_s: float = param(
        30.0, "Silence after", minimum=5.0, maximum=3600.0, step=5.0, unit="s", help="Tell of a silence so long."
    )


class Episode:
    """Something that begins when it has lasted and ends when it has been away. In windows, so on the clock of the sound."""

    def __init__(self, begin_s: float, end_s: float) -> None:
        self._begin, self._end = max(1, round(begin_s / WINDOW_S)), max(1, round(end_s / WINDOW_S))
        self._run = 0
        self._away = 0
        self.is_on = False
        self.windows = 0
        """Length of the present episode, or of the last one."""

    def hear(self, is_there: bool) -> str:
        """Take one window; `began`, `ended` or nothing."""
        self._run = self._run + 1 if is_there else 0
        self._away = 0 if is_there else self._away + 1
        if self.is_on:
            self.windows += 1
            if self._away < self._end:
                return ""
            self.is_on = False
            self.windows -= self._away
            return "ended"
        if self._run < self._begin:
            return ""
        self.is_on, self.windows = True, self._run
        return "began"

    @property
    def seconds(self) -> float:
        return self.windows * WINDOW_S


class Listener:
    """Hears the sound of one camera, window after window."""

    def __init__(self, params: SoundParams, detector: SpeechDetector | None) -> None:
        self._params = params
        self._detector = detector
        self._speech = Episode(BEGIN_S, PAUSE_S)
        self._loud = Episode(LOUD_S, LOUD_OVER_S)
        self._silence = Episode(params.silence_s, 0.25)
        self._spoken: deque[bool] = deque(maxlen=round(SHARE_S / WINDOW_S))
        self._probability = 0.0
        self._told: list[Happening] = []

    def hear(self, samples: Samples) -> tuple[Happening, ...]:
        """Take whole windows; what happened in them."""
        windows = windows_of(samples)
        levels = np.sqrt(np.mean(np.square(windows, dtype=np.float64), axis=1))
        for level in levels.tolist():
            self._hear_level(decibels(level))
        for probability in self._detector.probabilities(windows) if self._detector is not None else ():
            self._hear_speech(probability)
        told, self._told = tuple(self._told), []
        return told

    def forget(self) -> None:
        """Some sound is missing: what follows has nothing to do with what came before."""
        if self._detector is not None:
            self._detector.forget()

    @property
    def measures(self) -> dict[str, object]:
        measures: dict[str, object] = {"loud": self._loud.is_on, "silence": self._silence.is_on}
        if self._detector is not None:
            share = sum(self._spoken) / len(self._spoken) if self._spoken else 0.0
            measures |= {
                "speech": self._speech.is_on,
                "speech_likely_share": round(self._probability, 3),
                "speech_share": round(share, 3),
            }
        return measures

    def _hear_level(self, level_db: float) -> None:
        limit_db = self._params.loud_db - (LOUD_DROP_DB if self._loud.is_on else 0.0)
        if self._loud.hear(level_db >= limit_db) == "began":
            self._told.append(Happening("sound.loud", f"A loud sound ({level_db:.0f} dBFS)", {"level_db": round(level_db, 1)}))
        change = self._silence.hear(level_db < SILENT_DB)
        if change == "began":
            self._told.append(Happening("sound.silent", f"Nothing has been heard for {self._params.silence_s:.0f} s"))
        elif change == "ended":
            self._told.append(Happening("sound.back", "There is sound again", {"silent_s": round(self._silence.seconds, 1)}))

    def _hear_speech(self, probability: float) -> None:
        self._probability = probability
        self._spoken.append(probability >= SPEECH_BEGINS)
        change = self._speech.hear(probability >= (SPEECH_GOES_ON if self._speech.is_on else SPEECH_BEGINS))
        if change == "began":
            self._told.append(Happening("speech.started", "Somebody speaks"))
        elif change == "ended":
            seconds = round(self._speech.seconds, 1)
            self._told.append(Happening("speech.ended", f"Nobody speaks any more, after {seconds:g} s", {"seconds": seconds}))


class Sound:
    """Listens to one camera."""

    def __init__(self, params: SoundParams, detector: SpeechDetector | None, note: str = "") -> None:
        self._listener = Listener(params, detector)
        self._note = note
        self._next: int | None = None
        """Number of the first sample that has not been heard yet."""
        self._pts_ns = 0
        self._level: dict[str, object] = {}

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        if frame.sound is None:
            return Findings.of("sound", frame, measures={"state": "no sound in this source"})
        frame.sound.want()
        if frame.pts_ns < self._pts_ns:
            self._next = None
        self._pts_ns = frame.pts_ns
        heard = frame.sound.read(self._next, frame.pts_ns - BEHIND_NS)
        happenings: tuple[Happening, ...] = ()
        if heard is not None:
            if self._next is not None and heard.start != self._next:
                self._listener.forget()
            samples = heard.samples[: len(heard.samples) // WINDOW * WINDOW]
            # What is left of a window waits for the next look.
            self._next = heard.start + len(samples)
            if len(samples):
                self._level = level_of(samples)
                happenings = self._listener.hear(samples)
        return Findings.of("sound", frame, measures=self._measures(frame.pts_ns), happenings=happenings)

    def _measures(self, pts_ns: int) -> dict[str, object]:
        if not self._level:
            return {"state": "waiting for sound"}
        behind_s = (pts_ns - (self._next or 0) * SAMPLE_NS) / 1e9
        state = "listening" if behind_s < 2.0 else "the sound has stopped"
        measures = {"state": state, **self._level, **self._listener.measures}
        return measures | {"note": self._note} if self._note else measures


def level_of(samples: Samples) -> dict[str, object]:
    """Mean and peak level in dBFS."""
    mean = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return {"level_db": round(decibels(mean), 1), "peak_db": round(decibels(float(np.abs(samples).max())), 1)}


def decibels(amplitude: float) -> float:
    """Of full scale; never below `FLOOR_DB`."""
    return max(FLOOR_DB, 20 * math.log10(amplitude)) if amplitude > 0 else FLOOR_DB


def _make(params: SoundParams, resources: Resources) -> Sound:
    if not params.speech:
        return Sound(params, None)
    path = resources.models.find(SPEECH_FILE)
    if path is None:
        return Sound(params, None, f"Only the level: speech is not looked for. {missing_weights(resources.models, [SPEECH_FILE])}")
    return Sound(params, SpeechDetector(path))


register(
    "sound",
    _make,
    kind="analyzer",
    label="Sound",
    description="Tells how loud it is, whether somebody speaks, and of loud sounds and silence, where the source has sound.",
    params=SoundParams,
    group="Sound",
    rate_hz=5.0,
    backend="Silero VAD through onnxruntime",
)
