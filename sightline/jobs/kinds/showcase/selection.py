"""Stage `select`: which shots the film shows, in which order, and why. Reads what `look` saw; pins and bans ask for no second look.

Its file: `selection.json`, `{"version": 1, "means": {…}, "shots": […]}` with all shots, chosen or not. Each has `number` (from 1,
by which pins, bans and order name it), `input`, `start_s` and `end_s` in that clip, `room`, `room_score`, `room_source`, `score`
and its `parts` (0..1), `reasons` (words) and `reason_codes` (the same for programs: they stay when the words change), `movement`,
`subject` (`[seconds in the clip, x, y]` as shares), `best_s`, `brightness` (0..1), `objects`, `picture` (a file of stage `look`),
`is_chosen`, `order` (from 0; None when left out), `left_out_because` and `left_out_code` (one of `LEFT_OUT`, or empty). Its result:
`shots.jpg`, the contact sheet.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sightline.errors import Invalid
from sightline.jobs.contract import Work
from sightline.jobs.kinds.showcase.look import STAGE as LOOK_STAGE
from sightline.jobs.kinds.showcase.params import ROOMS, UNKNOWN, ShowcaseParams, read_numbers
from sightline.jobs.kinds.showcase.rooms import ANCHORS, HINTS
from sightline.jobs.kinds.showcase.sheet import Cell, write_sheet
from sightline.jobs.kinds.showcase.shot import Shot, read_shots

STAGE, FILE, SHEET = "select", "selection.json", "shots.jpg"
WEIGHTS = {"aesthetic": 0.25, "technical": 0.3, "smooth": 0.2, "room": 0.15, "objects": 0.1}
LEAST_LENGTH_S = 0.8
"""Shorter ones are gone before anybody has seen what they show."""
VALUED = 3
"""So many different appliances and pieces of furniture are as good as more."""
SURE = 0.4
"""Confidence from which a thing is a reason."""
PEOPLE_FACTOR = 0.8
"""A film of a house shows the house: a shot with somebody in it counts less."""
PRAISE = (
    ("technical", 0.75, "faultless", "free of faults"), ("aesthetic", 0.75, "rich", "rich in contrast and colour"),
    ("smooth", 0.85, "steady", "steady"),
)  # fmt: skip
BLURRED, DARK, SHARP, BRIGHT = 0.35, 0.2, 0.65, 0.4
LEFT_OUT = ("banned", "too_short", "low_score", "unknown_room", "duplicate", "room_full", "film_full")
"""Codes of what keeps a shot out."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Something that speaks for a shot or against it."""

    code: str
    words: str


@dataclass(slots=True)
class Candidate:
    """One shot on its way into the film or out of it."""

    number: int
    shot: Shot
    parts: dict[str, float]
    score: float
    left_out: Reason | None = None
    same: list["Candidate"] = field(default_factory=list)
    """Those that it is shown instead of."""

    @property
    def room(self) -> str:
        return self.shot.guess.room

    @property
    def length_s(self) -> float:
        return self.shot.end_s - self.shot.start_s


def select(work: Work) -> None:
    """Choose, and write down why."""
    params: ShowcaseParams = work.params
    shots, means = read_shots(work.folder_of(LOOK_STAGE))
    candidates = [candidate_of(number, shot) for number, shot in enumerate(shots, 1)]
    for words in _unknown_numbers(params, len(candidates)):
        work.notice(words)
    chosen = choose(candidates, params)
    work.progress(0.9)
    if not chosen:
        counts = Counter(one.left_out.words for one in candidates if one.left_out is not None)
        why = "; ".join(f"{words}: {count}" for words, count in counts.most_common())
        raise Invalid(f"No shot is left for the film ({why}). Pin some by their numbers, or ask for less.", code="nothing_chosen")
    write_selection(work.folder, candidates, chosen, means)
    kept = {one.number for one in chosen}
    cells = [
        Cell(one.number, work.folder_of(LOOK_STAGE) / one.shot.picture, f"{one.room}  {one.score:.2f}", one.number in kept)
        for one in candidates
    ]
    write_sheet(work.result(SHEET, "image/jpeg"), cells)


