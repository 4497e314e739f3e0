"""Export of what a camera has seen: statistics, options, findings and events as JSON or CSV. Called by request threads."""

import csv
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from sightline.errors import NotFound, SightlineError
from sightline.records.events import Events
from sightline.settings import Settings
from sightline.web.camera_desk import CameraDesk

EVENTS_MAX = 10_000
FILE_NAME = re.compile(r"([a-z0-9][a-z0-9_-]{0,31})_\d{8}-\d{6}_[0-9a-f]{16}\.(?:json|csv)")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Exports:
    """Writes and finds export files in DATA_DIR/exports."""

    def __init__(self, settings: Settings, desk: CameraDesk, events: Events) -> None:
        self._folder = settings.data_dir / "exports"
        self._desk = desk
        self._events = events

    def write(self, camera_id: str, file_format: Literal["json", "csv"]) -> dict[str, Any]:
        """Write one file. Raises: NotFound."""
        document = self._document(camera_id)
        self._folder.mkdir(parents=True, exist_ok=True)
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        name = f"{camera_id}_{stamp}_{secrets.token_hex(8)}.{file_format}"
        part = self._folder / f".{name}.part"
        with part.open("w", newline="", encoding="utf-8") as file:
            if file_format == "json":
                json.dump(document, file, indent=2)
            else:
                csv.writer(file).writerows(csv_rows(document))
        part.rename(self._folder / name)
        answer = {"success": True, "filename": name, "url": f"/api/exports/{name}", "format": file_format}
        return {**answer, "message": "The export is ready."}

    def find(self, file_name: str) -> tuple[Path, str]:
        """The file and the camera it is about. Raises: NotFound."""
        match = FILE_NAME.fullmatch(file_name)
        path = (self._folder / file_name).absolute()
        if match is None or not path.is_file():
            raise NotFound("There is no such export.", code="export_not_found")
        return path, match[1]

    def _document(self, camera_id: str) -> dict[str, Any]:
        return {
            "camera": camera_id,
            "exported_at": time.time(),
            "options": self._desk.options(camera_id),
            "statistics": self._ask(camera_id, "/stats"),
            "findings": self._ask(camera_id, "/findings").get("findings", []),
            "events": [asdict(event) for event in self._events.list(camera=camera_id, limit=EVENTS_MAX)],
        }

    def _ask(self, camera_id: str, path: str) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = self._desk.ask(camera_id, "GET", path)
        except SightlineError as err:
            return {"error": err.message}  # what the database holds is worth exporting while the engine is down
        return answer


def csv_rows(document: Mapping[str, Any]) -> Iterator[list[object]]:
    """Rows of section, time, name, value, details; the first is the head. No cell can be taken for a formula."""
    yield ["section", "time", "name", "value", "details"]
    for section in ("statistics", "options"):
        for name, value in document[section].items():
            if name != "measures":  # the findings hold them as well, a row each
                yield [section, document["exported_at"], cell(name), cell(value), ""]
    for findings in document["findings"]:
        for found in findings.get("detections", ()):
            yield ["findings", document["exported_at"], cell(found["label"]), cell(found["score"]), cell(found)]
        for name, value in _figures(findings.get("measures", {})):
            yield ["measures", document["exported_at"], cell(name), cell(value), cell(findings["analyzer"])]
    for event in document["events"]:
        yield ["events", event["at"], cell(event["kind"]), cell(event["message"]), cell(dict(event["facts"]))]


def _figures(measures: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    """What an analyzer measures, a row per number: `zones / Entrance / entered`."""
    for name, value in measures.items():
        place = f"{path} / {name}" if path else str(name)
        if isinstance(value, Mapping):
            yield from _figures(value, place)
        else:
            yield place, value


def cell(value: object) -> object:
    """A value for a spreadsheet: numbers as they are, text that would be taken for a formula with a `'` before it."""
    if isinstance(value, int | float) or value is None:
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return "'" + text if text.startswith(FORMULA_STARTS) else text
