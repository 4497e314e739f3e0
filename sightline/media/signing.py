"""Signed media addresses: the web process authorises a viewer, the engine checks the signature and serves the bytes.

Pure; `sign_path` is called by the web process, `verify_path` by the engine for requests that come over TCP.
"""

import hashlib
import hmac


def sign_path(key: str, path_with_query: str, expires_s: float) -> str:
    """Return the path with `expires` and `signature` added; good until `expires_s` (epoch seconds)."""
    separator = "&" if "?" in path_with_query else "?"
    promised = f"{path_with_query}{separator}expires={int(expires_s)}"
    return f"{promised}&signature={_signature(key, promised)}"


def verify_path(key: str, path_with_query: str, now_s: float) -> bool:
    """Whether this is a path as `sign_path` made it, not expired at `now_s` (epoch seconds)."""
    promised, found, given = path_with_query.rpartition("&signature=")
    # Compared as bytes: compare_digest refuses text that is not ASCII.
    if not found or not hmac.compare_digest(_signature(key, promised).encode(), given.encode()):
        return False
    expires = promised.rpartition("expires=")[2]
    return expires.isascii() and expires.isdigit() and now_s < int(expires)


def _signature(key: str, promised: str) -> str:
    return hmac.new(key.encode(), promised.encode(), hashlib.sha256).hexdigest()
