"""The one ffmpeg call of a film: every take is read once and feeds the films of all shapes, the poster and the sound."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sightline.jobs.kinds.showcase.crop import expression, window_share, window_way
from sightline.jobs.kinds.showcase.soundtrack import footage_sound, mixed, music
from sightline.jobs.kinds.showcase.timeline import FPS, Take, Timeline
from sightline.jobs.previews import preview_filter, preview_output
from sightline.media.demux import CONTAINERS
from sightline.media.extra_files import MUSIC_CONTAINERS
from sightline.media.ffmpeg import graph_arguments, quiet, reading
from sightline.media.footage import Footage

PUSH_IN_PER_S = 0.025
"""So much of its sides a still take loses in a second: the camera seems to go nearer."""
PADDED_BELOW = 0.6
"""When the window would show less of the picture's height, the whole picture is shown instead, before a blurred one."""
READ_MORE_S = 0.5
MARGIN = 0.05
"""Of the shorter side: distance of titles and logos from the edges."""
UPRIGHT_MARGIN = 0.12
"""Of the height: distance of a logo from the ends of an upright film."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One film to be made."""

    name: str
    width_px: int
    height_px: int
    path: Path


@dataclass(frozen=True, slots=True)
class Film:
    """All that the call is made from."""

    timeline: Timeline
    paths: Sequence[Path]
    """Of the inputs, by number."""
    footages: Mapping[int, Footage]
    tone_maps: Mapping[int, str]
    """Filters that make the pictures of an input BT.709, by its number; empty: they are."""
    shapes: Sequence[Shape]
    cards: Sequence[Path | None]
    """For each take, the picture of its title."""
    gammas: Sequence[float]
    transition: str
    """Name for the filter xfade."""
    has_footage_sound: bool
    music: Path | None
    music_volume: float
    """1 = as loud as films for the web are."""
    logos: Sequence[Path]
    """For each shape, as large as it is shown; none: no logo."""
    logo_corner: str
    metadata: Path
    """Title and chapters in FFmpeg's format."""
    poster: Path
    poster_take: int
    preview: Path
    """Where the newest picture is written while the film is made."""

    @property
    def has_sound(self) -> bool:
        return self.has_footage_sound or self.music is not None


def film_command(film: Film) -> list[str]:
    """The call. A long film's graph goes into a file beside the metadata. Raises: OSError."""
    takes = film.timeline.takes
    cards = [*dict.fromkeys(card for card in film.cards if card is not None), *film.logos]
    arguments: list[str] = []
    for take in takes:
        length = f"{take.length_s + READ_MORE_S:.3f}"
        # Two decoding threads each: encoding is what takes the time, and every further thread holds pictures in memory.
        arguments += ["-threads", "2", "-ss", f"{take.start_s:.3f}", "-t", length]
        arguments += reading(film.paths[take.file], CONTAINERS)
    for card in cards:
        arguments += ["-i", f"file:{card}"]
    metadata_input = len(takes) + len(cards)
    arguments += ["-f", "ffmetadata", "-i", f"file:{film.metadata}"]
    if film.music is not None:
        length = f"{film.timeline.length_s + READ_MORE_S:.3f}"
        arguments += ["-stream_loop", "-1", "-t", length, *reading(film.music, MUSIC_CONTAINERS)]
    arguments += graph_arguments(_graph(film, cards), film.metadata.with_name("graph.txt"))
    for n, shape in enumerate(film.shapes):
        sound = ["-map", f"[sound{n}]", "-c:a", "aac", "-b:a", "128k"] if film.has_sound else ["-an"]
        arguments += ["-map", f"[film{n}]", *sound, *_encoding(metadata_input), f"file:{shape.path}"]
    arguments += ["-map", "[poster]", "-frames:v", "1", "-q:v", "2", "-f", "image2", "-update", "1", f"file:{film.poster}"]
    return quiet(*arguments, *preview_output("preview", film.preview))


def _encoding(metadata_input: int) -> list[str]:
    told = ["-map_metadata", str(metadata_input), "-map_chapters", str(metadata_input)]
    colours = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    return [
        "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-r", str(FPS), "-g", str(2 * FPS), *colours,
        *told, "-movflags", "+faststart", "-f", "mp4",
    ]  # fmt: skip


def _graph(film: Film, cards: Sequence[Path]) -> str:
    takes = film.timeline.takes
    parts: list[str] = []
    for number, take in enumerate(takes):
        parts += _take(film, number, take)
        for n, shape in enumerate(film.shapes):
            parts += _shaped(film, number, take, n, shape)
            parts.append(_titled(film, number, n, shape, cards))
    for n in range(len(film.shapes)):
        parts += _joined(film, n, cards)
    if film.has_sound:
        parts += _sound(film, len(takes) + len(cards) + 1)
    return ";".join(parts)


def _take(film: Film, number: int, take: Take) -> list[str]:
    """A take as even pictures of its exact length, once for each film and once more for the poster."""
    chain = [
        f"[{number}:v:0]setpts=PTS-STARTPTS", f"fps={FPS}",
        f"{film.tone_maps[take.file]}scale=trunc(iw*sar/2)*2:trunc(ih/2)*2", "setsar=1", "format=yuv420p",
        # Whatever the file turns out to hold, the take has its length: the joins after it rely on that.
        f"tpad=stop_mode=clone:stop_duration={take.length_s:.3f}", f"trim=end_frame={take.frames}", "setpts=PTS-STARTPTS",
    ]  # fmt: skip
    gamma = film.gammas[number]
    if abs(gamma - 1) > 0.02:
        chain.append(f"eq=gamma={gamma:.3f}")
    if take.is_still:
        chain.append(_push_in(take))
    outs = "".join(f"[t{number}s{n}]" for n in range(len(film.shapes)))
    is_poster = number == film.poster_take
    chain.append(f"split={len(film.shapes) + is_poster}{outs}{'[still]' if is_poster else ''}")
    parts = [",".join(chain)]
    if is_poster:
        middle = take.frames // 2
        parts.append(f"[still]trim=start_frame={middle}:end_frame={middle + 1},scale=out_range=pc,format=yuvj420p[poster]")
    return parts