def candidate_of(number: int, shot: Shot) -> Candidate:
    """A shot with its score and what it is made of."""
    valued = [label for label, score in shot.objects.items() if score >= SURE and (label in ANCHORS or label in HINTS)]
    parts = {
        "aesthetic": shot.quality.aesthetic,
        "technical": shot.quality.technical,
        "smooth": shot.movement.smoothness,
        "room": shot.guess.score,
        "objects": round(min(1.0, len(valued) / VALUED), 3),
    }
    score = sum(WEIGHTS[name] * value for name, value in parts.items())
    if shot.objects.get("person", 0.0) >= SURE:
        score *= PEOPLE_FACTOR
    return Candidate(number, shot, parts, round(score, 3))


def choose(candidates: Sequence[Candidate], params: ShowcaseParams) -> list[Candidate]:
    """The shots of the film in its order. Writes into the others why they are left out.

    Pinned ones come first, then the best of every room, then the next best, as far as rooms' quotas and the length allow.
    """
    pins, bans = set(read_numbers(params.pins)), set(read_numbers(params.bans))
    usable = []
    for one in candidates:
        one.left_out = None if one.number in pins - bans else _fault(one, params, bans)
        if one.left_out is None:
            usable.append(one)
    chosen: list[Candidate] = []
    per_room: Counter[str] = Counter()
    left_s = params.target_s
    for one in sorted(usable, key=_urgency(usable, pins)):
        is_pinned = one.number in pins
        twin = next((other for other in chosen if other.number in one.shot.same_as or one.number in other.shot.same_as), None)
        length_s = min(one.length_s, params.shot_s)
        if is_pinned:
            pass
        elif twin is not None:
            one.left_out = Reason("duplicate", f"shows nearly the same as shot {twin.number}")
            twin.same.append(one)
        elif per_room[one.room] >= params.most_per_room:
            one.left_out = Reason("room_full", f"there are {params.most_per_room} better shots of this room already")
        elif chosen and length_s > left_s:
            one.left_out = Reason("film_full", "the film is long enough with better shots")
        if one.left_out is None:
            chosen.append(one)
            per_room[one.room] += 1
            left_s -= length_s
    return in_order(chosen, read_numbers(params.order))


def in_order(chosen: Iterable[Candidate], wanted: Sequence[int]) -> list[Candidate]:
    """Those that are named first, in that order; the others by room, and as they were filmed within a room."""
    places = {number: place for place, number in enumerate(wanted)}
    rooms = {room: place for place, room in enumerate((*ROOMS, UNKNOWN))}
    return sorted(chosen, key=lambda one: (places.get(one.number, len(places)), rooms[one.room], one.number))


def reasons_of(one: Candidate) -> list[Reason]:
    """What speaks for and against a shot."""
    shot, quality = one.shot, one.shot.quality
    is_known = one.room != UNKNOWN
    said = [Reason("room", f"{one.room} ({shot.guess.source})") if is_known else Reason("unknown_room", "no room was recognised")]
    said += [Reason(word, word) for is_so, word in (
        (quality.sharpness >= SHARP, "sharp"), (quality.sharpness < BLURRED, "blurred"),
        (quality.brightness >= BRIGHT, "bright"), (quality.brightness < DARK, "dark"),
        (shot.movement.kind == "shaky", "shaky"),
    ) if is_so]  # fmt: skip
    said += [Reason(code, words) for name, least, code, words in PRAISE if one.parts[name] >= least]
    shown = sorted(label for label, score in shot.objects.items() if score >= SURE and (label in ANCHORS or label in HINTS))
    said += [Reason(f"shows:{label}", f"shows {_a(label)}") for label in shown]
    if shot.objects.get("person", 0.0) >= SURE:
        said.append(Reason("person", "somebody is in the picture"))
    return said + [Reason("best_of_alike", f"best of {len(one.same) + 1} that are alike")] * bool(one.same)


