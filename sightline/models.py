"""`python -m sightline.models list | fetch NAME | verify | remove NAME | sync`: weight files, also from a mirror in a bucket."""

import sys

from sightline.errors import SightlineError
from sightline.media.models.command import run
from sightline.settings import Settings
from sightline.storage.model_mirror import model_store


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    try:
        store = model_store(Settings.from_env())
    except SightlineError as err:
        sys.stderr.write(f"{err.message}\n")
        return 1
    return run(arguments, store, "python -m sightline.models")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
