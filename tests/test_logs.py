"""Log lines: one shape in every process, no credentials in any of them."""

import json
import logging
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sightline.logs import formatter
from sightline.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
URL = "rtsp://ann:p/@ss@10.0.0.5:554/ch1"


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, None) if error else None
    return logging.LogRecord("sightline.live.camera", logging.WARNING, __file__, 1, message, arguments, exc_info)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_credentials_in_message_arguments_or_traceback(log_format: str) -> None:
    lines = formatter(Settings.from_env({"LOG_FORMAT": log_format}), "engine")
    line = lines.format(record("Lost %s", URL, error=ValueError(f"no answer from {URL}")))
    assert "p/@ss" not in line
    assert "10.0.0.5" in line
    assert "ValueError" in line


def test_a_text_line_names_level_process_and_logger() -> None:
    line = formatter(Settings.from_env({}), "engine").format(record("Lost %s", "it"))
    assert line.endswith("WARNING engine sightline.live.camera: Lost it")


def test_a_json_line_is_one_object_even_with_a_traceback() -> None:
    line = formatter(Settings.from_env({"LOG_FORMAT": "json"}), "web").format(record("a\nb", error=ValueError("c")))
    assert "\n" not in line
    read = json.loads(line)
    assert (read["level"], read["process"], read["message"]) == ("WARNING", "web", "a\nb")
    assert read["at"].endswith("Z")
    assert "ValueError: c" in read["error"]


def run(script: str) -> str:
    prelude = "from sightline.logs import configure; from sightline.settings import Settings; import logging, threading, warnings\n"
    prelude += "configure(Settings.from_env({}), 'worker')\n"
    command = [sys.executable, "-c", prelude + textwrap.dedent(script)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stderr


def test_what_nobody_caught_is_logged_without_credentials() -> None:
    stderr = run(f"""
        thread = threading.Thread(target=lambda: 1 / 0, name="reader")
        thread.start(); thread.join()
        raise ValueError({URL!r})
    """)
    assert "worker sightline: Thread reader died: division by zero" in stderr
    assert "worker sightline: This process stops" in stderr
    assert "p/@ss" not in stderr


def test_chatty_libraries_are_quiet_and_warnings_become_records() -> None:
    stderr = run("""
        logging.getLogger("httpx").info("HTTP request")
        warnings.warn("old thing", stacklevel=1)
        logging.getLogger("sightline.x").info("shown")
        logging.getLogger("sightline.x").debug("hidden")
    """)
    assert "HTTP request" not in stderr and "hidden" not in stderr
    assert "old thing" in stderr and "sightline.x: shown" in stderr