def write_selection(folder: Path, candidates: Sequence[Candidate], chosen: Sequence[Candidate], means: dict[str, str]) -> None:
    (folder / FILE).write_text(json.dumps(_told(candidates, chosen, means), indent=1), encoding="utf-8")


def selection_of(look_folder: Path, params: ShowcaseParams) -> dict[str, Any]:
    """What `selection.json` holds for the shots of stage `look`; also when none of them is left for a film."""
    shots, means = read_shots(look_folder)
    candidates = [candidate_of(number, shot) for number, shot in enumerate(shots, 1)]
    return _told(candidates, choose(candidates, params), means)


def read_selection(folder: Path) -> dict[str, Any]:
    """What stage `select` wrote."""
    told: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return told


def _told(candidates: Sequence[Candidate], chosen: Sequence[Candidate], means: dict[str, str]) -> dict[str, Any]:
    order = {one.number: place for place, one in enumerate(chosen)}
    return {"version": 1, "means": means, "shots": [_row(one, order.get(one.number)) for one in candidates]}


def _row(one: Candidate, order: int | None) -> dict[str, Any]:
    shot, reasons = one.shot, reasons_of(one)
    return {
        "number": one.number, "input": shot.input, "start_s": shot.start_s, "end_s": shot.end_s, "room": one.room,
        "room_score": shot.guess.score, "room_source": shot.guess.source, "rooms": shot.guess.rooms, "score": one.score,
        "parts": one.parts, "reasons": [reason.words for reason in reasons], "reason_codes": [reason.code for reason in reasons],
        "movement": shot.movement.kind, "subject": shot.subject,
        "best_s": shot.best_s, "brightness": shot.quality.brightness,
        "objects": shot.objects, "picture": shot.picture, "begins": shot.begins,
        "is_chosen": order is not None, "order": order, "left_out_because": one.left_out.words if one.left_out else "",
        "left_out_code": one.left_out.code if one.left_out else "",
    }  # fmt: skip


def _fault(one: Candidate, params: ShowcaseParams, bans: set[int]) -> Reason | None:
    """What keeps a shot out whatever else there is."""
    if one.number in bans:
        return Reason("banned", "never to be shown")
    if one.length_s < LEAST_LENGTH_S:
        return Reason("too_short", f"shorter than {LEAST_LENGTH_S:g} s")
    if one.score < params.least_score:
        return Reason("low_score", "its score is too low")
    if one.room == UNKNOWN and not params.keep_unknown:
        return Reason("unknown_room", "no room was recognised in it")
    return None


def _urgency(usable: Sequence[Candidate], pins: set[int]) -> Any:
    """Sort key: pinned, the best of each room, the rest; what no room was recognised in waits to the end."""
    best: dict[str, Candidate] = {}
    for one in usable:
        if one.room != UNKNOWN and (one.room not in best or one.score > best[one.room].score):
            best[one.room] = one

    def key(one: Candidate) -> tuple[bool, bool, bool, float, int]:
        is_best = best.get(one.room) is one
        return (one.number not in pins, not is_best, one.room == UNKNOWN, -one.score, one.number)

    return key


def _unknown_numbers(params: ShowcaseParams, count: int) -> list[str]:
    said = []
    for label, text in (("Always show", params.pins), ("Never show", params.bans), ("Show in this order", params.order)):
        wrong = [str(number) for number in read_numbers(text) if number > count]
        if wrong:
            said.append(f"“{label}” names {', '.join(wrong)}, but there are {count} shots.")
    return said


def _a(label: str) -> str:
    return f"{'an' if label[0] in 'aeiou' else 'a'} {label}"
