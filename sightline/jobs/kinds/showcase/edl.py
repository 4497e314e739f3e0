"""The cut list for editors: CMX 3600 (`film.edl`, read by nearly everything) and OpenTimelineIO's JSON (`film.otio`)."""

import json
from collections.abc import Sequence
from typing import Any

from sightline.jobs.kinds.showcase.timeline import FPS, Take, Timeline

HOUR_FRAMES = 3600 * FPS
"""The film begins at 01:00:00:00, as is the custom."""


def cmx3600(timeline: Timeline, names: Sequence[str], title: str) -> str:
    """The film as an edit decision list, non-drop 30 fps. `names[n]` is what input n is called."""
    lines = [f"TITLE: {_ascii(title)[:70]}", "FCM: NON-DROP FRAME", ""]
    half = timeline.transition_frames
    for number, take in enumerate(timeline.takes):
        event = number + 1
        source, record = round(take.start_s * FPS), HOUR_FRAMES + take.first_frame
        # A take ends, as far as the list goes, where the next one's dissolve begins.
        length = take.frames - (half if number + 1 < len(timeline.takes) else 0)
        times = _span(source, length) + " " + _span(record, length)
        if number and half:
            before = timeline.takes[number - 1]
            out = round(before.start_s * FPS) + before.frames - half
            lines.append(f"{event:03d}  {_reel(before)} V     C        {_span(out, 0)} {_span(record, 0)}")
            lines.append(f"{event:03d}  {_reel(take)} V     D    {half:03d} {times}")
            lines.append(f"* FROM CLIP NAME: {_ascii(names[before.file])}")
            lines.append(f"* TO CLIP NAME: {_ascii(names[take.file])}")
        else:
            lines.append(f"{event:03d}  {_reel(take)} V     C        {times}")
            lines.append(f"* FROM CLIP NAME: {_ascii(names[take.file])}")
    return "\n".join(lines) + "\n"


def otio(timeline: Timeline, names: Sequence[str], title: str) -> str:
    """The film as an OpenTimelineIO document.

    There clips lie end to end, and a transition says how far it reaches into both: each take is given up to the middle of its
    transitions.
    """
    before_cut = timeline.transition_frames // 2
    after_cut = timeline.transition_frames - before_cut
    children: list[dict[str, Any]] = []
    for number, take in enumerate(timeline.takes):
        head = before_cut if number else 0
        tail = after_cut if number + 1 < len(timeline.takes) else 0
        if number and timeline.transition_frames:
            children.append(_transition(before_cut, after_cut))
        children.append(_clip(take, names[take.file], head, tail))
    track = {"OTIO_SCHEMA": "Track.1", "name": "Film", "kind": "Video", "children": children, **_item()}
    stack = {"OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": [track], **_item()}
    whole = {"OTIO_SCHEMA": "Timeline.1", "name": title, "metadata": {}, "global_start_time": None, "tracks": stack}
    return json.dumps(whole, indent=1)


def _clip(take: Take, name: str, head: int, tail: int) -> dict[str, Any]:
    media: dict[str, Any] = {
        "OTIO_SCHEMA": "ExternalReference.1", "name": name, "target_url": name, "available_range": None, "metadata": {},
    }  # fmt: skip
    told = {"room": take.room, "score": take.score, "shot": take.shot}
    span = _range(round(take.start_s * FPS) + head, take.frames - head - tail)
    item = {**_item(), "source_range": span, "metadata": {"showcase": told}}
    return {"OTIO_SCHEMA": "Clip.1", "name": take.room, "media_reference": media, **item}


def _transition(before_cut: int, after_cut: int) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "Transition.1", "name": "", "metadata": {}, "transition_type": "SMPTE_Dissolve",
        "in_offset": _time(before_cut), "out_offset": _time(after_cut),
    }  # fmt: skip


def _item() -> dict[str, Any]:
    return {"source_range": None, "effects": [], "markers": [], "metadata": {}}


def _time(frames: int) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(FPS), "value": float(frames)}


def _range(start: int, frames: int) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": _time(start), "duration": _time(frames)}


def _span(start: int, length: int) -> str:
    return f"{_timecode(start)} {_timecode(start + length)}"


def _timecode(frames: int) -> str:
    seconds, rest = divmod(frames, FPS)
    return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:02d}"


def _reel(take: Take) -> str:
    return f"CLIP{take.file + 1:04d}"


def _ascii(words: str) -> str:
    """The format knows one line of ASCII."""
    return "".join(letter if 32 <= ord(letter) < 127 else "_" for letter in words)
