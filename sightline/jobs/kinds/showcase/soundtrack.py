"""What is heard in a film, as part of its graph: the footage's own sound take by take, and music that makes room for it."""

from collections.abc import Sequence

from sightline.jobs.kinds.showcase.timeline import FPS, Timeline

RATE_HZ = 48_000
QUIET = 0.35
"""Sound of the footage, as a share of what it was."""
LOUDNESS = "I=-16:TP=-1.5:LRA=11"
"""Of the music (EBU R 128), as films for the web have it."""
FADE_IN_S, FADE_OUT_S = 0.5, 2.0
DUCKED = "threshold=0.02:ratio=5:attack=60:release=700"
"""How music makes room for the footage's sound: from -34 dB on, by four fifths of what is above."""
FORM = f"aformat=sample_fmts=fltp:sample_rates={RATE_HZ}:channel_layouts=stereo"


def footage_sound(timeline: Timeline, has_sound: Sequence[bool], target: str) -> list[str]:
    """The sound of each take, as long as its picture to the sample; silence where a file has none.

    Args:
        has_sound: for each take.
        target: the filters that take it up, after a comma.
    """
    takes, length_s = timeline.takes, timeline.transition_frames / FPS
    parts = []
    for number, take in enumerate(takes):
        source = f"[{number}:a:0]asetpts=PTS-STARTPTS,aresample={RATE_HZ}:async=1,volume={QUIET}"
        if not has_sound[number]:
            source = f"anullsrc=r={RATE_HZ}:cl=stereo"
        parts.append(f"{source},{FORM},{_exactly(take.frames)}[a{number}]")
    if not length_s or len(takes) == 1:
        return [*parts, "".join(f"[a{k}]" for k in range(len(takes))) + f"concat=n={len(takes)}:v=0:a=1,{target}"]
    before = "[a0]"
    for k in range(1, len(takes)):
        end = f",{target}" if k + 1 == len(takes) else f"[y{k}]"
        parts.append(f"{before}[a{k}]acrossfade=d={length_s:.6f}{end}")
        before = f"[y{k}]"
    return parts


def music(timeline: Timeline, number: int, volume: float, target: str) -> str:
    """The music of input `number`, as long as the film."""
    out_s = min(FADE_OUT_S, timeline.length_s / 3)
    fades = f"afade=t=in:d={min(FADE_IN_S, out_s):g},afade=t=out:st={timeline.length_s - out_s:.3f}:d={out_s:.3f}"
    # Loudness is brought up at four times the rate, which nothing after it wants.
    loud = f"aresample={RATE_HZ}:async=1,{FORM},loudnorm={LOUDNESS},aresample={RATE_HZ}"
    return f"[{number}:a:0]{loud},{FORM},volume={volume:g},{_exactly(timeline.frames)},{fades},{target}"


def mixed(footage: str, background: str, target: str) -> list[str]:
    """Music under the footage's sound: quieter while that is heard."""
    return [
        f"{footage}asplit[heard][key]",
        f"{background}[key]sidechaincompress={DUCKED}[ducked]",
        f"[heard][ducked]amix=inputs=2:duration=first:normalize=0,alimiter=limit=0.9:level=0,{FORM},{target}",
    ]


def _exactly(frames: int) -> str:
    """So many frames' time in samples."""
    samples = frames * RATE_HZ // FPS
    return f"apad=whole_len={samples},atrim=end_sample={samples},asetpts=PTS-STARTPTS"
