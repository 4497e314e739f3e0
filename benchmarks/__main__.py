"""Runs every benchmark but the soak, one after another. `python -m benchmarks`"""

import subprocess
import sys

from benchmarks.product import ROOT

ALL = (
    "start",
    "recovery",
    "inference",
    "stages_720p",
    "every_switch",
    "viewers",
    "fanout",
    "camera_cost",
    "accuracy",
    "jobs",
    "batch",
)


def main() -> None:
    failed = [
        name for name in ALL if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, check=False).returncode
    ]
    if failed:
        raise SystemExit(f"did not run: {', '.join(failed)}")


if __name__ == "__main__":
    main()
