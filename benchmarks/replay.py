"""A file in exact mode, twice: are all findings of all analyzers the same? `python -m benchmarks.replay [FILE]`"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import analyzers
from benchmarks.footage import ASSETS
from benchmarks.report import Figure, fail, report
from sightline.analysis.replay import Replayed, digest, replay
from sightline.media.chain import ChainSpec
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, stages
from sightline.media.wanted import wanted_analyzers


def main() -> None:
    clip = Path(sys.argv[1]) if len(sys.argv) > 1 else ASSETS / "video" / "surveillance_people_69f.mp4"
    if not clip.is_file():
        fail(f"{clip} is not here")
    analyzers.load(entry_points=False)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(os.environ.get("MODELS_MIRROR", ASSETS / "weights"))
        resources = Resources(ModelStore(Path(folder), weights if weights.is_dir() else None))
        chain = _everything(resources)
        hashes, seconds, frames = zip(*(_once(clip, chain, resources) for _ in range(2)), strict=True)
    figures = [Figure("replays with the first one's hash", float(hashes.count(hashes[0])), "", "replays", 2.0, "higher", 1.0)]
    names = sorted(wanted_analyzers(chain))
    report("replay", figures, {"sha256": hashes[0], "analyzers": ", ".join(names), "frames": frames[0],
           "seconds": f"{seconds[0]:.1f} and {seconds[1]:.1f}"})  # fmt: skip
    if hashes[0] != hashes[1]:
        raise SystemExit(1)


def _everything(resources: Resources) -> ChainSpec:
    """All analyzers that can run here."""
    usable = [info for info in stages() if info.kind == "analyzer" and not info.is_hidden and info.unavailable(resources) is None]
    return ChainSpec.default().with_options({info.name: True for info in usable})


def _once(clip: Path, chain: ChainSpec, resources: Resources) -> tuple[str, float, int]:
    count = 0

    def counted(replayed: Iterator[Replayed]) -> Iterator[Replayed]:
        nonlocal count
        for item in replayed:
            count += 1
            yield item

    started_s = time.monotonic()
    found = digest(counted(replay(clip, wanted_analyzers(chain), resources)))
    return found, time.monotonic() - started_s, count


if __name__ == "__main__":
    main()
