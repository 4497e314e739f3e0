"""Chapters and captions of the film: one chapter per room, one caption per take. WebVTT, and FFmpeg's metadata format."""

import re

from sightline.jobs.kinds.showcase.timeline import Timeline
from sightline.jobs.kinds.showcase.titles import room_title

SPECIAL = re.compile(r"([=;#\\\n])")
"""Letters that FFmpeg's metadata format wants a backslash before."""


def chapters(timeline: Timeline) -> list[tuple[float, float, str]]:
    """(start, end, title) in seconds; takes of one room in a row are one chapter. They cover the film without gaps."""
    found: list[tuple[float, float, str]] = []
    for number, take in enumerate(timeline.takes):
        begin, end = timeline.shown(number)
        title = room_title(take.room) or "Views"
        if found and found[-1][2] == title:
            found[-1] = (found[-1][0], end, title)
        else:
            found.append((begin, end, title))
    return found


def captions(timeline: Timeline) -> list[tuple[float, float, str]]:
    """(start, end, words) in seconds; a take of an unknown room has none."""
    shown = [(*timeline.shown(number), room_title(take.room)) for number, take in enumerate(timeline.takes)]
    return [cue for cue in shown if cue[2]]


def ffmetadata(timeline: Timeline, title: str) -> str:
    """The film's title and chapters in FFmpeg's metadata format, for its muxers."""
    lines = [";FFMETADATA1"] + ([f"title={_escaped(title)}"] if title else [])
    for begin, end, name in chapters(timeline):
        span = (f"START={round(begin * 1000)}", f"END={round(end * 1000)}")
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", *span, f"title={_escaped(name)}"]
    return "\n".join(lines) + "\n"


def webvtt(cues: list[tuple[float, float, str]]) -> str:
    """Cues as a WebVTT file."""
    blocks = [f"{n}\n{_clock(begin)} --> {_clock(end)}\n{_plain(words)}\n" for n, (begin, end, words) in enumerate(cues, 1)]
    return "WEBVTT\n\n" + "\n".join(blocks)


def _clock(seconds: float) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def _plain(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escaped(words: str) -> str:
    return SPECIAL.sub(r"\\\1", words)