def _push_in(take: Take) -> str:
    x, y = (f"{side}*{PUSH_IN_PER_S / 2 / FPS:.6f}*min(on,{take.frames})" for side in "WH")
    return (
        f"perspective=x0='{x}':y0='{y}':x1='W-{x}':y1='{y}':x2='{x}':y2='H-{y}':x3='W-{x}':y3='H-{y}'"
        ":interpolation=linear:sense=source:eval=frame"
    )


def _shaped(film: Film, number: int, take: Take, n: int, shape: Shape) -> list[str]:
    """The take in one film's shape: a window that follows the subject, or all of it before a blurred picture."""
    footage = film.footages[take.file]
    across, down = window_share(footage.shown_width_px, footage.height_px, shape.width_px / shape.height_px)
    source, target = f"[t{number}s{n}]", f"[w{number}s{n}]"
    size = f"{shape.width_px}:{shape.height_px}"
    to_size = f"scale={size}:flags=bicubic:out_color_matrix=bt709:out_range=tv,setsar=1"
    if down < PADDED_BELOW:
        back, front = f"[b{number}s{n}]", f"[f{number}s{n}]"
        ground = f"scale={size}:force_original_aspect_ratio=increase,crop={size},boxblur=luma_radius=min(w\\,h)/20:luma_power=2"
        whole = f"scale={size}:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bicubic"
        return [
            f"{source}split{back}{front}",
            f"{back}{ground}{back[:-1]}b]",
            f"{front}{whole}{front[:-1]}f]",
            f"{back[:-1]}b]{front[:-1]}f]overlay=(W-w)/2:(H-h)/2,{to_size}{target}",
        ]
    x = expression(window_way([(t, x) for t, x, _ in take.subject], take.length_s, across))
    y = expression(window_way([(t, y) for t, _, y in take.subject], take.length_s, down))
    aspect = f"{shape.width_px}/{shape.height_px}"
    window = f"crop=w='min(iw,ih*{aspect})':h='min(ih,iw/({aspect}))':x='(iw-ow)*({x})':y='(ih-oh)*({y})':exact=1"
    return [f"{source}{window},{to_size}{target}"]


def _titled(film: Film, number: int, n: int, shape: Shape, cards: Sequence[Path]) -> str:
    source, target, card = f"[w{number}s{n}]", f"[v{number}s{n}]", film.cards[number]
    if card is None:
        return f"{source}settb=1/{FPS}{target}"
    margin = round(min(shape.width_px, shape.height_px) * MARGIN)
    place = f"overlay={margin}:H-h-{margin}"
    return f"{source}[{len(film.timeline.takes) + cards.index(card)}:v]{place},format=yuv420p,settb=1/{FPS}{target}"


def _joined(film: Film, n: int, cards: Sequence[Path]) -> list[str]:
    """All takes of one film, one after the other, with the logo over them."""
    # Times are counted in frames: in microseconds, rounding would move a transition by a frame now and then.
    takes, length = film.timeline.takes, film.timeline.transition_frames
    end = "setpts=N,format=yuv420p" + (f"[film{n}]" if n else f",split[film0][now];[now]{preview_filter()}[preview]")
    if film.logos:
        logo = len(takes) + cards.index(film.logos[n])
        end = f"format=yuv420p[bare{n}];[bare{n}][{logo}:v]overlay={_corner(film.shapes[n], film.logo_corner)},{end}"
    if not length or len(takes) == 1:
        return ["".join(f"[v{k}s{n}]" for k in range(len(takes))) + f"concat=n={len(takes)}:v=1:a=0,{end}"]
    parts, before = [], f"[v0s{n}]"
    for k, take in enumerate(takes[1:], 1):
        joined = f"[x{k}s{n}]"
        fade = f"xfade=transition={film.transition}:duration={length / FPS:.6f}:offset={take.at_s:.6f}"
        parts.append(f"{before}[v{k}s{n}]{fade}" + (f",{end}" if k + 1 == len(takes) else joined))
        before = joined
    return parts


def _corner(shape: Shape, corner: str) -> str:
    """Where the logo stands. Upright films are shown with words and buttons over their ends."""
    side = round(min(shape.width_px, shape.height_px) * MARGIN)
    end = max(side, round(shape.height_px * UPRIGHT_MARGIN)) if shape.height_px > shape.width_px else side
    down, across = corner.split("-")
    return f"{side if across == 'left' else f'W-w-{side}'}:{end if down == 'top' else f'H-h-{end}'}"


def _sound(film: Film, music_input: int) -> list[str]:
    outs = "".join(f"[sound{n}]" for n in range(len(film.shapes)))
    last = f"asplit={len(film.shapes)}{outs}"
    has_sound = [film.footages[take.file].has_sound for take in film.timeline.takes]
    if film.music is None:
        return footage_sound(film.timeline, has_sound, last)
    if not film.has_footage_sound:
        return [music(film.timeline, music_input, film.music_volume, last)]
    return [
        *footage_sound(film.timeline, has_sound, "anull[footage]"),
        music(film.timeline, music_input, film.music_volume, "anull[music]"),
        *mixed("[footage]", "[music]", last),
    ]
