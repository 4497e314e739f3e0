"""What a film may be given beside its footage: music and a logo.

`probe_extra` is called by the web process; it has `sightline.media.extra_files` examine the file in a process of its own, as
`probe` does with footage.
"""

import json
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from sightline.errors import Invalid

TIMEOUT_S = 30.0
LARGEST_SIDE_PX = 8000
PROBLEMS = {
    "logo_damaged": "This picture is damaged. Save it again as PNG or JPEG, and send that.",
    "logo_too_large": f"This picture is larger than {LARGEST_SIDE_PX} px or 30 MB. Make it smaller; a logo needs a few hundred px.",
    "bad_music_length": "Music must last between 1 second and 3 hours.",
}


class Extra(StrEnum):
    MUSIC = "music"
    LOGO = "logo"
    """A PNG or JPEG. Drawings that can hold programs or addresses (SVG) are none."""


def probe_extra(path: Path) -> Extra | None:
    """Examine a file that is no video; None: it is nothing that is known. Raises: Invalid (one of PROBLEMS)."""
    command = [sys.executable, "-m", "sightline.media.extra_files", str(path)]
    folder = Path(__file__).resolve().parents[2]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False, cwd=folder)
        answer: dict[str, str] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    if "problem" in answer:
        raise refusal(answer["problem"])
    return Extra(answer["extra"]) if answer["extra"] else None


def refusal(code: str) -> Invalid:
    """The error of one of PROBLEMS."""
    return Invalid(PROBLEMS[code], code=code)
