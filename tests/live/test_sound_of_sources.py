"""Sound of real files beside their pictures, and of a real RTSP camera."""

import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from sightline.live.capture import Capture
from sightline.live.sources import open_source
from sightline.live.sources.container import ContainerPlan, ContainerSource, open_container
from sightline.media.address import AddressPolicy, parse_source
from sightline.media.frame import Frame
from sightline.media.sound import SAMPLE_NS, SAMPLE_RATE_HZ
from sightline.media.source_options import SourceOptions

TONE_HZ, FPS = 440, 10
BEHIND_NS = 100_000_000


@pytest.fixture
def opened() -> Iterator[Callable[..., ContainerSource]]:
    """`opened(path, loop=False)` opens a file that is read as fast as it goes."""
    sources: list[ContainerSource] = []

    def open_(path: Path, **plan: bool) -> ContainerSource:
        sources.append(open_container(f"file:{path}", ContainerPlan("file", is_live=False, **plan), threading.Event()))
        # Read as fast as it goes: only the waiting is left out.
        sources[-1]._pacer = None
        return sources[-1]

    yield open_
    for source in sources:
        source.close()


def make_film(path: Path, seconds: float, codec: str = "aac", rate: int = 44_100, sound_s: float | None = None) -> Path:
    """Grey pictures, and a stereo tone that begins after one second."""
    with av.open(str(path), "w") as film:
        pictures, sound = film.add_stream("mpeg4", rate=FPS), film.add_stream(codec, rate=rate, layout="stereo")
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        count = round((sound_s if sound_s is not None else seconds) * rate)
        t = np.arange(count) / rate
        wave = np.where(t >= 1, 0.5 * np.sin(2 * np.pi * TONE_HZ * t), 0).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        fifo = av.AudioFifo()
        fifo.write(frame)
        for number in range(round(seconds * FPS)):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number % 200, np.uint8), format="rgb24")
            film.mux(pictures.encode(picture))
            while fifo.samples_read / rate < (number + 1) / FPS and (piece := fifo.read(1024, partial=True)) is not None:
                film.mux(sound.encode(piece))
        film.mux(pictures.encode(None))
        film.mux(sound.encode(None))
    return path


@dataclass
class Recording:
    start: int
    samples: np.ndarray

    def rms(self, begin_s: float, end_s: float) -> float:
        begin, end = (round(second * SAMPLE_RATE_HZ) - self.start for second in (begin_s, end_s))
        return float(np.sqrt(np.mean(self.samples[begin:end] ** 2)))


