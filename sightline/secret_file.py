"""A secret that is generated once and kept in a file of its own. Called by any process; stdlib only."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def read_or_create_secret(path: Path, make: Callable[[], str]) -> str:
    """Return the secret kept in `path` (mode 0600); when there is none, make and keep one. Safe against two processes at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(make())
    try:
        os.link(scratch, path)  # atomic: the first of two processes wins
    except FileExistsError:
        pass
    finally:
        scratch.unlink()
    return path.read_text().strip()
