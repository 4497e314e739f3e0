"""Paths of Amazon States Language: reading `$.a.b[0]` and `$.list[*].x`, writing a result to a reference path, and templates."""

import json
import re
from collections.abc import Mapping
from typing import Any

_STEP = re.compile(r"\.([A-Za-z0-9_\-]+)|\['([^']*)'\]|\[(\d+)\]|\[(\*)\]")
_CALL = re.compile(r"States\.(\w+)\((.*)\)\Z", re.DOTALL)


class NoSuchPath(Exception):
    """States.ParameterPathFailure, States.ResultPathMatchFailure."""


def steps_of(path: str) -> list[str | int]:
    """`$.a[0].b` → a, 0, b. Raises: NoSuchPath: it is no path."""
    if not path.startswith("$"):
        raise NoSuchPath(path)
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if not found:
            raise NoSuchPath(path)
        name, quoted, index, star = found.groups()
        steps.append(int(index) if index is not None else "*" if star else name if name is not None else quoted)
        at = found.end()
    return steps


def read(path: str, data: Any, context: Mapping[str, Any] | None = None) -> Any:
    """What lies at a path; `$$…` reads the context. Raises: NoSuchPath."""
    if path.startswith("$$"):
        return read(path[1:], context)
    return _read(steps_of(path), data, path)


def _read(steps: list[str | int], data: Any, path: str) -> Any:
    for place, step in enumerate(steps):
        if step == "*":
            items = data if isinstance(data, list) else list(data.values())
            return [_read(steps[place + 1 :], item, path) for item in items]
        try:
            if not isinstance(data, list if isinstance(step, int) else dict):
                raise NoSuchPath(path)
            data = data[step]
        except (KeyError, IndexError) as err:
            raise NoSuchPath(path) from err
    return data


def write(path: str | None, data: Any, result: Any) -> Any:
    """`data` with `result` at a reference path; None throws the result away. Raises: NoSuchPath."""
    if path is None:
        return data
    steps = steps_of(path)
    if "*" in steps:
        raise NoSuchPath(path)
    return _write(steps, data, result, path)


def _write(steps: list[str | int], data: Any, result: Any, path: str) -> Any:
    if not steps:
        return result
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        if not isinstance(data, list) or step >= len(data):
            raise NoSuchPath(path)
        return [*data[:step], _write(rest, data[step], result, path), *data[step + 1 :]]
    if data is not None and not isinstance(data, dict):
        raise NoSuchPath(path)
    inner = (data or {}).get(step)
    return {**(data or {}), step: _write(rest, inner, result, path)}


def fill(template: Any, data: Any, context: Mapping[str, Any]) -> Any:
    """Parameters, ItemSelector, ResultSelector: keys that end in `.$` name a path or call a function. Raises: NoSuchPath."""
    if isinstance(template, list):
        return [fill(item, data, context) for item in template]
    if not isinstance(template, dict):
        return template
    filled = {}
    for name, value in template.items():
        if name.endswith(".$"):
            filled[name.removesuffix(".$")] = evaluate(value, data, context)
        else:
            filled[name] = fill(value, data, context)
    return filled


def evaluate(text: str, data: Any, context: Mapping[str, Any]) -> Any:
    """A path, or States.Array, Format, JsonToString, StringToJson. Raises: NoSuchPath."""
    call = _CALL.match(text.strip())
    if not call:
        return read(text.strip(), data, context)
    name = call.group(1)
    values = [_argument(part, data, context) for part in _split(call.group(2))]
    if name == "Array":
        return values
    if name == "Format":
        pattern, *rest = values
        for value in rest:
            pattern = pattern.replace("{}", value if isinstance(value, str) else json.dumps(value), 1)
        return pattern
    if name == "JsonToString":
        return json.dumps(values[0])
    if name == "StringToJson":
        return json.loads(values[0])
    raise NoSuchPath(f"States.{name} is not known here")


def _argument(part: str, data: Any, context: Mapping[str, Any]) -> Any:
    part = part.strip()
    if part.startswith("'"):
        return part[1:-1].replace("\\'", "'")
    if part.startswith(("$", "States.")):
        return evaluate(part, data, context)
    return json.loads(part)


def _split(text: str) -> list[str]:
    """Arguments, at commas that are neither in brackets nor in quotes."""
    parts, depth, is_quoted, begin = [], 0, False, 0
    for place, char in enumerate(text):
        if char == "'" and text[place - 1 : place] != "\\":
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (char in "([") - (char in ")]")
            if char == "," and depth == 0:
                parts.append(text[begin:place])
                begin = place + 1
    return [*parts, text[begin:]] if text.strip() else []
