import json

import pytest

from sightline.engine import answers
from sightline.engine.answers import findings_json
from sightline.media.findings import Detection, Findings

NAN = float("nan")


def spelled(*detections, **measures):
    """What a browser would read."""
    found = Findings("faces", "yard", 1, 2, 3, (640, 480), detections, measures)
    text = json.dumps(findings_json([found]), allow_nan=False)
    return json.loads(text)[0]


def detection(score=0.5, box=(1.0, 2.0, 3.0, 4.0), points=0, **attributes):
    return Detection("face", score, box, 7, tuple((float(i), 1.0, 0.5) for i in range(points)), attributes)


def test_names_numbers_and_attributes_go_out():
    (found,) = spelled(detection(name="Ann", smile=True, speed_kmh=12.5))["detections"]
    assert found == {
        "label": "face", "score": 0.5, "box": [1, 2, 3, 4], "track_id": 7, "keypoints": [],
        "attributes": {"name": "Ann", "smile": True, "speed_kmh": 12.5},
    }  # fmt: skip


@pytest.mark.parametrize(("points", "sent"), [(17, 17), (64, 64), (65, 0), (478, 0)])
def test_a_mesh_keeps_its_points_to_itself(points, sent):
    (found,) = spelled(detection(points=points))["detections"]
    assert len(found["keypoints"]) == sent


def test_of_too_many_the_surest_go_out():
    crowd = [detection(score=i / 1000) for i in range(300)]
    sent = [one["score"] for one in spelled(*crowd)["detections"]]
    assert sent == [i / 1000 for i in range(299, 299 - answers.MOST_DETECTIONS, -1)]


def test_what_json_cannot_spell_stays_here():
    told = spelled(detection(score=NAN), detection(box=(0.0, 0.0, NAN, 1.0)), detection(), level=NAN, levels=(1.0, float("inf")))
    assert len(told["detections"]) == 1
    assert told["measures"] == {"level": None, "levels": [1.0, None]}


def test_measures_have_a_bounded_size():
    told = spelled(words="x" * 10_000, many=list(range(10_000)), names={str(i): i for i in range(10_000)})
    assert len(json.dumps(told)) < 10_000
