"""The same package in other formats, as results beside it: a manifest, CVAT's tracks, tracking as JSON, AVA's tables."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from typing import TextIO
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sightline.jobs.contract import Work
from sightline.jobs.kinds.annotation import clips
from sightline.jobs.kinds.annotation import package as bundle
from sightline.jobs.kinds.annotation import people as followed
from sightline.jobs.kinds.annotation.clips import Clip, Cut
from sightline.jobs.kinds.annotation.package import entry
from sightline.jobs.kinds.annotation.params import read_actions
from sightline.jobs.kinds.annotation.people import Sighting, read_means, read_people
from sightline.jobs.kinds.annotation.proposals import by_frame, second_places

PERSON = "person"
PERSON_ID = 1
"""What is known before anybody has annotated: a person is here. Actions count from 2."""
NO_ACTION = "unlabelled"


def extras(work: Work) -> None:
    """Write what was asked for besides the package."""
    cut = Cut.read(work.folder_of(clips.STAGE))
    for number, name in enumerate(work.params.also):
        work.progress(number / len(work.params.also), name)
        WRITERS[name](work, cut)


def write_manifest(work: Work, cut: Cut) -> None:
    """What the package was made from and what is in it; nothing in it depends on when."""
    package = work.folder_of(bundle.STAGE) / bundle.FILE
    told = {
        "version": 1,
        "package": {"file": package.name, "size_bytes": package.stat().st_size, "sha256": _sha256(package)},
        "width_px": cut.size_px[0], "height_px": cut.size_px[1], "frames_per_second": float(cut.fps),
        "found_by": read_means(work.folder_of(followed.STAGE), cut),
        "videos": [{"number": video.number, "source": video.source, "sha256": video.sha256} for video in cut.videos],
        "clips": [
            {
                "name": clip.name, "video": clip.video, "rate": str(clip.rate), "pictures": clip.frame_count,
                "duration_s": round(float(clip.frame_count / clip.rate), 3), "frames": len(clip.places),
                "times_s": [round(float(place / clip.rate), 4) for place in clip.places],
            }
            for clip in cut.clips
        ],
    }  # fmt: skip
    work.result("manifest.json", "application/json").write_text(json.dumps(told, indent=2), encoding="utf-8")


def write_cvat(work: Work, cut: Cut) -> None:
    """CVAT XML 1.1 per clip. Its tracks go by the number of a frame in the clip's zip."""
    actions = read_actions(work.params.actions)
    with zipfile.ZipFile(work.result("cvat_annotations.zip", "application/zip"), "w", zipfile.ZIP_DEFLATED) as target:
        for clip in cut.clips:
            document = cvat_document(clip, read_people(work.folder_of(followed.STAGE), clip), cut.size_px, actions)
            _put(target, f"annotations/{clip.name}_annotations.xml", document)


def write_tracking(work: Work, cut: Cut) -> None:
    """One flat list over all clips: `{"video_id", "frame", "track_id", "bbox", "score"}`; every frame of a clip counts, from 0."""
    with work.result("tracking.json", "application/json").open("w", encoding="utf-8") as file:
        file.write("[")
        lead = "\n"
        for clip in cut.clips:
            for row in read_people(work.folder_of(followed.STAGE), clip):
                item = {
                    "video_id": clip.name, "frame": row.frame, "track_id": row.track_id, "bbox": list(row.box), "score": row.score,
                }  # fmt: skip
                file.write(lead + json.dumps(item))
                lead = ",\n"
        file.write("\n]\n")


def write_ava(work: Work, cut: Cut) -> None:
    """AVA's tables: each person of each second, with the action `person` until somebody annotates; and the list of actions."""
    names = (PERSON, *(action for action in read_actions(work.params.actions) if action != PERSON))
    listed = "".join(f'item {{\n  name: "{name}"\n  id: {number}\n}}\n' for number, name in enumerate(names, PERSON_ID))
    table = io.StringIO(newline="")
    for clip in cut.clips:
        _write_seconds(table, clip, read_people(work.folder_of(followed.STAGE), clip), cut.size_px)
    with zipfile.ZipFile(work.result("ava.zip", "application/zip"), "w", zipfile.ZIP_DEFLATED) as target:
        _put(target, "ava/train.csv", table.getvalue().encode())
        _put(target, "ava/action_list.pbtxt", listed.encode())
        _put(target, "ava/excluded_timestamps.csv", b"")


