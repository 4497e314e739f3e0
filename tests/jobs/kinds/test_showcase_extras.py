"""Music and a logo in the film of a showcase."""

import re
import subprocess
import wave

import av
import numpy as np
import pytest
from PIL import Image

from sightline.jobs.kinds.showcase import KIND
from sightline.jobs.kinds.showcase.look import look
from sightline.jobs.kinds.showcase.params import ShowcaseParams
from sightline.media.ffmpeg import ffmpeg
from sightline.records.jobs import JobState
from tests.clips import make_clip
from tests.jobs.job_kinds import office  # noqa: F401 - fixture
from tests.jobs.kinds.showcase_work import PlainWork
from tests.jobs.kinds.test_showcase_render import decoded, shot, studio  # noqa: F401 - fixture

RATE = 48_000


def tune(path, seconds, hertz=300.0, level=3000):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.sin(np.arange(round(RATE * seconds)) * 2 * np.pi * hertz / RATE) * level).astype("<i2").tobytes())
    return path


def logo(path):
    Image.new("RGBA", (300, 100), (255, 0, 255, 255)).save(path)
    return path


def speaking(path, talk, silent_s, talk_s):
    """A clip that is silent, and then says something at 2 kHz."""
    sound = f"[1:a]adelay={silent_s * 1000:g}:all=1,atrim=end={silent_s + talk_s:g}[a]"
    call = [
        ffmpeg(), "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s=160x120:r=25:d={silent_s + talk_s:g}", "-i", str(talk),
        "-filter_complex", sound, "-map", "0:v", "-map", "[a]", "-c:v", "libx264", "-c:a", "aac", "-pix_fmt", "yuv420p", str(path),
    ]  # fmt: skip
    subprocess.run(call, check=True)
    return path


def heard(film):
    """Samples of the left channel."""
    with av.open(str(film)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def tone(samples, hertz):
    """How strong a tone is."""
    turning = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / RATE)
    return abs((samples * turning).mean())


def test_music_and_logo_are_in_every_film(studio, tmp_path):  # noqa: F811
    clip = make_clip(tmp_path / "clip.mp4", 300)
    files = [clip, tune(tmp_path / "music.wav", 4.0), logo(tmp_path / "logo.png")]
    shots = [shot(0, 0.0, 6.0, "kitchen", 0), shot(0, 6.0, 12.0, "living", 1)]
    job = studio.run(files, shots, shot_s=6.0, logo_opacity=1.0, logo_size=0.2)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    assert job.notices == ("music.wav is the film's music.", "logo.png is the film's logo.")
    assert len(studio.commands) == 1
    for name in ("16x9", "9x16", "1x1"):
        film = studio.output(job, f"film_{name}.mp4")
        with av.open(str(film)) as container:
            video, sound = container.streams.video[0], container.streams.audio[0]
            assert abs(float(video.duration * video.time_base) - float(sound.duration * sound.time_base)) < 0.04
        for image in decoded(film)[::40]:
            height, width = image.shape[:2]
            down, across = np.nonzero((image[..., 1] < 90) & (image[..., 0] > 170) & (image[..., 2] > 170))
            assert (across.max() - across.min(), down.max() - down.min()) == pytest.approx((108, 36), abs=4)
            assert width - across.max() == pytest.approx(9, abs=3)
            assert down.min() == pytest.approx(38 if height > width else 9, abs=3)
    samples = heard(film)
    said = subprocess.run(
        [ffmpeg(), "-nostdin", "-i", str(film), "-af", "ebur128", "-f", "null", "-"], capture_output=True, text=True, check=True
    ).stderr
    assert float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1]) == pytest.approx(-16.0, abs=1.5)
    middle = np.abs(samples[4 * RATE : 5 * RATE]).max()  # it was played from the beginning again
    assert middle > 0.1
    assert np.abs(samples[: RATE // 50]).max() < 0.2 * middle
    assert np.abs(samples[-RATE // 50 :]).max() < 0.2 * middle


def test_music_makes_room_for_what_is_said(studio, tmp_path):  # noqa: F811
    clip = speaking(tmp_path / "clip.mp4", tune(tmp_path / "talk.wav", 4.0, 2000.0, 20_000), 4.0, 4.0)
    files = [tune(tmp_path / "music.wav", 20.0), clip]
    job = studio.run(files, [shot(1, 0.0, 8.0, "kitchen", 0)], shapes=["1:1"], shot_s=8.0, sound="low")
    assert job.error is None
    samples = heard(studio.output(job, "film_1x1.mp4"))
    before, during = samples[RATE : 3 * RATE], samples[round(5.2 * RATE) : 6 * RATE]
    assert tone(before, 2000) < 0.001 < 0.05 < tone(during, 2000)
    assert tone(during, 300) < 0.6 * tone(before, 300)


def test_quieter_music(studio, tmp_path):  # noqa: F811
    files = [make_clip(tmp_path / "clip.mp4", 100), tune(tmp_path / "music.wav", 9.0)]
    levels = []
    for volume in (1.0, 0.25):
        job = studio.run(files, [shot(0, 0.0, 4.0, "kitchen", 0)], shapes=["1:1"], shot_s=4.0, music_volume=volume)
        levels.append(tone(heard(studio.output(job, "film_1x1.mp4"))[RATE : 2 * RATE], 300))
    assert levels[1] == pytest.approx(levels[0] / 4, rel=0.1)


def test_a_film_without_them_is_made_as_ever(studio, tmp_path):  # noqa: F811
    clip, silent = make_clip(tmp_path / "clip.mp4", 100), {"shapes": ["1:1"], "titles": False}
    studio.run([clip], [shot(0, 0.0, 3.0, "kitchen", 0)], **silent)
    studio.run([clip], [shot(0, 0.0, 3.0, "kitchen", 0)], **silent, music_volume=0.5, logo_corner="top-left", logo_size=0.3)
    first, second = (" ".join(command).replace(one, "") for command, one in zip(studio.commands, studio.jobs, strict=True))
    assert first == second
    assert not re.search("overlay|loudnorm|stream_loop", first)


def test_they_are_not_taken_for_footage(tmp_path):
    clip, music, sign = make_clip(tmp_path / "a.mp4", 30), tune(tmp_path / "b.wav", 2.0), logo(tmp_path / "c.png")
    work = PlainWork(tmp_path, [music, clip, sign], ShowcaseParams(model="none", strict=True))
    folder = work.run("look", look)
    assert '"input": 1' in (folder / "shots.json").read_text()
    assert not any("left out" in words for words in work.notices)
    assert [str(extra) for extra in KIND.extras] == ["music", "logo"]


def test_a_logo_that_turns_out_damaged_is_said(studio, tmp_path):  # noqa: F811
    sign = tmp_path / "logo.jpg"
    Image.effect_noise((400, 400), 90).save(sign)
    sign.write_bytes(sign.read_bytes()[:9000])
    job = studio.run([make_clip(tmp_path / "clip.mp4", 30), sign], [shot(0, 0.0, 1.0, "kitchen", 0)], shapes=["1:1"])
    assert (job.state, job.error["code"], job.error["stage"]) == (JobState.FAILED, "logo_damaged", "render")
