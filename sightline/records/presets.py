"""Presets that people have saved. Written by the web process; the built-in ones are data of `media.presets`."""

import time

from sqlalchemy import func, select

from sightline.errors import Conflict, NotFound
from sightline.media.presets import BUILTIN, Preset
from sightline.records.database import Database
from sightline.records.models import PresetRow

MOST_PRESETS = 100
_BUILTIN_KEYS = frozenset(preset.name.casefold() for preset in BUILTIN)


class Presets:
    """Repository of presets. Names differ in more than upper and lower case."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> tuple[Preset, ...]:
        """The built-in ones, then those that were saved, by name."""
        with self._database.reading() as session:
            rows = session.scalars(select(PresetRow).order_by(PresetRow.key)).all()
            return (*BUILTIN, *(_preset(row) for row in rows))

    def get(self, name: str) -> Preset:
        """Raises: NotFound."""
        key = _key(name)
        for preset in BUILTIN:
            if preset.name.casefold() == key:
                return preset
        with self._database.reading() as session:
            row = session.get(PresetRow, key)
            if row is None:
                raise _not_found(name)
            return _preset(row)

    def save(self, preset: Preset, *, replace: bool = False) -> Preset:
        """Keep a preset; `replace` takes the place of one with that name.

        Raises:
            Conflict: the name is taken, it is a built-in one's, or there are too many.
        """
        key = _key(preset.name)
        if key in _BUILTIN_KEYS:
            raise Conflict(f"{preset.name} is a built-in preset. Choose another name.", code="builtin_preset")
        with self._database.transaction() as session:
            row = session.get(PresetRow, key)
            if row is not None and not replace:
                raise Conflict(f"There is a preset {row.name!r} already.", code="preset_exists")
            if row is None:
                if (session.scalar(select(func.count()).select_from(PresetRow)) or 0) >= MOST_PRESETS:
                    raise Conflict(f"There may be {MOST_PRESETS} presets. Delete one first.", code="too_many_presets")
                row = PresetRow(key=key, created_at=time.time())
                session.add(row)
            row.name, row.description, row.options = preset.name, preset.description, dict(preset.options)
            row.others_off, row.filter_order = preset.others_off, [*preset.order]
            session.flush()
            return _preset(row)

    def delete(self, name: str) -> None:
        """Raises: NotFound, Conflict (a built-in one)."""
        key = _key(name)
        if key in _BUILTIN_KEYS:
            raise Conflict("A built-in preset cannot be deleted.", code="builtin_preset")
        with self._database.transaction() as session:
            row = session.get(PresetRow, key)
            if row is None:
                raise _not_found(name)
            session.delete(row)


def _key(name: str) -> str:
    # A name that no preset can have must not reach the database, which refuses NUL and overlong keys in its own words.
    return "".join(char for char in name.strip().casefold() if char.isprintable())[:120]


def _not_found(name: str) -> NotFound:
    return NotFound(f"There is no preset {name!r}.", code="preset_not_found")


def _preset(row: PresetRow) -> Preset:
    return Preset(row.name, row.description, row.options, row.others_off, tuple(row.filter_order))
