"""Words on the film: what is known of the property over its first take, the name of the room over the others. Drawn as pictures
with transparency, so that ffmpeg needs no fonts and no text ever stands in a command."""

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont

from analyzers.timestamp import font_file
from sightline.errors import Invalid
from sightline.media.extra_files import read_logo

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

LONGEST_VALUE = 200
MOST_VALUES = 50
ROOMS = {
    "exterior_front": "Exterior", "exterior": "Exterior", "frontal": "Exterior", "backyard": "Garden", "garden": "Garden",
    "pool": "Pool", "entrance": "Entrance", "living": "Living room", "dining": "Dining room", "office": "Office",
    "laundry": "Laundry room", "view": "View", "aerial": "From above", "unknown": "",
}  # fmt: skip
INK = (255, 255, 255, 255)
SHADE = (0, 0, 0, 120)
SMALLEST = 0.5
"""Words are drawn smaller, down to this share of their size, before they are cut off."""


def check_property(value: object, name: str) -> str:
    """What is known of the property, as a JSON object written evenly; keys that no title uses are kept.

    Args:
        value: an object, one written as JSON, or a line of text: that is the title.

    Raises:
        Invalid: it is no flat object of short texts and numbers.
    """
    if isinstance(value, str):
        value = _parsed(value.strip(), name)
    if not isinstance(value, dict) or len(value) > MOST_VALUES:
        raise Invalid(f'{name} must be a flat JSON object such as {{"address": "…"}}.', code="wrong_type", field=name)
    checked = {_checked_key(key, name): _checked_value(key, item, name) for key, item in value.items()}
    return json.dumps(checked, sort_keys=True, ensure_ascii=False) if checked else ""


def read_property(text: str) -> dict[str, str]:
    """What `check_property` wrote."""
    known: dict[str, str] = json.loads(text or "{}")
    return known


def _parsed(text: str, name: str) -> object:
    if not text.startswith("{"):
        return {"title": text} if text else {}
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as err:
        raise Invalid(f"{name} begins like JSON, but is none.", code="bad_json", field=name) from err


def _checked_key(key: object, name: str) -> str:
    if isinstance(key, str) and key.isprintable() and len(key) <= LONGEST_VALUE:
        return key
    raise Invalid(f"The keys of {name} must be short words.", code="wrong_type", field=name)


def _checked_value(key: object, value: object, name: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:.10g}" if isinstance(value, float) else str(value)
    if value is None or isinstance(value, str):
        line = " ".join((value or "").split())
        if line.isprintable() and len(line) <= LONGEST_VALUE:
            return line
    raise Invalid(
        f"{key} in {name} must be a number or at most {LONGEST_VALUE} letters of text.", code="wrong_type", field=f"{name}.{key}"
    )


def property_lines(text: str) -> list[str]:
    """The lines of the opening title, the most important first; none when nothing usable is known."""
    known = {key: value for key, value in read_property(text).items() if value}
    place = ", ".join(known[key] for key in ("address", "city") if key in known)
    facts = [_price(known)] + [
        words
        for words in (
            _counted(known, "rooms", "room"), _counted(known, "bedrooms", "bedroom"), _counted(known, "bathrooms", "bathroom"),
            f"{_grouped(known['area_m2'])} m²" if "area_m2" in known else "",
            f"{_grouped(known['area_sqft'])} sq ft" if "area_sqft" in known else "",
        )
    ]  # fmt: skip
    contact = " · ".join(known[key] for key in ("agent", "phone") if key in known)
    return [line for line in (known.get("title", ""), place, " · ".join(fact for fact in facts if fact), contact) if line]


def film_title(text: str) -> str:
    """What the film is called."""
    lines = property_lines(text)
    return lines[0] if lines else ""


def room_title(room: str) -> str:
    """What viewers read for a room; empty when it is not known."""
    return ROOMS.get(room, room.replace("_", " ").capitalize())


def draw_card(lines: Sequence[str], width_px: int, text_px: int, path: Path) -> None:
    """Write lines on a translucent ground as a PNG with transparency, at most `width_px` wide; the first line is the largest."""
    pad = max(2, text_px // 2)
    drawn = [_fitted(line, width_px - 2 * pad, round(text_px * (1.25 if n == 0 else 0.85))) for n, line in enumerate(lines)]
    boxes = [font.getbbox(line) for line, font in drawn]
    heights = [round(box[3] + text_px * 0.25) for box in boxes]
    size = (round(max(box[2] for box in boxes)) + 2 * pad, sum(heights) + 2 * pad)
    card = PilImage.new("RGBA", size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(card)
    pen.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius=pad // 2, fill=SHADE)
    top = pad
    for (line, font), height in zip(drawn, heights, strict=True):
        pen.text((pad, top), line, font=font, fill=INK)
        top += height
    card.save(path)


def draw_logo(source: Path, most_px: tuple[int, int], opacity: float, path: Path) -> None:
    """Write a logo as a PNG of at most that width and height. Raises: Invalid: it is damaged."""
    logo = read_logo(source)
    scale = min(most_px[0] / logo.width, most_px[1] / logo.height)
    # With transparency in the colours, what cannot be seen does not shine through at the edges.
    shown = logo.convert("RGBa").resize(
        (max(1, round(logo.width * scale)), max(1, round(logo.height * scale))), PilImage.Resampling.LANCZOS
    ).convert("RGBA")  # fmt: skip
    shown.putalpha(shown.getchannel("A").point([round(level * opacity) for level in range(256)]))
    shown.save(path)


def _fitted(line: str, width_px: int, text_px: int) -> tuple[str, Font]:
    """The line and its font: smaller if need be, and with its end cut off if even that is not enough."""
    for size in (text_px, round(text_px * 0.75), round(text_px * SMALLEST)):
        font = _font(max(8, size))
        if font.getlength(line) <= width_px:
            return line, font
    while len(line) > 1 and font.getlength(line + "…") > width_px:
        line = line[:-1]
    return line.rstrip() + "…", font


def _font(size_px: int) -> Font:
    file = font_file()
    return ImageFont.load_default(size_px) if file is None else ImageFont.truetype(str(file), size_px)


def _price(known: dict[str, str]) -> str:
    return f"{_grouped(known['price'])} {known.get('currency', '')}".strip() if "price" in known else ""


def _counted(known: dict[str, str], key: str, word: str) -> str:
    if key not in known:
        return ""
    return f"{known[key]} {word}{'' if known[key] == '1' else 's'}"


def _grouped(number: str) -> str:
    """`450000` as `450,000`; anything but whole numbers as it is."""
    return f"{int(number):,}" if number.isascii() and number.isdigit() else number
