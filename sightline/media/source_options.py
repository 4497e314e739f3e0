"""What an operator may set about a source besides its address.

Pure; the web process validates with it, the engine opens sources with it. No option reaches ffmpeg unread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

from sightline.errors import Invalid


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Options of any source; those that do not concern its kind have no effect."""

    rtsp_transport: Literal["tcp", "udp"] = "tcp"
    """RTSP: TCP loses nothing; UDP has less delay on a poor network."""
    loop: bool = True
    """File: begin again at its end."""
    verify_tls: bool = True
    """HTTPS: refuse certificates that no known authority has signed."""
    width: int | None = None
    """Webcam: wanted picture width in px."""
    height: int | None = None
    """Webcam: wanted picture height in px."""
    fps: float | None = None
    """Webcam: wanted rate. HTTP still pictures: how often one is fetched (default 2)."""

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> "SourceOptions":
        """Build options from untrusted values.

        Raises:
            Invalid: unknown name or wrong value; names the field and what is allowed.
        """
        known = {f.name for f in fields(cls)}
        for name, value in values.items():
            if name not in known:
                raise Invalid(
                    f"A source has no option {name!r}.",
                    code="unknown_option",
                    field=f"source_options.{name}",
                    allowed=sorted(known),
                )
            _check(name, value)
        return cls(**cast("dict[str, Any]", dict(values)))

    def to_json(self) -> dict[str, object]:
        """Only what differs from the defaults."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


_RANGES: dict[str, tuple[float, float]] = {"width": (16, 7680), "height": (16, 4320), "fps": (0.1, 120)}


def _check(name: str, value: object) -> None:
    if name == "rtsp_transport":
        is_right, allowed = value in ("tcp", "udp"), "tcp or udp"
    elif name in _RANGES:
        low, high = _RANGES[name]
        kinds = (int, float) if name == "fps" else (int,)
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        is_right, allowed = value is None or (is_number and low <= cast("float", value) <= high), f"a number {low} to {high}"
    else:
        is_right, allowed = isinstance(value, bool), "true or false"
    if not is_right:
        raise Invalid(
            f"The source option {name} must be {allowed}.", code="wrong_value", field=f"source_options.{name}", allowed=allowed
        )
