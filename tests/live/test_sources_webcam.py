"""Webcams, with a stand-in for the driver: these machines have none."""

import threading
from itertools import islice

import cv2
import numpy as np
import pytest

from sightline.errors import SourceError
from sightline.live.sources import open_source, webcam
from sightline.live.sources.webcam import devices
from sightline.media.address import AddressPolicy, parse_source
from sightline.media.source_options import SourceOptions


class Driver:
    """Answers as `cv2.VideoCapture` does."""

    def __init__(self, pictures=10, is_opened=True):
        self.left, self.opened, self.settings, self.is_released = pictures, is_opened, {}, False

    def __call__(self, device, api):
        self.device = device
        return self

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return self.opened

    def set(self, name, value):
        self.settings[name] = value

    def get(self, name):
        given = {cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FRAME_HEIGHT: 480, cv2.CAP_PROP_FPS: 30}
        return given.get(name, cv2.VideoWriter.fourcc(*"MJPG"))

    def read(self):
        self.left -= 1
        return (True, np.zeros((480, 640, 3), np.uint8)) if self.left >= 0 else (False, None)

    def release(self):
        self.is_released = True


@pytest.fixture
def plug_in(monkeypatch):
    def plug_in(driver):
        monkeypatch.setattr(webcam.Path, "exists", lambda _self: True)
        monkeypatch.setattr(webcam.cv2, "VideoCapture", driver)
        return driver

    return plug_in


def _open(source="0", **options):
    return open_source(AddressPolicy().check(parse_source(source)), SourceOptions.parse(options), threading.Event())


def test_pictures_come_with_the_wanted_settings(plug_in):
    driver = plug_in(Driver())
    with _open("/dev/video2", width=640, height=480, fps=30) as source:
        assert driver.device == "/dev/video2"
        assert (source.info.codec, source.info.width_px, source.info.fps) == ("mjpg", 640, 30)
        captured = list(islice(source, 3))
    assert [item.picture.bgr().shape for item in captured] == [(480, 640, 3)] * 3
    assert driver.settings[cv2.CAP_PROP_FRAME_WIDTH] == 640
    assert driver.settings[cv2.CAP_PROP_BUFFERSIZE] == 1
    assert driver.is_released


def test_a_webcam_that_is_pulled_out_is_a_fault(plug_in):
    plug_in(Driver(pictures=2))
    with pytest.raises(SourceError) as caught, _open() as source:
        list(source)
    assert caught.value.code == "timeout"


def test_a_webcam_in_use_is_a_fault(plug_in):
    driver = plug_in(Driver(is_opened=False))
    with pytest.raises(SourceError, match="in use") as caught:
        _open()
    assert caught.value.code == "unreachable"
    assert driver.is_released


def test_devices_are_in_order_of_their_numbers(monkeypatch, tmp_path):
    for name in ("video10", "video2", "video0", "videotape"):
        (tmp_path / name).touch()
    original = webcam.Path
    monkeypatch.setattr(webcam, "Path", lambda text: original(str(text).replace("/dev", str(tmp_path))))
    assert [name.rsplit("/", 1)[1] for name in devices()] == ["video0", "video2", "video10"]
