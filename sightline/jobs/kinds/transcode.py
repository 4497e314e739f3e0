"""Transcode: an HLS ladder (480p, 720p, 1080p; never above the source) from one decode, as a zip, and an MP4 for downloads."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import Invalid
from sightline.jobs.contract import JobKind, JobStage, Work
from sightline.jobs.previews import preview_filter, preview_output
from sightline.media.demux import CONTAINERS
from sightline.media.ffmpeg import quiet, reading
from sightline.media.footage import Footage, footage_of
from sightline.media.stage import param
from sightline.media.tone_map import tone_map_filter

LADDER = {"480p": (480, 1_400_000), "720p": (720, 2_800_000), "1080p": (1080, 5_000_000)}
"""Height in px, bits per second of the picture."""
SEGMENT_S = 4
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class TranscodeParams:
    rungs: tuple[str, ...] = param(tuple(LADDER), "Qualities", choices=tuple(LADDER))
    mp4: bool = param(True, "An MP4 of the best quality as well")


def ladder(work: Work) -> None:
    """All rungs from one decode: the picture is split, scaled and encoded in one run of ffmpeg."""
    item = work.inputs[0]
    footage = footage_of(item.path)
    rungs = _rungs(footage, work.params.rungs)
    work.command(
        quiet(
            *reading(item.path, CONTAINERS), *_graph(footage, rungs, tone_map_filter(footage.light, work.folder)),
            *_hls(work.folder, footage, rungs), *preview_output("preview", work.preview),
        ),
        duration_s=footage.duration_s, message=", ".join(f"{height}p" for height, _ in rungs),
    )  # fmt: skip


def package(work: Work) -> None:
    """The ladder as one zip; the film as MP4, copied from the best rung."""
    source = work.folder_of("ladder")
    files = sorted(path for path in source.rglob("*") if path.is_file() and path.suffix in (".m3u8", ".m4s", ".mp4", ".ts"))
    with zipfile.ZipFile(work.result("hls.zip", "application/zip"), "w", zipfile.ZIP_STORED) as bundle:
        for number, path in enumerate(files):
            bundle.writestr(zipfile.ZipInfo(path.relative_to(source).as_posix(), EPOCH), path.read_bytes())
            work.progress(number / len(files))
    if work.params.mp4:
        best = max(int(path.name.removeprefix("v")) for path in source.glob("v*"))
        playlist = source / f"v{best}" / "index.m3u8"
        command = quiet(
            "-i", f"file:{playlist}", "-c", "copy", "-movflags", "+faststart", str(work.result("film.mp4", "video/mp4"))
        )
        work.command(command)


def _rungs(footage: Footage, names: tuple[str, ...]) -> list[tuple[int, int]]:
    """(height, bits per second), small to large, none above the source; the source's own height when all are."""
    wanted = [LADDER[name] for name in LADDER if name in names]
    if not wanted:
        raise Invalid("Choose at least one quality.", code="out_of_range", field="params.rungs")
    fitting = [rung for rung in wanted if rung[0] <= footage.height_px]
    return fitting or [(footage.height_px - footage.height_px % 2, wanted[0][1])]


def _graph(footage: Footage, rungs: list[tuple[int, int]], tone_map: str) -> list[str]:
    outs = "".join(f"[s{n}]" for n in range(len(rungs)))
    scaled = "".join(f";[s{n}]scale=-2:{height}:flags=bicubic,format=yuv420p[v{n}]" for n, (height, _) in enumerate(rungs))
    arguments = ["-filter_complex", f"[0:v:0]{tone_map}split={len(rungs) + 1}{outs}[now]{scaled};[now]{preview_filter()}[preview]"]
    keyframes = f"expr:gte(t,n_forced*{SEGMENT_S})"
    for n, (_, bits) in enumerate(rungs):
        arguments += [
            "-map", f"[v{n}]", f"-c:v:{n}", "libx264", f"-preset:v:{n}", "veryfast", f"-b:v:{n}", str(bits),
            f"-maxrate:v:{n}", str(bits * 11 // 10), f"-bufsize:v:{n}", str(bits * 2), f"-force_key_frames:v:{n}", keyframes,
            f"-sc_threshold:v:{n}", "0",
        ]  # fmt: skip
        if footage.has_sound:
            arguments += ["-map", "0:a:0", f"-c:a:{n}", "aac", f"-b:a:{n}", "128k", f"-ac:a:{n}", "2"]
    return arguments


def _hls(folder: Path, footage: Footage, rungs: list[tuple[int, int]]) -> list[str]:
    streams = " ".join(f"v:{n},a:{n}" if footage.has_sound else f"v:{n}" for n in range(len(rungs)))
    return [
        "-f", "hls", "-hls_time", str(SEGMENT_S), "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4",
        "-hls_flags", "independent_segments", "-hls_segment_filename", f"{folder}/v%v/%05d.m4s", "-master_pl_name", "master.m3u8",
        "-var_stream_map", streams, f"{folder}/v%v/index.m3u8",
    ]  # fmt: skip


KIND = JobKind(
    name="transcode",
    label="Transcode",
    description="An HLS ladder for any player, made from one decode, and an MP4 for downloads.",
    params=TranscodeParams,
    stages=(
        JobStage("ladder", "Encode all qualities", ladder, weight=9, version=2, uses=("rungs",)),
        JobStage("package", "Pack", package, uses=("mp4",)),
    ),
    needs_analyzers=False,
    estimate_s=lambda duration_s: 5 + duration_s,
)
