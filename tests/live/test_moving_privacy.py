"""What must be hidden is hidden wherever the filters moved it, in every order of the chain."""

import itertools

import cv2
import numpy as np
import pytest

import analyzers
from sightline.live.chain_runner import ChainRunner
from sightline.media.chain import ChainSpec
from sightline.media.findings import Detection, Findings
from sightline.media.frame import BgrPicture, Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources
from tests.live_fakes import FRAME_NS

analyzers.load(entry_points=False)

SIZE = (640, 360)
FACE = (300, 140, 350, 200)
ORDERS = list(itertools.permutations(("stabilise", "upscale", "privacy_blur")))


def shaken(wall, dx, dy):
    """The camera's picture moved by dx, dy, with a green face in it, and the face's box."""
    image = wall[100 + dy : 460 + dy, 150 + dx : 790 + dx].copy()
    x1, y1, x2, y2 = (edge - shift for edge, shift in zip(FACE, (dx, dy, dx, dy), strict=True))
    image[y1:y2, x1:x2] = (0, 255, 0)
    return image, (float(x1), float(y1), float(x2), float(y2))


def is_green(image):
    blue, green, red = (image[..., channel].astype(int) for channel in range(3))
    return (green > 150) & (blue < 80) & (red < 80)


@pytest.fixture(scope="module")
def wall():
    """Grey texture, larger than the picture."""
    noise = np.random.default_rng(6).integers(60, 200, (50, 90), np.uint8)
    return cv2.cvtColor(cv2.resize(noise, (940, 560), interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)


@pytest.mark.parametrize("zoom", [1.0, 1.5])
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_a_face_is_covered_in_every_order(wall, tmp_path, order, zoom):
    default = ChainSpec.default().to_json()
    others = [stage for stage in default["stages"] if stage["name"] not in order]
    chosen = [next(stage for stage in default["stages"] if stage["name"] == name) for name in order]
    spec = ChainSpec.from_json(default | {"stages": others + chosen}).with_options(
        {"stabilise": True, "upscale": True, "upscale_zoom": zoom, "privacy_blur": True, "privacy_blur_style": "black"}
    )
    runner = ChainRunner("cam", Resources(ModelStore(tmp_path)), lambda *_: None)
    runner.swap(spec)
    rng = np.random.default_rng(1)
    for seq in range(1, 12):
        image, face = shaken(wall, *(int(shift) for shift in rng.normal(0, 6, 2)))
        frame = Frame("cam", seq, seq * FRAME_NS, 0, 0.0, BgrPicture(image))
        found = Findings.of("privacy_faces", frame, detections=(Detection("face", 0.9, face),))
        shown = runner.run(frame, "Camera", {"privacy_faces": found})
        assert [stage.state for stage in runner.filters] == ["ok"] * 3
        assert not is_green(shown).any(), seq
        x, y = runner.transform.point((face[0] + face[2]) / 2, (face[1] + face[3]) / 2)
        assert not shown[round(y), round(x)].any(), "the face is black where the transform says it is"
        assert (shown.max(axis=2) == 0).mean() < 0.4, "and the rest is not"