def recorded(source: ContainerSource, most: int = 10_000) -> tuple[Recording, int]:
    """All that a listener hears who looks at every picture, and how far it was behind at worst, in samples."""
    pieces, position, worst = [], None, 0
    for number, captured in enumerate(source):
        assert captured.sound is not None
        captured.sound.want()
        until_ns = captured.pts_ns - BEHIND_NS
        heard = captured.sound.read(position, until_ns)
        if heard is not None:
            assert position in (None, heard.start)
            pieces.append(heard)
            position = heard.start + len(heard.samples)
        if position is not None:
            worst = max(worst, until_ns // SAMPLE_NS - position)
        if number >= most:
            break
    return Recording(pieces[0].start, np.concatenate([piece.samples for piece in pieces])), worst


@pytest.mark.parametrize(
    ("suffix", "codec", "rate"), [("mp4", "aac", 44_100), ("mkv", "libopus", 48_000), ("avi", "pcm_s16le", 8_000)]
)
def test_sound_is_where_the_pictures_say(
    opened: Callable[..., ContainerSource], tmp_path: Path, suffix: str, codec: str, rate: int
) -> None:
    sound, worst = recorded(opened(make_film(tmp_path / f"film.{suffix}", 4, codec, rate)))
    assert worst <= 1
    assert sound.rms(0.2, 0.9) < 0.01
    # A tone of amplitude 0.5, the same on both sides.
    assert sound.rms(1.2, 3.6) == pytest.approx(0.354, rel=0.05)
    spectrum = np.abs(np.fft.rfft(sound.samples[-16_000:]))
    assert int(spectrum.argmax()) == pytest.approx(TONE_HZ, abs=2)


@pytest.mark.parametrize("name", ["speech_with_silences.mp4", "kitchen_cooking.mkv", "talking_head_speech.mp4"])
def test_a_real_file_sounds_the_same_every_time(
    opened: Callable[..., ContainerSource], asset: Callable[[str], Path], name: str
) -> None:
    (first, worst), (second, _) = (recorded(opened(asset(f"video/{name}")), most=150) for _ in range(2))
    assert worst <= 1, "sound lies up to 1.4 s from its pictures in these files"
    assert zlib.crc32(first.samples) == zlib.crc32(second.samples)
    assert first.rms(0, 4) > 0.01


def test_a_loop_goes_on_sounding(opened: Callable[..., ContainerSource], tmp_path: Path) -> None:
    sound, _ = recorded(opened(make_film(tmp_path / "film.mp4", 3), loop=True), most=80)
    for begin_s in (0, 3):
        assert sound.rms(begin_s + 0.3, begin_s + 0.9) < 0.02
        assert sound.rms(begin_s + 1.3, begin_s + 2.7) == pytest.approx(0.354, rel=0.1)


def test_sound_that_ends_early_keeps_no_picture_back(opened: Callable[..., ContainerSource], tmp_path: Path) -> None:
    source = opened(make_film(tmp_path / "film.mp4", 6, sound_s=2.0))
    assert sum(1 for _ in source) == 60


def test_a_file_without_sound_says_so(opened: Callable[..., ContainerSource], asset: Callable[[str], Path]) -> None:
    assert next(iter(opened(asset("video/bikes_6_shots.mp4")))).sound is None


def test_nothing_is_decoded_for_nobody(
    opened: Callable[..., ContainerSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sightline.media.sound.WANTED_S", 0.0)
    source = opened(make_film(tmp_path / "film.mp4", 3))
    pictures = iter(source)
    first = [next(pictures) for _ in range(10)][-1]
    assert first.sound is not None
    assert first.sound.read(None, 10**12) is None
    monkeypatch.setattr("sightline.media.sound.WANTED_S", 60.0)
    first.sound.want()
    rest = list(pictures)
    assert len(rest) == 20, "no picture is lost when somebody begins to listen"
    heard = rest[-1].sound.read(None, 10**12)
    assert heard is not None
    assert np.sqrt(np.mean(heard.samples**2)) == pytest.approx(0.354, rel=0.1)


def test_a_damaged_sound_track_never_disturbs_the_pictures(opened: Callable[..., ContainerSource], tmp_path: Path) -> None:
    path = make_film(tmp_path / "film.avi", 3, "mp3", 44_100)
    data = bytearray(path.read_bytes())
    place, end = 0, data.find(b"idx1")
    while (place := data.find(b"01wb", place + 8, end)) > 0:
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        data[place + 8 : place + 8 + length] = np.random.default_rng(place).bytes(length)
    path.write_bytes(data)
    captured = list(opened(path))
    assert len(captured) == 30


def test_frames_of_a_camera_carry_sound_on_their_own_clock(tmp_path: Path, wait_until: Callable[..., None]) -> None:
    """A file played once, a second time by another run of the same capture: its clock goes on, and so does the sound's."""
    make_film(tmp_path / "film.mp4", 2)
    frames: list[Frame] = []
    capture = Capture(
        "yard", "film.mp4", {"loop": False}, AddressPolicy(media_folders=(tmp_path,)), frames.append, lambda _state: None
    )
    for most in (20, 40):
        capture.start()
        wait_until(lambda most=most: len(frames) >= most, timeout_s=30)
        capture.stop()
    last = frames[-1]
    assert last.pts_ns > 3_500_000_000
    assert last.sound is not None
    heard = last.sound.read(None, last.pts_ns)
    assert heard is not None
    assert heard.start * SAMPLE_NS > 2_000_000_000
    assert np.sqrt(np.mean(heard.samples[-4_000:] ** 2)) == pytest.approx(0.354, rel=0.1)


@pytest.mark.system
def test_a_real_rtsp_camera_can_be_heard(rtsp_camera: Callable[..., object]) -> None:
    camera = rtsp_camera()
    checked = AddressPolicy(allow_loopback=True).check(parse_source(f"rtsp://127.0.0.1:{camera.port}/sounding"))
    stop = threading.Event()
    level = 0.0
    with open_source(checked, SourceOptions.parse({}), stop) as source:
        for captured in source:
            assert captured.sound is not None
            heard = captured.sound.read(None, captured.pts_ns)
            level = (
                float(np.sqrt(np.mean(heard.samples[-8_000:] ** 2))) if heard is not None and len(heard.samples) >= 8_000 else 0.0
            )
            if level > 0.3 or captured.pts_ns > 20_000_000_000:
                break
    assert level == pytest.approx(0.354, rel=0.1)
