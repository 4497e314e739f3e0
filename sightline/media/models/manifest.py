"""The list of weight files that may be fetched. Pure but for reading one file."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import AnalyzerError

MANIFEST = Path(__file__).parents[3] / "models" / "manifest.toml"


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the manifest."""

    name: str
    file: str
    sha256: str
    """Lower-case hex; empty: everybody exports their own, so that no two are alike."""
    bytes: int
    """0 where `sha256` is empty."""
    licence: str
    """SPDX expression."""
    purpose: str
    input: str
    """What goes in, e.g. `1×3×640×640 RGB 0..1`."""
    url: str = ""
    """Empty: nobody publishes this very file; `source` says how to get it."""
    source: str = ""
    task: str = ""
    """What the runtime does with it, e.g. `detect`, `embed`, `classify`."""
    layout: str = ""
    """How its numbers are laid out, e.g. `yolox`, `nanodet`, `ultralytics`."""
    labels: str = ""
    """The words for its classes: the name of a list, e.g. `coco`."""
    group: str = ""
    """The heading under which the dashboard lists it."""
    stages: tuple[str, ...] = ()
    """Filters and analyzers that can use it."""
    is_extra: bool = False
    """Its licence binds whoever offers it over a network (AGPL): it is fetched only after an explicit yes."""

    def is_size(self, size_bytes: int) -> bool:
        """Whether a file of that size can be this one."""
        return size_bytes == self.bytes if self.sha256 else size_bytes > 0


def read_manifest(path: Path = MANIFEST) -> tuple[Model, ...]:
    """All models that may be fetched.

    Raises:
        AnalyzerError: the manifest is missing or wrong.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["model"]
        return tuple(Model(**{**entry, "stages": tuple(entry.get("stages", ()))}) for entry in entries)
    except (OSError, KeyError, TypeError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise AnalyzerError(f"The list of models ({path.name}) cannot be read: {err}", code="bad_manifest") from err
