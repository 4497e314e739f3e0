"""Ratios and angles of a face whose points are set by the test."""

import numpy as np
import pytest

from sightline.vision.face_points import CHIN, FOREHEAD, LEFT_CHEEK, LEFT_EYE, MOUTH, RIGHT_CHEEK, RIGHT_EYE, face_state


def face(eye: float = 0.3, mouth: float = 0.0) -> np.ndarray:
    """A face that looks ahead, 200 px wide and high; `eye` and `mouth` are height by width."""
    points = np.zeros((468, 3), np.float32)
    points[RIGHT_CHEEK], points[LEFT_CHEEK] = (-100, 0, 0), (100, 0, 0)
    points[FOREHEAD], points[CHIN] = (0, -100, 0), (0, 100, 0)
    for indices, centre in ((RIGHT_EYE, -50), (LEFT_EYE, 50)):
        half = 20 * eye
        rim = [(-20, 0), (-8, -half), (8, -half), (20, 0), (8, half), (-8, half)]
        points[list(indices)] = [(centre + x, y - 40, 0) for x, y in rim]
    points[list(MOUTH)] = [(-30, 50, 0), (0, 50 - 30 * mouth, 0), (30, 50, 0), (0, 50 + 30 * mouth, 0)]
    return points


def about(axis: str, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(
        {"x": [[1, 0, 0], [0, c, -s], [0, s, c]], "y": [[c, 0, -s], [0, 1, 0], [s, 0, c]], "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]]}[
            axis
        ]
    )


@pytest.mark.parametrize("scale", [0.1, 1, 5])
def test_openings_are_ratios(scale: float) -> None:
    state = face_state(face(eye=0.3, mouth=0.5) * np.float32(scale))
    assert state.eye_opening == pytest.approx(0.3, abs=1e-4)
    assert state.mouth_opening == pytest.approx(0.5, abs=1e-4)
    assert state.mouth_open
    assert not state.eyes_closed


def test_shut_eyes_and_mouth() -> None:
    state = face_state(face(eye=0.05, mouth=0.02))
    assert state.eyes_closed
    assert not state.mouth_open


@pytest.mark.parametrize("degrees", [-40, -10, 0, 25])
def test_angles_are_those_the_head_was_turned_by(degrees: float) -> None:
    points = face()
    # z grows away from the camera: a head turned to the right side of the picture has its left cheek further away.
    assert face_state(points @ about("y", degrees).T).yaw_degrees == pytest.approx(degrees, abs=0.1)
    assert face_state(points @ about("z", degrees).T).roll_degrees == pytest.approx(degrees, abs=0.1)
    # Looking up takes the forehead away from the camera.
    assert face_state(points @ about("x", -degrees).T).pitch_degrees == pytest.approx(degrees, abs=0.1)


def test_a_point_is_no_face_but_no_error() -> None:
    state = face_state(np.zeros((468, 3), np.float32))
    assert (state.eye_opening, state.mouth_opening) == (0, 0)
