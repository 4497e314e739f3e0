"""The film of a selection: all shapes, poster, chapters, captions and cut lists, from one run of ffmpeg."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sightline.errors import Invalid, JobError
from sightline.jobs.contract import Work
from sightline.jobs.kinds.showcase.chapters import captions, chapters, ffmetadata, webvtt
from sightline.jobs.kinds.showcase.edl import cmx3600, otio
from sightline.jobs.kinds.showcase.film_params import SHAPES, TRANSITIONS
from sightline.jobs.kinds.showcase.graph import Film, Shape, film_command
from sightline.jobs.kinds.showcase.light import gammas
from sightline.jobs.kinds.showcase.timeline import FPS, Timeline, plan
from sightline.jobs.kinds.showcase.titles import draw_card, draw_logo, film_title, property_lines, room_title
from sightline.media.extra_files import extra_of
from sightline.media.extras import Extra
from sightline.media.footage import Footage, footage_of
from sightline.media.tone_map import tone_map_filter

CARD_WIDTH = 0.9
"""Of the shorter side, so that a title fits every shape."""
TEXT_HEIGHT = 0.05
WIDEST_LOGO = 3.0
"""How many times as wide as high a logo may be; a wider one is made lower."""


def render(work: Work) -> None:
    """Make the film that `selection.json` of the stage `select` describes."""
    selection = json.loads((work.folder_of("select") / "selection.json").read_text(encoding="utf-8"))
    shots = selection["shots"]
    if not any(shot["is_chosen"] for shot in shots):
        raise JobError("No part of the footage was chosen. Lower the least score, or pin shots.", code="nothing_chosen")
    footages = _footages(work, shots)
    transition_s = work.params.transition_s if TRANSITIONS[work.params.transition] else 0.0
    timeline = plan(shots, footages, transition_s, work.params.shot_s)
    film = _film(work, timeline, footages)
    message = f"{len(timeline.takes)} shots, {timeline.length_s:.0f} s"
    work.command(film_command(film), duration_s=timeline.length_s, message=message)
    _write_texts(work, timeline, selection)


def _footages(work: Work, shots: list[Mapping[str, Any]]) -> dict[int, Footage]:
    files = sorted({int(shot["input"]) for shot in shots if shot["is_chosen"]})
    return {number: footage_of(work.inputs[number].path) for number in files}


def _film(work: Work, timeline: Timeline, footages: Mapping[int, Footage]) -> Film:
    params = work.params
    extras = _extras(work)
    shapes = _shapes(work)
    metadata = work.folder / "metadata.txt"
    metadata.write_text(ffmetadata(timeline, film_title(params.property_data)), encoding="utf-8")
    best = max(range(len(timeline.takes)), key=lambda n: timeline.takes[n].score)
    return Film(
        timeline,
        [item.path for item in work.inputs],
        footages,
        {number: tone_map_filter(footage.light, work.folder) for number, footage in footages.items()},
        shapes,
        _cards(work, timeline),
        gammas([take.brightness for take in timeline.takes]) if params.even_light else [1.0] * len(timeline.takes),
        TRANSITIONS[params.transition],
        params.sound == "low" and any(footage.has_sound for footage in footages.values()),
        extras.get(Extra.MUSIC),
        params.music_volume,
        _logos(work, extras.get(Extra.LOGO), shapes),
        params.logo_corner,
        metadata,
        work.result("poster.jpg", "image/jpeg"),
        best,
        work.preview,
    )


def _extras(work: Work) -> dict[Extra, Path]:
    """Music and logo among the inputs, which the user hears of. What is damaged was told of when the footage was looked at."""
    found: dict[Extra, Path] = {}
    for item in work.inputs:
        with suppress(Invalid):
            extra = extra_of(item.path)
            if extra is not None:
                found[extra] = item.path
                work.notice(f"{item.name} is the film's {extra}.")
    return found


def _logos(work: Work, logo: Path | None, shapes: Sequence[Shape]) -> list[Path]:
    """The logo as each shape shows it."""
    if logo is None:
        return []
    paths = []
    for n, shape in enumerate(shapes):
        height = max(2, round(min(shape.width_px, shape.height_px) * work.params.logo_size))
        paths.append(work.folder / f"logo_{n}.png")
        draw_logo(logo, (round(height * WIDEST_LOGO), height), work.params.logo_opacity, paths[-1])
    return paths


def _shapes(work: Work) -> list[Shape]:
    """The films to make; all sides are even, as the codec wants them."""
    short = work.params.short_side_px // 2 * 2
    shapes = []
    for name in work.params.shapes or ("16:9",):
        across, down = SHAPES[name]
        long = round(short * max(across, down) / min(across, down) / 2) * 2
        width, height = (long, short) if across > down else (short, long)
        shapes.append(Shape(name, width, height, work.result(f"film_{name.replace(':', 'x')}.mp4", "video/mp4")))
    return shapes


def _cards(work: Work, timeline: Timeline) -> list[Path | None]:
    """A title for each take: the property's for the first, the room's for the others; takes of one room share one."""
    if not work.params.titles:
        return [None] * len(timeline.takes)
    short = work.params.short_side_px
    drawn: dict[tuple[str, ...], Path] = {}
    cards: list[Path | None] = []
    for number, take in enumerate(timeline.takes):
        about = property_lines(work.params.property_data) if number == 0 else []
        lines = tuple(about or [room_title(take.room)])
        if lines == ("",):
            cards.append(None)
            continue
        if lines not in drawn:
            drawn[lines] = work.folder / f"card_{len(drawn)}.png"
            draw_card(lines, round(short * CARD_WIDTH), max(8, round(short * TEXT_HEIGHT)), drawn[lines])
        cards.append(drawn[lines])
    return cards


def _write_texts(work: Work, timeline: Timeline, selection: dict[str, Any]) -> None:
    names = [item.name for item in work.inputs]
    title = film_title(work.params.property_data) or "Property showcase"
    told = {
        "length_s": timeline.length_s, "transition_s": timeline.transition_frames / FPS,
        "takes": [{**asdict(take), "at_s": take.at_s, "length_s": take.length_s} for take in timeline.takes],
    }  # fmt: skip
    texts = {
        "chapters.vtt": ("text/vtt", webvtt(chapters(timeline))),
        "captions.vtt": ("text/vtt", webvtt(captions(timeline))),
        "film.edl": ("text/plain", cmx3600(timeline, names, title)),
        "film.otio": ("application/json", otio(timeline, names, title)),
        "selection.json": ("application/json", json.dumps({**selection, "film": told}, indent=1)),
    }
    for name, (content_type, text) in texts.items():
        work.result(name, content_type).write_text(text, encoding="utf-8")
