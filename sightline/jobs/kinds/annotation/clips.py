"""Films to letterboxed clips of an even rate and to the frames of the package: one decode of each film feeds both.

The files of stage `cut`: `clips.json` (a `Cut`), `clips/<clip>.mp4`, `frames/<clip>/<frame>`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error

from sightline.errors import Invalid, JobError
from sightline.jobs.commands import run_command
from sightline.jobs.contract import Work, WorkInput
from sightline.jobs.kinds.annotation.params import AnnotationParams
from sightline.media.demux import CONTAINERS
from sightline.media.ffmpeg import quiet, reading
from sightline.media.footage import Footage, footage_of
from sightline.media.tone_map import tone_map_filter

STAGE = "cut"
COMMON_RATES = (
    Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(50), Fraction(60000, 1001),
    Fraction(60),
)  # fmt: skip
SAME_RATE = 4e-4
"""Containers round: a rate as close to a common one is that one. 23.976 and 24 are 0.001 apart."""
LEAST_FPS, MOST_FPS = Fraction(1, 60), Fraction(120)
ENCODER_THREADS = 4
"""Fixed: the encoder's output depends on their number, and the same film shall give the same package on any machine."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of a film, at an even rate."""

    name: str
    video: int
    rate: Fraction
    frame_count: int
    places: tuple[int, ...]
    """Which of its frames are in the package, rising; counted from 0."""

    @property
    def frame_names(self) -> tuple[str, ...]:
        """Names of the frames in the package, in order of `places`."""
        return tuple(f"{self.name}_frame_{k:04d}.jpg" for k in range(len(self.places)))


@dataclass(frozen=True, slots=True)
class Video:
    """One film of the package."""

    number: int
    source: str
    """As the user called it."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Cut:
    """All clips of a job."""

    size_px: tuple[int, int]
    fps: Fraction
    """Frames per second in the package, as asked for; a film of fewer gives what it has."""
    videos: tuple[Video, ...]
    clips: tuple[Clip, ...]

    def write(self, folder: Path) -> None:
        told = {
            "size_px": self.size_px, "fps": str(self.fps), "videos": [[v.number, v.source, v.sha256] for v in self.videos],
            "clips": [[c.name, c.video, str(c.rate), c.frame_count, c.places] for c in self.clips],
        }  # fmt: skip
        (folder / "clips.json").write_text(json.dumps(told), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Cut":
        told = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
        clips = tuple(Clip(name, video, Fraction(rate), count, tuple(places)) for name, video, rate, count, places in told["clips"])
        width, height = told["size_px"]
        return cls((width, height), Fraction(told["fps"]), tuple(Video(*video) for video in told["videos"]), clips)


def cut(work: Work) -> None:
    """Decode every film once. A film that cannot be read is left out with a notice while others remain."""
    params: AnnotationParams = work.params
    size_px = _size(work)
    fps = Fraction(str(params.fps))
    films = _films(work)
    videos, clips = [], []
    for number, (item, footage) in enumerate(films, 1):
        rate = even_rate(footage.fps)
        length = max(1, round(Fraction(str(params.clip_s)) * rate))
        made = _cut_film(work, item, footage, _Plan(number, len(films), size_px, rate, length, fps))
        if not params.keep_tail and made[-1].frame_count < length:
            _remove(work.folder, made.pop())
        if not made:
            work.notice(f"{item.name} was left out: it is shorter than one clip, and shorter ends are dropped.")
        videos.append(Video(number, item.name, item.sha256))
        clips += made
    if not clips:
        raise Invalid(
            "All films are shorter than one clip, and shorter ends are dropped. Keep them, or choose shorter clips.",
            code="no_clips",
        )
    Cut(size_px, fps, tuple(videos), tuple(clips)).write(work.folder)


def even_rate(fps: float) -> Fraction:
    """The even rate of clips of a film that has `fps` pictures per second on average."""
    near = min(COMMON_RATES, key=lambda rate: abs(float(rate) - fps))
    if abs(float(near) - fps) <= SAME_RATE * fps:
        return near
    return min(MOST_FPS, max(LEAST_FPS, Fraction(fps).limit_denominator(1001)))


def places_of(frame_count: int, rate: Fraction, fps: Fraction) -> tuple[int, ...]:
    """Which of so many frames at `rate` are taken for `fps` per second: the first at or after each tick, each once."""
    step = min(fps, rate) / rate
    ticks = [m * step.numerator // step.denominator for m in range(frame_count)]
    return tuple(m for m, tick in enumerate(ticks) if m == 0 or tick > ticks[m - 1])


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one film is cut."""

    number: int
    of: int
    size_px: tuple[int, int]
    rate: Fraction
    length: int
    """Frames of a clip."""
    fps: Fraction


def _size(work: Work) -> tuple[int, int]:
    asked = (work.params.width_px, work.params.height_px)
    width, height = (side - side % 2 for side in asked)
    if (width, height) != asked:
        work.notice(f"Frames are {width}×{height}: the encoder of clips wants even sides.")
    return width, height


