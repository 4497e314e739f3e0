"""Takes credentials out of text before it is logged, stored or shown.

Pure; called by every process. Where it cannot know, it removes too much rather than too little.
"""

import re

HIDDEN = "***"

# Everything up to the last @ of the word: a password may itself hold `/`, `@`, `:` or a whole `://`.
_USER_INFO = re.compile(r"(?i)([a-z][a-z0-9+.-]*://)\S*@")
_SECRET_NAMES = r"[\w.-]*?(?:token|key|pass|passwd|password|pwd|signature|sig|secret|credential|auth)"
# `_` too: some cameras take `/user=admin_password=secret_channel=1`.
_SECRET_VALUE = re.compile(rf"(?i)((?:[?&;/_]|%3f|%26){_SECRET_NAMES}=)[^&;\s\"'<>#]*")
# In the path of the address that a machine of others calls when a job is over.
_CALL_TOKEN = re.compile(r"(/api/v1/webhook/\w+/)[\w-]+")
_AUTH_HEADER = re.compile(r"(?i)(\b(?:authorization\W{1,4})?(?:basic|bearer|digest)\s+)[A-Za-z0-9+/._~=-]{8,}")


def redact(text: str) -> str:
    """Return `text` without the credentials of any URL in it, nor of any Authorization header."""
    text = _USER_INFO.sub(rf"\1{HIDDEN}@", text)
    text = _SECRET_VALUE.sub(rf"\1{HIDDEN}", text)
    text = _CALL_TOKEN.sub(rf"\1{HIDDEN}", text)
    return _AUTH_HEADER.sub(rf"\1{HIDDEN}", text)
