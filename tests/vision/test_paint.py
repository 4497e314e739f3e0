import numpy as np
import pytest

from sightline.live.nosignal import no_signal_picture
from sightline.media.findings import Detection, Findings, Mark, Mask
from sightline.media.transform import IDENTITY, Transform
from sightline.vision.paint import caption, colour_of, paint
from tests.live_fakes import found, picture

SIZES = [(1, 1), (64, 48), (640, 360), (1920, 1080), (7, 300)]


def test_nothing_to_draw_gives_the_very_same_picture():
    image = picture()
    assert paint(image, []) is image
    assert paint(image, [found(pts_s=0)]) is image


@pytest.mark.parametrize("size_px", SIZES)
def test_boxes_are_drawn_on_a_copy_of_any_size(size_px):
    image = picture(0, size_px)
    image.flags.writeable = False
    result = paint(image, [found((0, 0, size_px[0], size_px[1]), (5, 5, 20, 20), pts_s=0)])
    assert result.shape == image.shape
    assert result.any()
    assert not image.any()


def test_a_box_is_where_its_detection_is():
    drawn = paint(picture(0, (640, 480)), [found((100, 200, 300, 400), pts_s=0)])
    rows, columns = np.nonzero(drawn.any(axis=2))
    assert abs(columns.min() - 100) <= 2
    assert abs(columns.max() - 300) <= 2
    assert abs(rows.max() - 400) <= 2


def test_keypoints_are_drawn_when_they_are_sure():
    detection = Detection("pose", 1.0, (0, 0, 0, 0), keypoints=((100.0, 100.0, 0.9), (200.0, 100.0, 0.1)))
    drawn = paint(picture(0, (320, 240)), [Findings("pose", "cam", 1, 0, 0, (320, 240), (detection,))])
    assert drawn[100, 100].any()
    assert not drawn[100, 200].any()


def painted(size_px=(320, 240), transform=IDENTITY, **what):
    """What is drawn of these findings onto black."""
    image = picture(0, size_px)
    image.flags.writeable = False
    return paint(image, [Findings("zones", "cam", 1, 0, 0, (320, 240), **what)], transform)


def test_a_picture_of_our_own_is_not_copied():
    image = picture(0, (64, 48))
    assert paint(image, [found((5, 5, 20, 20), pts_s=0)]) is image


def test_a_zone_is_closed_tinted_and_named():
    square = Mark(((50.0, 50.0), (250.0, 50.0), (250.0, 200.0), (50.0, 200.0)), closed=True, text="Entrance 3")
    drawn = painted(marks=(square,))
    assert drawn[125, 50].max() > 150, "the closing edge"
    assert 0 < drawn[125, 150].max() < 60, "the light fill"
    assert not drawn[125, 20].any()
    assert drawn[40:50, 52:100].any(), "the words above the first corner"


def test_a_counting_line_points_to_its_right_and_a_trail_nowhere():
    points = ((60.0, 120.0), (260.0, 120.0))  # from left to right: its right is below
    drawn = painted(marks=(Mark(points, text="Door"),))
    assert drawn[124:150, 160].any()
    assert not drawn[90:116, 160].any()
    assert not painted(marks=(Mark(points),))[124:150, 160].any()


def test_bones_join_the_keypoints_that_are_sure():
    points = ((100.0, 100.0, 0.9), (200.0, 100.0, 0.9), (200.0, 200.0, 0.1))
    drawn = painted(detections=(Detection("person", 1.0, (300, 230, 310, 235), keypoints=points, bones=((0, 1), (1, 2), (1, 99))),))
    assert drawn[100, 150].any()
    assert not drawn[150, 200].any()


def test_of_a_dense_mesh_only_the_lines_are_drawn():
    points = tuple((float(x), 100.0, 1.0) for x in range(20, 220))
    mesh = Detection("face", 1.0, (300, 230, 310, 235), keypoints=points, bones=((0, 10),))
    drawn = painted(detections=(mesh,))
    assert drawn[100, 25].any()
    assert not drawn[100, 100:].any()


def test_heat_colours_what_was_visited_and_nothing_else():
    values = np.zeros((24, 32), np.uint8)
    values[10:14, 10:14] = 255
    drawn = painted(mask=Mask("heat", values))
    assert drawn[120, 120].max() > 50
    assert not drawn[:80].any()


