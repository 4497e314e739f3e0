"""The table of stages in docs/extending.md is true. `python tests/test_docs_stages.py --write` brings it up to date."""

import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "extending.md"
BEGIN, END = "<!-- stages: begin -->\n", "<!-- stages: end -->"

if __name__ == "__main__":
    sys.path.insert(0, str(PAGE.parent.parent))

import analyzers  # noqa: E402
from sightline.media.stage import StageInfo, stages  # noqa: E402

MOST_CHOICES = 12


def table() -> str:
    lines = ["| name | kind | what it does | parameters | by | licence |", "|---|---|---|---|---|---|"]
    for info in stages():
        if info.factory.__module__.startswith("analyzers."):
            kind = info.kind if info.kind == "filter" else f"analyzer, {info.rate_hz:g} Hz"
            parameters = "<br>".join(_parameters(info)) or "–"
            lines.append(f"| `{info.name}` | {kind} | {info.description} | {parameters} | {info.backend} | {info.licence} |")
    return "\n".join(lines) + "\n"


def _parameters(info: StageInfo) -> Iterator[str]:
    for spec in fields(info.params):
        key = info.option_key(spec.name)
        if spec.metadata["editor"].startswith("shapes:"):
            yield f"`{key}` drawn on the picture"
        elif len(spec.metadata["choices"]) > MOST_CHOICES:
            yield f"`{key}` {', '.join(spec.metadata['choices'][:MOST_CHOICES])}…"
        elif spec.metadata["choices"]:
            yield f"`{key}` {', '.join(spec.metadata['choices'])}"
        elif isinstance(spec.default, bool):
            yield f"`{key}` {str(spec.default).lower()}"
        elif spec.metadata["minimum"] is None:
            yield f"`{key}` text"
        else:
            unit = f" {spec.metadata['unit']}" if spec.metadata["unit"] else ""
            yield f"`{key}` {spec.metadata['minimum']:g}…{spec.metadata['maximum']:g}{unit} ({spec.default:g})"


def rewritten(page: str) -> str:
    """The page with the table between its markers."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def test_the_table_of_stages_is_true() -> None:
    analyzers.load(entry_points=False)
    page = PAGE.read_text(encoding="utf-8")
    assert rewritten(page) == page, "run `python tests/test_docs_stages.py --write`"


def test_the_example_is_a_stage_that_works() -> None:
    """The code of the page's filter is run as it stands there."""
    import numpy as np

    from sightline.media import stage as registry

    analyzers.load(entry_points=False)
    source = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    before = dict(registry._registry)
    # Whoever follows the page has the stage already.
    registry._registry.pop("posterize", None)
    try:
        names: dict[str, object] = {"__name__": "example_of_the_docs"}
        exec(compile(source, "extending.md", "exec", dont_inherit=True), names)
        info = registry.stage("posterize")
        ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
        result = info.factory(info.params(), None).apply(ramp, None)
    finally:
        registry._registry.clear()
        registry._registry.update(before)
    assert np.unique(result).tolist() == [0, 85, 170, 255]


if __name__ == "__main__":
    analyzers.load(entry_points=False)
    if "--write" in sys.argv:
        PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.write(table())
