"""`python -m sightline.media.models`: see `command`. A mirror in a bucket is reached by `python -m sightline.models` only."""

import sys

from sightline.errors import SightlineError
from sightline.media.models.command import run
from sightline.media.models.store import ModelStore
from sightline.settings import Settings


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    try:
        settings = Settings.from_env()
    except SightlineError as err:
        sys.stderr.write(f"{err.message}\n")
        return 1
    if settings.models_mirror_bucket:
        # This package stands below the code that speaks to S3.
        sys.stderr.write("MODELS_MIRROR is a bucket, which this command does not ask; `python -m sightline.models` does.\n")
    return run(arguments, ModelStore.from_settings(settings), "python -m sightline.media.models")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
