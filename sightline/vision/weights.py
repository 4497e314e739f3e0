"""Words for weight files that are not here: why a stage cannot run and how to get them."""

from collections.abc import Sequence
from pathlib import Path

from sightline.errors import AnalyzerError
from sightline.media.models import ModelStore


def missing_weights(models: ModelStore, files: Sequence[str]) -> str | None:
    """The reason why a stage that needs all of `files` cannot run, and the way to get them; None when all are here."""
    missing = [file for file in files if models.find(file) is None]
    if not missing:
        return None
    commands = " and ".join(f"`python -m sightline.media.models fetch {file}`" for file in missing)
    several = len(missing) > 1
    return (
        f"The weight file{'s' if several else ''} {' and '.join(missing)} {'are' if several else 'is'} not on this machine. "
        f"Fetch {'them' if several else 'it'} with {commands}, or put {'them' if several else 'it'} into MODELS_DIR."
    )


def weights(models: ModelStore, file: str) -> Path:
    """The path of a weight file.

    Raises:
        AnalyzerError: it is not here; says how to get it.
    """
    path = models.find(file)
    if path is None:
        raise AnalyzerError(missing_weights(models, [file]) or file, code="model_missing")
    return path
