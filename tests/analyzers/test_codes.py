"""The analyzer of codes: attributes, boxes, and each code once per visit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analyzers
from sightline.media.findings import Findings
from sightline.media.frame import Image
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from tests.analyzers.conftest import as_frame
from tests.vision.printed_codes import ean13, placed, qr

analyzers.load(entry_points=False)


def made(**params: Any) -> Any:
    info = stage("codes")
    return info.factory(make_params(info, params), Resources(ModelStore(Path("none"))))


def looked(codes: Any, image: Image, seq: int) -> Findings:
    return codes.analyze([as_frame(image, seq, fps=4.0)])[0]


def test_a_code_says_what_and_where_it_is(scene: Image) -> None:
    found = looked(made(), placed(scene, qr("Gate 7"), (320, 180), 5), 1)
    (code,) = found.detections
    assert (code.label, dict(code.attributes)) == ("QR code", {"text": "Gate 7", "type": "QR"})
    assert (np.array(code.box[:2]) + code.box[2:]) / 2 == pytest.approx([320, 180], abs=8)
    assert len(code.keypoints) == len(code.bones) == 4
    assert found.measures == {"codes": 1, "unread": 0, "texts": ["Gate 7"], "kinds": ["QR"]}


def test_each_code_is_told_once_per_visit(scene: Image) -> None:
    codes = made(gone_s=2.0)
    one, both = (
        placed(scene, qr("A"), (150, 180), 5),
        placed(placed(scene, qr("A"), (150, 180), 5), ean13("4006381333931"), (430, 180), 2),
    )
    pictures = [one, one, both, both, *[scene] * 12, one]
    told = [
        (seq, happening.facts["text"]) for seq, image in enumerate(pictures) for happening in looked(codes, image, seq).happenings
    ]
    assert told == [(0, "A"), (2, "4006381333931"), (16, "A")]


def test_a_long_text_is_shortened_in_the_message_only(scene: Image) -> None:
    text = "visit " * 30
    (happening,) = looked(made(), placed(scene, qr(text), (320, 180), 4), 1).happenings
    assert happening.facts["text"] == text.strip()
    assert len(happening.message) <= 100
    assert happening.message.endswith("…")
    assert happening.kind == "code.read"
