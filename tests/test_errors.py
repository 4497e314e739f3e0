"""The error tree: one root, stable codes, messages for people, and the docstring that shows it stays true."""

import inspect
import json
import re

import pytest

from sightline import errors
from sightline.errors import SOURCE_CODES, SightlineError, StorageError

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_carries_message_code_and_facts(kind: type[SightlineError]) -> None:
    error = kind("Say what to do.", code="a_code", field="port")
    assert (str(error), error.message, error.code, error.facts) == (
        "Say what to do.",
        "Say what to do.",
        "a_code",
        {"field": "port"},
    )
    assert json.dumps(error.facts)
    assert re.fullmatch(r"[a-z_]+", kind("x").code)


def test_codes_differ_between_classes() -> None:
    codes = [kind.default_code for kind in ALL]
    assert len(set(codes)) == len(codes)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    assert drawn == {kind.__name__ for kind in ALL} - {"SightlineError"}
    assert all(kind.__mro__[1] is SightlineError for kind in ALL if kind is not SightlineError)


def test_source_codes_are_words_a_client_can_switch_on() -> None:
    assert errors.SourceError("x").code in SOURCE_CODES
    assert len(set(SOURCE_CODES)) == len(SOURCE_CODES)


def test_storage_errors_say_whether_waiting_helps() -> None:
    assert StorageError("x").is_transient
    assert not StorageError("x", is_transient=False, code="disk_full").is_transient
