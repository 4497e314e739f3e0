"""The table of licences in models/README.md. `python tests/media/models/test_licence_table.py --write` writes it anew."""

import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "models" / "README.md"
BEGIN, END = "<!-- models: begin -->\n", "<!-- models: end -->\n"

if __name__ == "__main__":
    sys.path.insert(0, str(PAGE.parents[1]))

from sightline.media.models import Model, read_manifest  # noqa: E402


def source_of(model: Model) -> str:
    """`https://host/media/owner/name/commit/…` and `https://host/owner/name/commit/…` → `owner/name`"""
    if not model.url:
        return "your own export"
    host, *parts = model.url.split("/")[2:]
    if host == "download.pytorch.org":
        return f"[{host}](https://{host})"
    owner = 1 if parts[0] == "media" else 0
    name = f"{parts[owner]}/{parts[owner + 1]}"
    return f"[{name}](https://{host if host == 'huggingface.co' else 'github.com'}/{name})"


def table() -> str:
    rows = ["| name | for | licence | size | from |", "|---|---|---|---|---|"]
    for model in read_manifest():
        size = f"{model.bytes / 1e6:.1f} MB" if model.bytes >= 1e6 else f"{model.bytes / 1e3:.0f} kB" if model.bytes else "–"
        rows.append(f"| `{model.name}` | {model.purpose} | {model.licence} | {size} | {source_of(model)} |")
    return "\n".join(rows) + "\n"


def filled(page: str) -> str:
    before, rest = page.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


def test_the_table_of_licences_is_the_one_of_the_manifest() -> None:
    page = PAGE.read_text()
    assert page == filled(page), "run: python tests/media/models/test_licence_table.py --write"
    assert page.count("AGPL-3.0 |") == sum(model.is_extra for model in read_manifest())


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(filled(PAGE.read_text()))
