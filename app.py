"""The composition root: `app:create_app()` for a WSGI server, `python app.py` for everything. Importing it starts nothing."""

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent


def create_app() -> Any:
    """Build the Flask application from the environment's settings. Says why and exits when that cannot be done."""
    from sightline import logs
    from sightline.errors import SightlineError
    from sightline.settings import Settings
    from sightline.web.app_factory import create_app as create_web_app

    try:
        return create_web_app(Settings.from_env())
    except SightlineError as err:
        raise SystemExit(logs.explain(err)) from None


def main() -> int:
    """Start web, engine and worker, and watch them until a signal comes; returns the exit code."""
    os.chdir(ROOT)  # `.env` and `var/` are the project's own, wherever it is started from
    from sightline import supervisor

    return supervisor.main(ROOT)


if __name__ == "__main__":
    sys.exit(main())
