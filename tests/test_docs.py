"""Documentation that code can check: the settings table, every setting and make target named, links that lead somewhere."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from sightline.errors import SOURCE_CODES
from sightline.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def settings_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("settings_table", ROOT / "docs" / "settings_table.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_settings_table_is_the_one_of_the_code() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert page == settings_table().filled(page), "run: make docs"
    assert page.count("\n| `") >= len(Settings.model_fields)


def test_the_table_is_replaced_and_nothing_around_it() -> None:
    module = settings_table()
    page = f"before\n{module.BEGIN}old\n{module.END}after\n"
    assert module.filled(page) == f"before\n{module.BEGIN}{module.table()}{module.END}after\n"


def test_every_reason_a_camera_can_show_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert [code for code in (*SOURCE_CODES, "stalled", "frozen", "engine_unavailable") if f"| `{code}` |" not in page] == []


def test_the_example_environment_names_real_settings() -> None:
    known = {name for line in settings_table().table().splitlines() for name in re.findall(r"`([A-Z0-9_]+)`", line)}
    compose = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    named = set(re.findall(r"^#? ?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert named and named - known - compose == set()


def test_the_first_screen_of_the_readme_has_the_two_commands() -> None:
    first_screen = (ROOT / "README.md").read_text().splitlines()[:25]
    assert any(line.startswith("make run") for line in first_screen)
    assert any(line.startswith("make test") for line in first_screen)


def test_every_make_target_exists_that_a_page_names() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {target for page in PAGES for target in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.M)}
    assert named - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