def cvat_document(clip: Clip, sightings: list[Sighting], size_px: tuple[int, int], actions: tuple[str, ...]) -> bytes:
    """The XML of one clip."""
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    _add_meta(root, clip, size_px, actions)
    rows = by_frame(sightings)
    tracks: dict[int, list[tuple[int, Sighting]]] = {}
    for index, place in enumerate(clip.places):
        for sighting in rows[place]:
            tracks.setdefault(sighting.track_id, []).append((index, sighting))
    for track_id, seen in sorted(tracks.items()):
        track = SubElement(root, "track", id=str(track_id), label=PERSON, source="auto")
        for nth, (index, sighting) in enumerate(seen):
            _add_box(track, index, sighting, bool(actions), is_outside=False)
            next_index = seen[nth + 1][0] if nth + 1 < len(seen) else len(clip.places)
            if next_index > index + 1:
                # Without it the tool would carry the box on through frames in which the person is not seen.
                _add_box(track, index + 1, sighting, bool(actions), is_outside=True)
    indent(root)
    text: str = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _add_meta(root: Element, clip: Clip, size_px: tuple[int, int], actions: tuple[str, ...]) -> None:
    task = SubElement(SubElement(root, "meta"), "task")
    facts = {
        "name": clip.name, "size": str(len(clip.places)), "mode": "interpolation", "overlap": "0", "start_frame": "0",
        "stop_frame": str(len(clip.places) - 1),
    }  # fmt: skip
    for name, value in facts.items():
        SubElement(task, name).text = value
    label = SubElement(SubElement(task, "labels"), "label")
    SubElement(label, "name").text = PERSON
    attributes = SubElement(label, "attributes")
    if actions:
        attribute = SubElement(attributes, "attribute")
        values = "\n".join((NO_ACTION, *actions))
        for name, value in {
            "name": "action", "mutable": "True", "input_type": "select", "default_value": NO_ACTION, "values": values,
        }.items():  # fmt: skip
            SubElement(attribute, name).text = value
    size = SubElement(task, "original_size")
    SubElement(size, "width").text, SubElement(size, "height").text = str(size_px[0]), str(size_px[1])


def _add_box(track: Element, index: int, sighting: Sighting, has_actions: bool, *, is_outside: bool) -> None:
    x1, y1, x2, y2 = sighting.box
    box = SubElement(track, "box", {
        "frame": str(index), "keyframe": "1", "outside": "1" if is_outside else "0", "occluded": "0",
        "xtl": f"{x1:.2f}", "ytl": f"{y1:.2f}", "xbr": f"{x2:.2f}", "ybr": f"{y2:.2f}", "z_order": "0",
    })  # fmt: skip
    if has_actions:
        SubElement(box, "attribute", name="action").text = NO_ACTION


def _write_seconds(table: TextIO, clip: Clip, sightings: list[Sighting], size_px: tuple[int, int]) -> None:
    rows = by_frame(sightings)
    writer = csv.writer(table, lineterminator="\n")
    width, height = size_px
    for second, place in second_places(clip).items():
        for s in rows[place]:
            shares = (s.box[0] / width, s.box[1] / height, s.box[2] / width, s.box[3] / height)
            writer.writerow((clip.name, f"{second:04d}", *(f"{share:.4f}" for share in shares), PERSON_ID, s.track_id))


def _put(target: zipfile.ZipFile, name: str, data: bytes) -> None:
    target.writestr(entry(name), data, zipfile.ZIP_DEFLATED)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


WRITERS: dict[str, Callable[[Work, Cut], None]] = {
    "manifest": write_manifest,
    "cvat": write_cvat,
    "tracking": write_tracking,
    "ava": write_ava,
}
