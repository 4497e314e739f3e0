"""Pictures in a multipart form, held in memory only: what is kept of them is decided elsewhere. Called by request threads."""

from io import BytesIO
from typing import Any

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from sightline.errors import Invalid, TooLarge, Unsupported
from sightline.media.still import MOST_BYTES
from sightline.web.people_desk import Picture

FIELD = "pictures"
MOST_PICTURES = 10
FORM_MAX_BYTES = 3 * MOST_BYTES
FORM_MEMORY_BYTES = 1024 * 1024
"""What the parser may hold beside the pictures: its buffer, and fields that are not files."""
NAME_MAX_CHARS = 80


def read_form(request: Request) -> tuple[dict[str, str], list[Picture]]:
    """The text fields and the pictures of a form.

    Raises:
        Unsupported (no form), TooLarge, Invalid (cut off, too many pictures).
    """
    request.max_content_length = FORM_MAX_BYTES
    mimetype, options = parse_options_header(request.content_type)
    if mimetype != "multipart/form-data" or "boundary" not in options:
        raise Unsupported("Send the pictures as multipart/form-data, field 'pictures'.", code="not_multipart")
    if request.content_length is not None and request.content_length > FORM_MAX_BYTES:
        raise _too_large()
    parser = FormDataParser(
        stream_factory=_in_memory, max_form_memory_size=FORM_MEMORY_BYTES, max_form_parts=MOST_PICTURES + 4, silent=False
    )
    try:
        _stream, form, files = parser.parse(request.stream, mimetype, request.content_length, options)
    except RequestEntityTooLarge as err:
        raise _too_large() from err
    except ValueError as err:
        raise Invalid("The upload was cut off, or is not a valid form.", code="bad_form", field=FIELD) from err
    strange = sorted({*form, *files} - {FIELD, "name"})
    if strange:
        raise Invalid(f"There is no field {strange[0]!r} here.", code="unknown_field", field=strange[0])
    sent = files.getlist(FIELD)
    if len(sent) > MOST_PICTURES:
        raise Invalid(f"Send at most {MOST_PICTURES} pictures at once.", code="too_many_files", field=FIELD)
    pictures = [Picture(_shown(file.filename), file.stream.read()) for file in sent]
    return {key: form[key] for key in form}, pictures


def _in_memory(*_about: object, **_more: object) -> Any:
    # Werkzeug's own choice would write large files to the disk.
    return BytesIO()


def _shown(name: str | None) -> str:
    """The file's name as a message may repeat it."""
    shown = "".join(letter for letter in (name or "") if letter.isprintable())
    return shown[-NAME_MAX_CHARS:] or "picture"


def _too_large() -> TooLarge:
    return TooLarge(f"The pictures together are larger than {FORM_MAX_BYTES} bytes.", limit_bytes=FORM_MAX_BYTES)
