"""The film as a plan: which part of which file comes when, and how one gives way to the next. All lengths are whole frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sightline.media.footage import Footage

FPS = 30
HELD_BELOW_S = 1.0
"""A shot with less is held on its last picture, which then moves like a photograph under a camera."""
INSET_S = 0.08
"""Left out at both ends of a shot: a cut may be found a frame or two beside its true place."""
STILL_BELOW_FPS = 5.0
UNKNOWN_BRIGHTNESS = 0.5
LONGEST_TRANSITION = 0.3
"""Of the shortest take."""


@dataclass(frozen=True, slots=True)
class Take:
    """One shot in the film."""

    shot: int
    """Its place in the selection."""
    file: int
    """Number of the input."""
    start_s: float
    """Within the file."""
    frames: int
    """With the transitions at both ends."""
    first_frame: int
    """On the film: where the transition to it begins."""
    room: str
    score: float
    subject: tuple[tuple[float, float, float], ...]
    """(seconds from the start of the take, x, y): where the thing to look at is, as shares of the picture."""
    brightness: float
    """Mean of its best picture, 0..1."""
    is_still: bool
    """Nothing moves in it, so that it needs a movement of its own."""

    @property
    def length_s(self) -> float:
        return self.frames / FPS

    @property
    def at_s(self) -> float:
        return self.first_frame / FPS


@dataclass(frozen=True, slots=True)
class Timeline:
    """All takes, in order."""

    takes: tuple[Take, ...]
    transition_frames: int
    """Length of every transition; 0 = hard cuts."""

    @property
    def frames(self) -> int:
        return self.takes[-1].first_frame + self.takes[-1].frames

    @property
    def length_s(self) -> float:
        return self.frames / FPS

    def shown(self, number: int) -> tuple[float, float]:
        """From when to when take `number` is what one sees, in seconds: the middles of its transitions."""
        take, half = self.takes[number], self.transition_frames / 2 / FPS
        begin = take.at_s + half if number else 0.0
        end = take.at_s + take.length_s - half if number + 1 < len(self.takes) else self.length_s
        return begin, end


def plan(shots: Sequence[Mapping[str, Any]], footages: Mapping[int, Footage], transition_s: float, shot_s: float) -> Timeline:
    """The chosen ones of `shots` in their order, evenly paced.

    Args:
        shots: rows of `selection.json`.
        footages: by number of the input.
        transition_s: 0 = hard cuts.
        shot_s: length of a take whose shot has as much; longer shots are shown around their best moment, else their middle.
    """
    chosen = sorted((n for n, shot in enumerate(shots) if shot["is_chosen"]), key=lambda n: int(shots[n]["order"]))
    parts = [_part(shots[n], footages[int(shots[n]["input"])], shot_s) for n in chosen]
    shortest = min(frames for _, frames, _ in parts)
    transition = min(round(transition_s * FPS), int(shortest * LONGEST_TRANSITION)) if len(parts) > 1 else 0
    takes, first = [], 0
    for number, (start_s, frames, is_held) in zip(chosen, parts, strict=True):
        shot = shots[number]
        footage = footages[int(shot["input"])]
        subject = tuple((t - start_s, x, y) for t, x, y in shot.get("subject") or () if 0 <= t - start_s <= frames / FPS)
        is_still = is_held or shot.get("movement") == "static" or footage.fps < STILL_BELOW_FPS
        room, score = str(shot.get("room") or "unknown"), float(shot.get("score") or 0.0)
        brightness = float(shot.get("brightness", UNKNOWN_BRIGHTNESS))
        takes.append(Take(number, int(shot["input"]), start_s, frames, first, room, score, subject, brightness, is_still))
        first += frames - transition
    return Timeline(tuple(takes), transition)


def _part(shot: Mapping[str, Any], footage: Footage, wanted_s: float) -> tuple[float, int, bool]:
    """(start in the file in seconds, frames, whether its last picture is held) of the best part of a shot."""
    begin, end = float(shot["start_s"]), float(shot["end_s"])
    if footage.duration_s > 0:
        end = min(end, footage.duration_s)
    if end - begin > 4 * INSET_S:
        begin, end = begin + INSET_S, end - INSET_S
    has_s = end - begin
    if has_s < HELD_BELOW_S:
        return max(0.0, begin), round(wanted_s * FPS), True
    length_s = min(wanted_s, has_s)
    frames = max(1, int(length_s * FPS))
    best_s = float(shot.get("best_s", (begin + end) / 2))
    return max(begin, min(best_s - frames / FPS / 2, end - frames / FPS)), frames, False