def _films(work: Work) -> list[tuple[WorkInput, Footage]]:
    """Films that can be read, by name: their place is their number in the package."""
    films: list[tuple[WorkInput, Footage]] = []
    refused: list[tuple[str, Invalid]] = []
    for item in sorted(work.inputs, key=lambda item: item.name):
        work.progress(0.0, item.name)
        try:
            films.append((item, footage_of(item.path)))
        except Invalid as err:
            refused.append((item.name, err))
    if refused and not films:
        raise refused[0][1]
    for name, why in refused:
        work.notice(f"{name} was left out: {why.message}")
    return films


def _cut_film(work: Work, item: WorkInput, footage: Footage, plan: _Plan) -> list[Clip]:
    clips_folder, loose = work.folder / "clips", work.folder / "loose"
    clips_folder.mkdir(exist_ok=True)
    loose.mkdir()
    # A film whose pictures change their size goes on in the same graph: a new one would begin to count again.
    command = quiet(
        "-reinit_filter", "0", *reading(item.path, CONTAINERS),
        "-filter_complex", _graph(plan, tone_map_filter(footage.light, work.folder)),
        *_clip_output(plan, clips_folder), *_frame_output(loose),
    )  # fmt: skip
    run_command(
        command, lambda share: work.progress((plan.number - 1 + share) / plan.of, item.name), duration_s=footage.duration_s or None
    )  # fmt: skip
    clips = _clips(clips_folder, plan)
    taken = sorted(loose.iterdir())
    if not clips or len(taken) != sum(len(clip.places) for clip in clips):
        raise JobError(
            f"{item.name} could not be cut evenly: its pictures change in between, or it is damaged. Convert it, then try again.",
            code="uneven_film",
        )  # fmt: skip
    for clip in clips:
        target = work.folder / "frames" / clip.name
        target.mkdir(parents=True)
        for path, name in zip(taken, clip.frame_names, strict=False):
            path.rename(target / name)
        del taken[: len(clip.places)]
    loose.rmdir()
    return clips


def _graph(plan: _Plan, tone_map: str) -> str:
    """Upright pictures at an even rate, letterboxed by their display aspect; split into the clips and the frames."""
    width, height = plan.size_px
    step = min(plan.fps, plan.rate) / plan.rate
    place, n, d = f"mod(n,{plan.length})", step.numerator, step.denominator
    # The same whole-number arithmetic as in places_of.
    taken = f"eq({place},0)+gt(floor({place}*{n}/{d}),floor(({place}-1)*{n}/{d}))"
    return (
        f"[0:v:0]setpts=PTS-STARTPTS,fps={plan.rate},{tone_map}"
        f"scale=w='max(2,2*trunc(min({width},{height}*dar)/2))':h='max(2,2*trunc(min({height},{width}/dar)/2))'"
        f":flags=bicubic+accurate_rnd+bitexact:eval=frame,"
        f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:black:eval=frame,setsar=1,format=yuv420p,split[film][all];"
        f"[all]select='{taken}',format=yuvj420p[frames]"
    )


def _clip_output(plan: _Plan, folder: Path) -> Sequence[str]:
    """Every clip begins with a keyframe of its own, and no picture refers to a later one: clips have exactly `length` frames."""
    return (
        "-map", "[film]", "-fps_mode:v", "passthrough", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-bf", "0",
        "-threads:v", str(ENCODER_THREADS), "-sc_threshold", "0", "-force_key_frames", f"expr:eq(mod(n,{plan.length}),0)",
        "-f", "segment", "-segment_format", "mp4", "-reset_timestamps", "1",
        "-segment_time", f"{float(plan.length / plan.rate):.6f}", "-segment_time_delta", f"{float(1 / plan.rate / 2):.6f}",
        f"{_escaped(folder)}/{plan.number}_clip_%03d.mp4",
    )  # fmt: skip


def _frame_output(folder: Path) -> Sequence[str]:
    return (
        "-map", "[frames]", "-fps_mode:v", "passthrough", "-c:v", "mjpeg", "-q:v", "2", "-flags:v", "+bitexact", "-threads:v", "1",
        "-f", "image2", f"{_escaped(folder)}/%09d.jpg",
    )  # fmt: skip


def _escaped(folder: Path) -> str:
    return str(folder).replace("%", "%%")


def _clips(folder: Path, plan: _Plan) -> list[Clip]:
    clips: list[Clip] = []
    while (path := folder / f"{plan.number}_clip_{len(clips):03d}.mp4").is_file():
        count = _frame_count(path)
        clips.append(Clip(path.stem, plan.number, plan.rate, count, places_of(count, plan.rate, plan.fps)))
    return clips


def _frame_count(path: Path) -> int:
    try:
        with av.open(f"file:{path}") as container:
            return container.streams.video[0].frames
    except (av.error.FFmpegError, IndexError) as err:
        raise JobError("ffmpeg wrote a clip that cannot be read.", code="command_failed", detail=path.name) from err


def _remove(folder: Path, clip: Clip) -> None:
    (folder / "clips" / f"{clip.name}.mp4").unlink()
    frames = folder / "frames" / clip.name
    for name in clip.frame_names:
        (frames / name).unlink()
    frames.rmdir()
