"""What is taken for music and for a logo, and what is refused, in this process and in the web's."""

import io
import subprocess
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sightline.errors import Invalid
from sightline.media.extra_files import extra_of, read_logo
from sightline.media.extras import Extra, probe_extra
from sightline.media.ffmpeg import ffmpeg
from tests.clips import make_clip


def sound(path, seconds=2.0):
    with wave.open(str(path.with_suffix(".wav")), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes((np.sin(np.arange(round(8000 * seconds)) / 3) * 9000).astype("<i2").tobytes())
    if path.suffix != ".wav":
        subprocess.run([ffmpeg(), "-v", "error", "-y", "-i", str(path.with_suffix(".wav")), str(path)], check=True)
    return path


def picture(path, size=(60, 40), form="PNG", mode="RGBA"):
    Image.new(mode, size, (250, 10, 10, 128)[: len(mode)]).save(path, form)
    return path


@pytest.mark.parametrize("suffix", ["wav", "mp3", "m4a", "ogg", "flac", "mka"])
def test_music_of_any_usual_form(tmp_path, suffix):
    path = sound(tmp_path / f"a.{suffix}")
    unnamed = path.rename(tmp_path / "001")
    assert extra_of(unnamed) == probe_extra(unnamed) == Extra.MUSIC


def test_music_with_a_cover_is_music(tmp_path):
    cover, tune, both = picture(tmp_path / "c.png"), sound(tmp_path / "a.wav"), tmp_path / "both.mp3"
    call = [ffmpeg(), "-v", "error", "-i", str(tune), "-i", str(cover), "-map", "0", "-map", "1", "-disposition:v", "attached_pic"]
    subprocess.run([*call, str(both)], check=True)
    assert extra_of(both) == Extra.MUSIC


@pytest.mark.parametrize(("form", "mode"), [("PNG", "RGBA"), ("PNG", "RGB"), ("JPEG", "RGB")])
def test_logos(tmp_path, form, mode):
    path = picture(tmp_path / "logo", form=form, mode=mode)
    assert extra_of(path) == probe_extra(path) == Extra.LOGO
    logo = read_logo(path)
    assert (logo.mode, logo.size) == ("RGBA", (60, 40))


def test_footage_and_everything_else_is_neither(tmp_path):
    svg = tmp_path / "logo.png"
    svg.write_text('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>')
    gif = tmp_path / "logo.gif"
    Image.new("P", (9, 9)).save(gif)
    playlist = tmp_path / "tune.mp3"
    playlist.write_text("#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n")
    empty = tmp_path / "empty"
    empty.touch()
    for path in (make_clip(tmp_path / "a.mp4", frames=5), svg, gif, playlist, empty):
        assert extra_of(path) is None
        assert probe_extra(path) is None


def test_what_is_too_large_too_short_or_damaged_is_refused_with_words(tmp_path):
    wide = picture(tmp_path / "wide.png", (9000, 10))
    short = sound(tmp_path / "short.wav", 0.3)
    whole = picture(tmp_path / "whole.png", (300, 300)).read_bytes()
    (cut := tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    for path, code in ((wide, "logo_too_large"), (short, "bad_music_length"), (cut, "logo_damaged")):
        for look in (extra_of, probe_extra):
            with pytest.raises(Invalid) as refused:
                look(path)
            assert refused.value.code == code


@settings(max_examples=60)
@given(st.data())
def test_no_bytes_after_a_picture_s_head_do_harm(tmp_path_factory, data):
    form = data.draw(st.sampled_from(["PNG", "JPEG"]))
    whole = io.BytesIO()
    Image.new("RGB", (8, 8), (1, 2, 3)).save(whole, form)
    bad = bytearray(whole.getvalue())
    for place in data.draw(st.lists(st.integers(8, len(bad) - 1), min_size=1, max_size=6)):
        bad[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "bad-picture"
    path.write_bytes(bytes(bad))
    try:
        assert extra_of(path) == Extra.LOGO
        assert read_logo(path).mode == "RGBA"
    except Invalid as err:
        assert err.code in {"logo_damaged", "logo_too_large"}
