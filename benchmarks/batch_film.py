"""The film of a property showcase: whole jobs on real clips, their films judged by ffmpeg's own detectors, and their speed beside
a graph that was typed by hand for the same takes, titles and shapes. Part of `python -m benchmarks.batch`.
"""

import json
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

import analyzers
from benchmarks.film_in_browser import films_that_play
from benchmarks.footage import ASSETS, ffmpeg
from benchmarks.report import Figure, fail
from sightline.jobs.execute import execute
from sightline.jobs.kinds.showcase import takes as looking
from sightline.jobs.kinds.showcase.light import gammas
from sightline.media import footage
from sightline.media.frame import Frame
from sightline.records.database import Database
from sightline.records.jobs import Job, JobInput, Jobs, JobState, NewJob
from sightline.settings import Settings

CLIPS = ("houses_slideshow.mp4", "bedroom_children.mp4", "kitchen_cooking.mkv", "house_walkthrough_1fps.mp4")
SHAPES = {"16x9": (1280, 720), "9x16": (720, 1280), "1x1": (720, 720)}
ASKED = {"sound": "low", "property_data": {"address": "12 Elm Street", "city": "Springfield", "price": 450000, "rooms": 5}}
ROUNDS = 2
DRIFT_LIMIT_MS = 40.0


@dataclass(frozen=True, slots=True)
class Made:
    """One job that is done."""

    job: Job
    stages: Path
    """Folder of its stages' folders."""
    passes: Mapping[str, float]
    """How often each clip was decoded while it was looked at."""

    @property
    def render_s(self) -> float:
        (stage,) = [stage for stage in self.job.stages if stage.name == "render"]
        return (stage.ended_at or 0.0) - (stage.started_at or 0.0)

    @property
    def takes(self) -> list[dict[str, Any]]:
        takes: list[dict[str, Any]] = self.film["takes"]
        return takes

    @property
    def film(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.stages / "render" / "selection.json").read_text(encoding="utf-8"))
        return told["film"]  # type: ignore[no-any-return]


def film_figures(folder: Path) -> tuple[list[Figure], dict[str, object]]:
    """Figures and notes of the film. Makes it `ROUNDS` times, in turns with the one that was typed by hand."""
    clips = [ASSETS / "video" / name for name in CLIPS]
    if not all(clip.is_file() for clip in clips):
        fail(f"the clips {', '.join(CLIPS)} are not all in {ASSETS / 'video'}")
    analyzers.load(entry_points=False)
    ours_s, theirs_s = [], []
    for number in range(ROUNDS):
        made = showcase(folder / f"round{number}", clips)
        ours_s.append(made.render_s)
        begun_s = time.monotonic()
        subprocess.run(by_hand(made, clips, folder), check=True, stdin=subprocess.DEVNULL)
        theirs_s.append(time.monotonic() - begun_s)
    films = [made.stages / "render" / f"film_{name}.mp4" for name in SHAPES]
    faults = [fault for film in films for fault in faults_of(film)]
    faulty = {fault.split(":")[0] for fault in faults}
    most_passes = max(made.passes.values())
    length_s = float(made.film["length_s"])
    figures = [
        Figure("speed of rendering", length_s / min(ours_s), "s/s", "the graph by hand", length_s / min(theirs_s), "higher", 0.9),
        Figure("decode passes per clip while looking", most_passes, "passes", "one", 1.0, "lower", 1.0),
        Figure("films without a black or frozen picture", len(films) - len(faulty), "films", "all", len(films), "higher", 1.0),
        Figure("films that Chromium plays and winds", films_that_play(films), "films", "all", len(films), "higher", 1.0),
        Figure("difference of picture and sound", max(map(drift_ms, films)), "ms", "the limit", DRIFT_LIMIT_MS, "lower", 1.0),
    ]  # fmt: skip
    return figures, {"film": f"{length_s:.1f} s of {len(made.takes)} takes in {len(films)} shapes", "faults": faults}


def showcase(folder: Path, clips: Sequence[Path]) -> Made:
    """Run one job in this process."""
    environ = {"MODELS_MIRROR": str(ASSETS / "weights")} if (ASSETS / "weights").is_dir() else {}
    settings = Settings.from_env(environ, data_dir=str(folder))
    uploads = folder / "uploads"
    uploads.mkdir(parents=True)
    inputs = []
    for clip in clips:
        shutil.copy(clip, uploads / clip.name)
        inputs.append(JobInput(clip.name, f"uploads/{clip.name}", clip.name, clip.stat().st_size))
    database = Database(settings.database)
    try:
        database.migrate()
        jobs = Jobs(database)
        job_id = jobs.add(NewJob("showcase", inputs, ASKED, None, 3600.0))[0].id
        job = jobs.claim("benchmark", 3600.0, time.time(), job_id)
        if job is None:
            fail("the job cannot be claimed")
        with counted_frames() as counts:
            execute(job_id, job.attempt, settings, database)
        job = jobs.get(job_id)
    finally:
        database.close()
    if job.state != JobState.SUCCEEDED:
        fail(f"the job ended as {job.state}: {job.error}")
    passes = {clip.name: counts[clip.name] / frames_in(clip) for clip in clips}
    return Made(job, folder / "jobs" / job_id / "stages", passes)


@contextmanager
def counted_frames() -> Iterator[Counter[str]]:
    """Count the frames that are decoded of each file, by name."""
    counts: Counter[str] = Counter()

    def frames_of(path: Path, camera_id: str = "file") -> Iterator[Frame]:
        for frame in footage.frames_of(path, camera_id):
            counts[path.name] += 1
            yield frame

    before = looking.frames_of
    looking.frames_of = frames_of
    try:
        yield counts
    finally:
        looking.frames_of = before


