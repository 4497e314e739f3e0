"""What a user may choose of the film itself."""

from dataclasses import dataclass

from sightline.jobs.kinds.showcase.params import ShowcaseParams, own_names
from sightline.jobs.kinds.showcase.titles import check_property
from sightline.media.stage import checked_param, param

SHAPES = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1)}
TRANSITIONS = {"dissolve": "fade", "slide": "slideleft", "wipe": "wiperight", "circle": "circleopen", "none": ""}
"""Name here: name in ffmpeg's filter xfade."""
CORNERS = ("top-right", "top-left", "bottom-right")
"""Titles have the fourth."""


@dataclass(frozen=True)
class FilmParams(ShowcaseParams):
    shapes: tuple[str, ...] = param(tuple(SHAPES), "Shapes", choices=tuple(SHAPES), help="One film in each of these.")
    short_side_px: int = param(720, "Shorter side", minimum=144, maximum=2160, step=2, unit="px")
    transition: str = param("dissolve", "From shot to shot", choices=tuple(TRANSITIONS))
    transition_s: float = param(0.5, "Length of a transition", minimum=0.1, maximum=2.0, step=0.1, unit="s")
    titles: bool = param(True, "Titles", help="Of the property over the first shot, of the room over the others.")
    even_light: bool = param(True, "Even out brightness")
    sound: str = param("none", "Sound of the footage", choices=("none", "low"))
    music_volume: float = param(
        1.0, "Loudness of the music", minimum=0.05, maximum=1.0, step=0.05, help="Of music that was sent with the footage."
    )  # fmt: skip
    logo_corner: str = param("top-right", "Corner of the logo", choices=CORNERS, help="Of a logo that was sent with the footage.")
    logo_size: float = param(
        0.12, "Size of the logo", minimum=0.04, maximum=0.4, step=0.02, help="Its height as a share of the shorter side."
    )  # fmt: skip
    logo_opacity: float = param(0.9, "Opacity of the logo", minimum=0.1, maximum=1.0, step=0.05)
    property_data: str = checked_param(
        "", "Property", check_property, help="Its title, or a JSON object of title, address, city, price, currency, rooms, "
        "bedrooms, bathrooms, area_m2, area_sqft, agent and phone.",
    )  # fmt: skip


FILM_PARAMS = (*own_names(FilmParams), "shot_s")
"""Names of the parameters that the film depends on."""