def test_each_heat_mask_is_drawn_as_it_is():
    """Whatever stood on the picture before."""
    for column in range(20):
        values = np.zeros((24, 32), np.uint8)
        values[10:14, column : column + 4] = 255
        for size_px in ((320, 240), (640, 480)):
            drawn = painted(size_px, mask=Mask("heat", values))
            columns = np.nonzero(drawn.any(axis=(0, 2)))[0] * 320 / size_px[0]
            assert columns.mean() == pytest.approx(10 * column + 20, abs=8)


def test_a_person_has_an_outline_and_a_tint():
    values = np.zeros((24, 32), np.uint8)
    values[5:20, 10:20] = 255
    drawn = painted(mask=Mask("person", values))
    assert 0 < drawn[120, 150].max() < 80
    assert drawn[120, 95:110].max() > 150
    assert not drawn[120, :90].any()


def test_everything_lands_where_the_picture_was_moved_to():
    what = {
        "detections": (Detection("motion", 1.0, (10, 60, 30, 80)),),
        "marks": (Mark(((10.0, 20.0), (30.0, 20.0))),),
    }
    drawn = painted((640, 480), Transform(2, 0, 100, 0, 2, 50), **what)
    assert drawn[90, 140].any(), "the mark"
    assert drawn[190, 120].any(), "an edge of the box"
    assert not drawn[:, :110].any()


@pytest.mark.parametrize("size_px", SIZES)
@pytest.mark.parametrize("kind", ["heat", "person"])
def test_masks_and_far_marks_fit_any_picture(size_px, kind):
    values = np.random.default_rng(3).integers(0, 256, (9, 16), np.uint8)
    far = Mark(((-1e9, 5.0), (1e9, 5.0), (3.0, 1e12)), closed=True, text="far")
    drawn = painted(size_px, marks=(far, Mark(((1.0, 1.0),), text="dot"), Mark(())), mask=Mask(kind, values))
    assert drawn.shape == (size_px[1], size_px[0], 3)


@pytest.mark.parametrize("transform", [IDENTITY, Transform.scale(2, 2)])
def test_what_is_no_number_is_not_drawn_and_stops_nothing(transform):
    nan = float("nan")
    broken = Detection("face", 0.9, (nan, 10, 20, float("inf")), keypoints=((nan, 5.0, 0.9), (5.0, 5.0, nan)), bones=((0, 1),))
    good = Detection("motion", 1.0, (100, 100, 140, 140))
    drawn = painted(transform=transform, detections=(broken, good), marks=(Mark(((nan, nan), (3.0, 4.0)), text="gate"),))
    assert drawn[100:160, 100:160].any() or drawn[200:240, 200:300].any()


def test_captions():
    assert caption(Detection("person", 0.871, (0, 0, 1, 1), 3)) == "person 87% #3"
    assert caption(Detection("motion", 1.0, (0, 0, 1, 1), 3)) == "motion"


def test_a_label_keeps_its_colour():
    assert colour_of("person") == colour_of("person")
    assert len({colour_of(label) for label in ("face", "person", "car", "motion")}) > 1


def test_the_followed_target_shows_when_it_is_lost():
    def shade(is_lost):
        detection = Detection("target", 1.0, (10, 40, 60, 90), attributes={"lost": is_lost})
        return paint(picture(0, (100, 100)), [Findings("object_tracking", "cam", 1, 0, 0, (100, 100), (detection,))])[90, 30]

    assert not np.array_equal(shade(True), shade(False))


@pytest.mark.parametrize("size_px", SIZES)
@pytest.mark.parametrize("state", ["connecting", "stalled", "backoff", "ended", "stopped", "unknown"])
def test_a_no_signal_picture_of_any_size(size_px, state):
    image = no_signal_picture(size_px, "Größe", state, "Nothing answers at that address. " * 10, 90)
    assert image.shape == (size_px[1], size_px[0], 3)
    assert image.dtype == np.uint8


def test_the_no_signal_picture_tells_states_apart():
    pictures = [no_signal_picture((640, 360), "Door", state, "", 5) for state in ("connecting", "stalled", "stopped")]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[1], pictures[2])


def test_a_caption_tells_what_was_read():
    box = (0.0, 0.0, 9.0, 9.0)
    assert caption(Detection("QR code", 1.0, box, attributes={"text": "Grüße " + "x" * 50})) == "QR code Gr??e " + "x" * 18
    assert caption(Detection("hand", 0.9, box, attributes={"gesture": "victory", "side": "left"})) == "hand 90% victory"
