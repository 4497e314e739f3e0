"""StageJson: one filter or analyzer as forms and switches are built from it. Pure.

The engine tells it about its own machine; the web process tells it while the engine is down.
"""

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

from sightline.media.stage import Resources, StageInfo

PARAM_TYPES: dict[type, str] = {bool: "bool", int: "int", float: "float", tuple: "several"}


def stage_json(info: StageInfo, resources: Resources) -> dict[str, Any]:
    """One stage, with the reason when it cannot run here."""
    reason = info.unavailable(resources)
    return {
        "name": info.name, "kind": info.kind, "label": info.label, "description": info.description, "available": reason is None,
        "reason": reason, "licence": info.licence, "backend": info.backend, "has_switch": info.is_neutral is None,
        "group": info.group,
        "uses": list(info.needs(info.params())), "reads": info.reads, "is_hidden": info.is_hidden, "moves": info.moves,
        "rate_hz": info.rate_hz if info.kind == "analyzer" else None,
        "params": params_json(info.params, info.option_key),
    }  # fmt: skip


def params_json(params: type, key_of: Callable[[str], str] = str) -> list[dict[str, Any]]:
    """The parameters of a stage, or of anything else whose parameters are declared with `param(...)`."""
    return [_param_json(spec, key_of(spec.name)) for spec in fields(params)]


def _param_json(spec: "Field[Any]", key: str) -> dict[str, Any]:
    described = {name: spec.metadata[name] for name in ("minimum", "maximum", "step", "unit", "label", "help", "editor")}
    return {
        "name": spec.name, "key": key, "type": _type_word(spec), "default": spec.default,
        "choices": list(spec.metadata["choices"]), **described,
    }  # fmt: skip


def _type_word(spec: "Field[Any]") -> str:
    """bool | int | float | choice | text | several | shapes"""
    if spec.metadata["editor"].startswith("shapes:"):
        return "shapes"
    if isinstance(spec.default, str):
        return "choice" if spec.metadata["choices"] else "text"
    return PARAM_TYPES[type(spec.default)]
