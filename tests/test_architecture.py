"""The rules of the house that no linter knows, checked on the syntax tree, the lock files and the import graph."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("sightline", "analyzers", "lambda_functions")
MODULES = sorted([ROOT / "app.py", *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))])
MODULE_MAX_LINES, FUNCTION_MAX_LINES, APP_MAX_LINES = 600, 60, 40
MAX_PARAMETERS = 8
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}

BROAD_EXCEPTS = {
    "sightline/jobs/execute.py": "top of a job",
    "sightline/jobs/contract.py": "a third party's package does not load",
    "analyzers/__init__.py": "a third party's package does not load",
    "sightline/engine/counter_log.py": "top of the counters' thread",
    "sightline/engine/cost_preview.py": "top of the loop that keeps costs",
    "sightline/engine/errors.py": "top of a request",
    "sightline/engine/feed.py": "top of the statistics loop",
    "sightline/analysis/scheduler.py": "top of an analysis thread",
    "sightline/analysis/unit.py": "an analyzer of anybody's fails",
    "sightline/live/camera.py": "top of a camera's chain thread",
    "sightline/live/capture.py": "top of a camera's capture thread",
    "sightline/live/chain_runner.py": "a filter of anybody's fails",
    "sightline/live/doctor.py": "top of an examination",
    "sightline/live/hub.py": "top of an encoder thread",
    "sightline/live/stage_costs.py": "top of the process that measures a stage",
    "sightline/web/doctor_desk.py": "top of a check's thread",
    "sightline/web/downloads.py": "top of a download's thread",
    "sightline/web/errors.py": "top of a request",
    "sightline/web/feed.py": "top of the feed thread",
    "sightline/web/sockets.py": "top of a Socket.IO event",
    "sightline/worker.py": "top of a duty's thread",
}
"""The modules that may catch everything, because something that is not theirs runs below them. Each of them logs it."""

USE_THE_ENVIRONMENT = {
    "sightline/settings.py": "reads it",
    "sightline/vision/inference/torch_backend.py": "forbids ultralytics the internet and the home folder",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


modules = pytest.mark.parametrize("path", MODULES, ids=name_of)


def test_imports_go_down_only() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@modules
def test_modules_and_functions_stay_readable(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MODULE_MAX_LINES
    too_long = [f.name for f in functions(path) if f.end_lineno and f.end_lineno - f.lineno >= FUNCTION_MAX_LINES]
    too_wide = [f.name for f in functions(path) if len(f.args.args) + len(f.args.kwonlyargs) > MAX_PARAMETERS]
    assert (too_long, too_wide) == ([], [])


@modules
def test_modules_are_named_after_what_they_hold(path: Path) -> None:
    assert not VAGUE_NAMES & set(path.relative_to(ROOT).with_suffix("").parts)


@modules
def test_every_module_says_what_it_owns(path: Path) -> None:
    assert ast.get_docstring(tree_of(path)), "no module docstring"


@modules
def test_only_settings_reads_the_environment(path: Path) -> None:
    if name_of(path) in USE_THE_ENVIRONMENT:
        return
    reads = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and getattr(node.value, "id", "") == "os")
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and {"environ", "getenv"} & {a.name for a in node.names})
    ]
    assert reads == []


@modules
def test_nothing_prints(path: Path) -> None:
    calls = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call))
    assert [call.lineno for call in calls if getattr(call.func, "id", "") == "print"] == []


@modules
def test_broad_excepts_only_where_listed(path: Path) -> None:
    handlers = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ExceptHandler))
    broad = [handler.lineno for handler in handlers if _catches_everything(handler)]
    assert broad == [] or name_of(path) in BROAD_EXCEPTS, f"lines {broad}: list the module in BROAD_EXCEPTS, or catch less"


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    if isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None:
        return False  # it cleans up and passes the exception on
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return handler.type is None or any(getattr(kind, "id", "") in ("Exception", "BaseException") for kind in kinds)


@modules
def test_comments_leave_no_work_behind(path: Path) -> None:
    assert re.findall(r"#.*\b(?:TODO|FIXME|XXX|HACK)\b", path.read_text()) == []


def test_app_is_a_composition_root() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) <= APP_MAX_LINES


def test_importing_app_starts_nothing() -> None:
    script = (
        "import app, sys, threading; print(threading.active_count(), sorted({'flask', 'cv2', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 []"


def lock_lines() -> list[str]:
    return [line for name in ("requirements.lock", "requirements-test.lock") for line in (ROOT / name).read_text().splitlines()]


def test_the_lock_names_exact_versions_and_no_index() -> None:
    assert [line for line in lock_lines() if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", line)] == []
    assert not (ROOT / "uv.lock").exists()


def test_the_lock_holds_one_opencv_and_no_torch() -> None:
    names = [line.split("==")[0] for line in lock_lines()]
    assert [name for name in names if name.startswith("opencv")] == ["opencv-contrib-python-headless"]
    assert [name for name in names if name.startswith(("torch", "ultralytics", "tensorflow", "nvidia", "jax"))] == []


def test_everything_installed_is_locked() -> None:
    # The base lock and the test lock together; neither repeats the other.
    names = [line.split(" ;")[0].split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines()]
    test_names = [line.split(" ;")[0].split("==")[0] for line in (ROOT / "requirements-test.lock").read_text().splitlines()]
    assert set(names) & set(test_names) == set()


def test_no_path_of_a_developers_machine_is_in_the_project() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    strange = re.compile(rb"/(?:work|home|root|Users)/\w+/|https?://(?:[\w.-]+\.)?(?:artifactory|nexus|devpi)\b")
    files = [ROOT / name for name in tracked.stdout.splitlines() if not name.startswith("static/vendor/")]
    found = [name_of(path) for path in files if path.is_file() and strange.search(path.read_bytes())]
    assert [name for name in found if name != "tests/test_architecture.py"] == []
