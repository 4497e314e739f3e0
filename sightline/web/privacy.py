"""Who may see a camera's picture before its filters, while the privacy blur hides something. Called by request threads."""

from sightline.errors import Forbidden
from sightline.records.cameras import Camera
from sightline.web.accounts import Identity, Role
from sightline.web.camera_desk import chain_of

PRIVACY_STAGE = "privacy_blur"
HIDDEN = {"faces": "faces", "people": "people", "plates": "number plates"}
"""Parameters of the privacy blur, and what they hide in words."""


def may_see(camera: Camera, view: str, viewer: Identity) -> bool:
    """Whether the viewer may have this view: with the privacy blur on, the raw picture is for operators."""
    return view != "raw" or viewer.role >= Role.OPERATOR or not chain_of(camera).options()[PRIVACY_STAGE]


def must_see(camera: Camera, view: str, viewer: Identity) -> None:
    """Raises: Forbidden (`raw_is_private`)."""
    if not may_see(camera, view, viewer):
        raise raw_is_private(camera)


def raw_is_private(camera: Camera | None = None) -> Forbidden:
    """The refusal of a raw picture; without a camera when that may be gone, as with a kept one."""
    options = chain_of(camera).options() if camera is not None else {}
    words = " and ".join(words for key, words in HIDDEN.items() if options.get(f"{PRIVACY_STAGE}_{key}")) or "part of what it sees"
    return Forbidden(
        f"This camera hides {words}, so its raw picture is for operators only. Watch the processed picture.",
        code="raw_is_private", needs=Role.OPERATOR.word,
    )  # fmt: skip