def frames_in(clip: Path) -> int:
    with av.open(str(clip)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def by_hand(made: Made, clips: Sequence[Path], folder: Path) -> list[str]:
    """The same film as somebody would type it: cut, light, push-in, crop in the middle, titles, dissolves, sound, poster.

    Only what needs a program is not in it: the window that follows the subject, and the preview.
    """
    takes, fade_s = made.takes, float(made.film["transition_s"])
    cards = sorted((made.stages / "render").glob("card_*.png"))
    call = [ffmpeg(), "-v", "error", "-nostdin", "-y"]
    for take in takes:
        call += ["-ss", str(take["start_s"]), "-t", str(take["length_s"] + 0.5), "-i", str(clips[take["file"]])]
    for card in cards:
        call += ["-i", str(card)]
    graph = [_take_by_hand(n, take, gamma) for n, (take, gamma) in enumerate(zip(takes, _gammas(takes), strict=True))]
    graph += [part for n, take in enumerate(takes) for part in _shapes_by_hand(n, take, takes, len(cards))]
    for branch in "abc":
        before = f"[{branch}0t]"
        for n, take in enumerate(takes[1:], 1):
            graph.append(f"{before}[{branch}{n}t]xfade=fade:duration={fade_s}:offset={take['at_s']:.6f}[{branch}{n}x]")
            before = f"[{branch}{n}x]"
    graph += _sound_by_hand(takes, [_has_sound(clips[take["file"]]) for take in takes], fade_s)
    call += ["-filter_complex", ";".join(graph)]
    for name, branch in zip(SHAPES, "abc", strict=True):
        picture = ["-map", f"[{branch}{len(takes) - 1}x]", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-r", "30"]
        sound = ["-map", f"[s{branch}]", "-c:a", "aac", "-b:a", "128k"]
        call += [*picture, "-g", "60", *sound, "-movflags", "+faststart", str(folder / f"by_hand_{name}.mp4")]
    return [*call, "-map", "[still]", "-frames:v", "1", "-q:v", "2", "-update", "1", str(folder / "by_hand.jpg")]


def _gammas(takes: Sequence[Mapping[str, Any]]) -> list[float]:
    return gammas([take["brightness"] for take in takes])


def _take_by_hand(n: int, take: Mapping[str, Any], gamma: float) -> str:
    chain = f"[{n}:v]setpts=PTS-STARTPTS,fps=30,tpad=stop_mode=clone:stop_duration=9,trim=end_frame={take['frames']}"
    if abs(gamma - 1) > 0.02:
        chain += f",eq=gamma={gamma:.3f}"
    if take["is_still"]:
        x, y = (f"{side}*0.00042*on" for side in "WH")
        corners = f"x0='{x}':y0='{y}':x1='W-{x}':y1='{y}':x2='{x}':y2='H-{y}':x3='W-{x}':y3='H-{y}'"
        chain += f",format=yuv420p,perspective={corners}:sense=source:eval=frame"
    if n:
        return f"{chain},split=3[a{n}][b{n}][c{n}]"
    return f"{chain},split=4[a0][b0][c0][p];[p]trim=start_frame=30:end_frame=31[still]"


def _shapes_by_hand(n: int, take: Mapping[str, Any], takes: Sequence[Mapping[str, Any]], cards: int) -> list[str]:
    rooms = list(dict.fromkeys(one["room"] for one in takes))
    card = len(takes) + min(rooms.index(take["room"]), cards - 1)
    parts = []
    for name, branch in zip(SHAPES, "abc", strict=True):
        across, down = SHAPES[name]
        fill = f"scale={across}:{down}:force_original_aspect_ratio=increase,crop={across}:{down},setsar=1"
        parts.append(f"[{branch}{n}]{fill}[{branch}{n}p]")
        parts.append(f"[{branch}{n}p][{card}:v]overlay=36:H-h-36,format=yuv420p,settb=AVTB[{branch}{n}t]")
    return parts


def _sound_by_hand(takes: Sequence[Mapping[str, Any]], has_sound: Sequence[bool], fade_s: float) -> list[str]:
    form = "aformat=sample_fmts=fltp:sample_rates=48000:channel_layouts=stereo"
    parts, before = [], "[q0]"
    for n, take in enumerate(takes):
        source = f"[{n}:a]asetpts=PTS-STARTPTS,volume=0.35" if has_sound[n] else "anullsrc=r=48000:cl=stereo"
        parts.append(f"{source},{form},apad,atrim=end={take['length_s']:.6f}[q{n}]")
    for n in range(1, len(takes)):
        parts.append(f"{before}[q{n}]acrossfade=d={fade_s}[r{n}]")
        before = f"[r{n}]"
    return [*parts, f"{before}asplit=3[sa][sb][sc]"]


def _has_sound(clip: Path) -> bool:
    with av.open(str(clip)) as container:
        return bool(container.streams.audio)


def faults_of(film: Path) -> list[str]:
    """Black pictures, and pictures that stand still for half a second, as `<film>: <what>`."""
    look = ["-vf", "blackdetect=d=0.03,freezedetect=n=0.001:d=0.5", "-an", "-f", "null", "-"]
    said = subprocess.run([ffmpeg(), "-nostdin", "-i", str(film), *look], capture_output=True, text=True, check=True).stderr
    return [f"{film.name}: {what}" for what in re.findall(r"black_start\S*|freeze_start\S* \S*", said)]


def drift_ms(film: Path) -> float:
    """How much longer the picture is than the sound, or the other way round."""
    with av.open(str(film)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        lengths = [float((s.duration or 0) * (s.time_base or 0)) for s in (picture, sound)]
    return abs(lengths[0] - lengths[1]) * 1000
