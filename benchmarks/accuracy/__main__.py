"""How right the analyzers are, all subjects or those named. `python -m benchmarks.accuracy [SUBJECT …]`"""

import argparse
import importlib
import time
from importlib.util import find_spec

from benchmarks.report import Figure, report

SUBJECTS = ("detection", "tracking", "lines", "faces", "pose", "plates", "text", "sound")
"""Modules of this package with a function `figures() -> list[Figure]`."""


def main() -> None:
    here = [name for name in SUBJECTS if find_spec(f"benchmarks.accuracy.{name}") is not None]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(here))
    chosen = parser.parse_args().subjects or here
    unknown = sorted(set(chosen) - set(here))
    if unknown:
        parser.error(f"there is no subject {', '.join(unknown)}; there are {', '.join(here)}")
    figures: list[Figure] = []
    seconds: dict[str, object] = {}
    left_out = []
    for name in chosen:
        began = time.monotonic()
        try:
            figures += importlib.import_module(f"benchmarks.accuracy.{name}").figures()
        except SystemExit:
            # It has said what it lacks; the other subjects do not need that.
            left_out.append(name)
        seconds[f"{name}, s"] = round(time.monotonic() - began, 1)
    report("accuracy", figures, seconds)
    if left_out:
        raise SystemExit(f"did not run: {', '.join(left_out)}")


if __name__ == "__main__":
    main()
