"""Writes the table of settings into docs/operations.md from the Settings class. `make docs`; a test keeps the table true."""

import sys
from pathlib import Path

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "operations.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"


def table() -> str:
    """The Markdown table: variable, default, meaning."""
    sys.path.insert(0, str(ROOT))
    from sightline.settings import Settings

    rows = [_row(field) for field in Settings.model_fields.values()]
    return "| Variable | Default | Meaning |\n|---|---|---|\n" + "".join(rows)


def filled(page: str) -> str:
    """The page with the table between its markers made new."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def _row(field: FieldInfo) -> str:
    alias = field.validation_alias
    names = [str(name) for name in alias.choices] if isinstance(alias, AliasChoices) else [str(alias)]
    variable = f"`{names[0]}`" + "".join(f" (or `{name}`)" for name in names[1:])
    return f"| {variable} | {_default(field.default)} | {field.description} |\n"


def _default(value: object) -> str:
    if isinstance(value, SecretStr) or value == "":
        return "(empty)"
    if isinstance(value, bool):
        return f"`{int(value)}`"
    return f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
