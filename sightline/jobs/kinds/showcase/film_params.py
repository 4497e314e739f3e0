"""What a user may choose of the film itself."""

from dataclasses import dataclass

from sightline.jobs.kinds.showcase.params import ShowcaseParams
from sightline.jobs.kinds.showcase.titles import check_property
from sightline.media.stage import checked_param, param

SHAPES = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1)}
TRANSITIONS = {"dissolve": "fade", "slide": "slideleft", "wipe": "wiperight", "circle": "circleopen", "none": ""}
"""Name here: name in ffmpeg's filter xfade."""


@dataclass(frozen=True)
class FilmParams(ShowcaseParams):
    shapes: tuple[str, ...] = param(tuple(SHAPES), "Shapes", choices=tuple(SHAPES), help="One film in each of these.")
    short_side_px: int = param(720, "Shorter side", minimum=144, maximum=2160, step=2, unit="px")
    transition: str = param("dissolve", "From shot to shot", choices=tuple(TRANSITIONS))
    transition_s: float = param(0.5, "Length of that", minimum=0.1, maximum=2.0, step=0.1, unit="s")
    titles: bool = param(True, "Titles", help="Of the property over the first shot, of the room over the others.")
    even_light: bool = param(True, "Even out brightness")
    sound: str = param("none", "Sound of the footage", choices=("none", "low"))
    property_data: str = checked_param(
        "", "Property", check_property, help="Its title, or a JSON object of title, address, city, price, currency, rooms, "
        "bedrooms, bathrooms, area_m2, area_sqft, agent and phone.",
    )  # fmt: skip


FILM_PARAMS = ("shapes", "short_side_px", "transition", "transition_s", "titles", "even_light", "sound", "property_data", "shot_s")
"""Names of the parameters that only the film depends on."""
