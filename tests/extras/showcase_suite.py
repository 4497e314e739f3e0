"""What torch runs of a showcase: TransNetV2 with its own weights, CLIP and LPIPS with weights of the right shape, made here.

Run by `tests/test_extras.py`, with the packages of the extra [showcase] on the path.
"""

import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sightline.errors import AnalyzerError
from sightline.jobs.kinds.showcase.clip import LAION, OPENAI, Clip, prepared
from sightline.jobs.kinds.showcase.clip_rooms import SENTENCES, ClipRooms
from sightline.jobs.kinds.showcase.look import look
from sightline.jobs.kinds.showcase.movement import DisFlow, Follower
from sightline.jobs.kinds.showcase.params import UNKNOWN, ShowcaseParams
from sightline.jobs.kinds.showcase.perceptual import CHANNELS, Differences, Lpips
from sightline.jobs.kinds.showcase.rooms import RoomFinder
from sightline.jobs.kinds.showcase.shot import read_shots
from sightline.jobs.kinds.showcase.shots import AdaptiveFinder, ShotFinder
from sightline.jobs.kinds.showcase.takes import Take, takes
from sightline.jobs.kinds.showcase.taste import LaionAesthetic
from sightline.jobs.kinds.showcase.torch_models import import_open_clip, import_torch, read_weights
from sightline.jobs.kinds.showcase.transnet import TransNet, TransNetFinder
from sightline.media.ffmpeg import quiet
from tests.jobs.kinds.showcase_work import PlainWork
from tests.vision.inference.detector_contract import Asset

FPS = 25.0


@pytest.fixture(scope="module")
def transnet() -> TransNet:
    return TransNet()


def found_in(path: Path, finder: ShotFinder) -> list[Take]:
    return list(takes(path, FPS, finder, Follower(DisFlow()), lambda _t_s: None))


def test_cuts_by_transnet(asset: Asset, transnet: TransNet) -> None:
    found = found_in(asset("video/bikes_6_shots.mp4"), TransNetFinder(transnet))
    assert [take.seen[0].number for take in found] == pytest.approx([0, 30, 76, 137, 187, 242], abs=2)
    assert [take.begins for take in found] == ["start"] + 5 * ["cut"]


def test_fades_by_transnet(asset: Asset, transnet: TransNet) -> None:
    """A film of three pictures that come out of black and go back into it: only their clear middles are left."""
    path = asset("video/fades.mp4")
    found = found_in(path, TransNetFinder(transnet))
    by_darkness = found_in(path, AdaptiveFinder(FPS))
    print("fades.mp4:", [(take.seen[0].number, take.seen[-1].number) for take in found])
    assert len(found) == len(by_darkness) == 3
    for one, wider in zip(found, by_darkness, strict=True):
        assert wider.seen[0].number < one.seen[0].number and one.seen[-1].number < wider.seen[-1].number


def test_windows_are_judged_as_the_package_judges_them(asset: Asset, transnet: TransNet) -> None:
    """Frame by frame the same as its own function says, which has the whole film at once."""
    torch = import_torch()
    capture, tiny = cv2.VideoCapture(str(asset("video/fades.mp4"))), []
    while len(tiny) < 60:
        tiny.append(cv2.cvtColor(cv2.resize(capture.read()[1], (48, 27), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB))
    capture.release()
    with torch.inference_mode():
        single, whole = transnet._network.predict_frames(torch.from_numpy(np.stack(tiny)), quiet=True)
    likely = (torch.maximum(single, whole) > 0.5).tolist()
    begins = [n for n, (before, now) in enumerate(pairwise([False, *likely])) if now and not before]
    finder = TransNetFinder(transnet)
    boundaries = [one for frame in tiny for one in finder.see(frame[..., ::-1])] + finder.end()
    assert [one.first for one in boundaries] == begins and begins


def test_dissolves_are_found_by_both_means(asset: Asset, transnet: TransNet, tmp_path: Path) -> None:
    photos = [asset(f"images/houses/{name}.jpg") for name in ("5_kitchen", "33_bathroom", "47_frontal")]
    path, truth = tmp_path / "dissolves.mp4", [(50, 70), (100, 120)]
    inputs = [part for photo in photos for part in ("-loop", "1", "-framerate", "25", "-t", "2.8", "-i", str(photo))]
    graph = [f"[{n}]scale=384:216,setsar=1,format=yuv420p[p{n}]" for n in range(len(photos))]
    graph += ["[p0][p1]xfade=duration=0.8:offset=2[both]", "[both][p2]xfade=duration=0.8:offset=4"]
    subprocess.run([*quiet(), *inputs, "-filter_complex", ";".join(graph), str(path)], check=True)
    recalls = {}
    for name, finder in (("TransNetV2", TransNetFinder(transnet)), ("adaptive", AdaptiveFinder(FPS))):
        found = found_in(path, finder)
        gaps = [(before.seen[-1].number, after.seen[0].number) for before, after in pairwise(found)]
        recalls[name] = sum(any(abs(a - first) <= 8 and abs(b - last) <= 8 for a, b in gaps) for first, last in truth)
    print("dissolves found of 2:", recalls)
    assert recalls == {"TransNetV2": 2, "adaptive": 2}


def test_a_job_looks_with_transnet_and_says_so(asset: Asset, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    subprocess.run([*quiet(), "-t", "1", "-i", str(asset("video/bikes_6_shots.mp4")), "-an", str(clip)], check=True)
    work: Any = PlainWork(tmp_path, [clip], ShowcaseParams(model="none"))
    shots, means = read_shots(work.run("look", look))
    assert means["shots"] == "TransNetV2" and means["rooms"] == "objects, sky and greenery" and len(shots) == 1


@pytest.fixture
def small_clip(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The network of open_clip, much smaller but for the length of its vectors."""
    open_clip = import_open_clip()
    sizes = {
        "embed_dim": 512, "vision_cfg": {"image_size": 224, "layers": 1, "width": 64, "patch_size": 32},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1},
    }  # fmt: skip
    monkeypatch.setattr(open_clip, "get_model_config", lambda name: {**sizes, **({"quick_gelu": True} if name == OPENAI else {})})
    return open_clip


def saved(open_clip: Any, architecture: str, path: Path) -> Path:
    import_torch().manual_seed(7)
    from safetensors.torch import save_file

    save_file(open_clip.CLIP(**open_clip.get_model_config(architecture)).state_dict(), path)
    return path


def test_vectors_of_clip(asset: Asset, small_clip: Any, tmp_path: Path) -> None:
    clip = Clip(saved(small_clip, LAION, tmp_path / "clip.safetensors"), LAION)
    picture = cv2.imread(str(asset("images/houses/5_kitchen.jpg")))
    seen, read = clip.see([picture, picture[:, ::-1]]), clip.read(["a kitchen", "a bedroom"])  # type: ignore[index,list-item]
    assert seen.shape == read.shape == (2, 512)
    assert np.linalg.norm(seen, axis=1) == pytest.approx(1, abs=1e-4) and np.linalg.norm(read, axis=1) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ["5_kitchen", "33_frontal"])
def test_pictures_are_prepared_as_open_clip_prepares_them(asset: Asset, name: str) -> None:
    open_clip, picture = import_open_clip(), cv2.imread(str(asset(f"images/houses/{name}.jpg")))
    from PIL import Image

    mean, deviation = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD
    theirs = open_clip.image_transform(224, is_train=False, mean=mean, std=deviation)(Image.fromarray(picture[..., ::-1])).numpy()  # type: ignore[index,call-overload]
    ours = prepared(picture)  # type: ignore[arg-type]
    assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 1e-3


def test_rooms_by_clip(asset: Asset, small_clip: Any, tmp_path: Path) -> None:
    """A picture is the room whose sentences lie where it lies."""
    path = saved(small_clip, LAION, tmp_path / "clip.safetensors")
    rooms = ClipRooms(path, tmp_path / "cache")
    picture = cv2.imread(str(asset("images/houses/5_kitchen.jpg")))
    kept = next((tmp_path / "cache").glob("*.npy"))
    vectors = np.load(kept)
    assert vectors.shape == (len(SENTENCES), 512) and sum(rooms(picture).values()) == pytest.approx(1)  # type: ignore[arg-type]
    for place, (name, room) in {3: ("dining", "dining"), len(SENTENCES) - 1: ("graphics", UNKNOWN)}.items():
        assert list(SENTENCES)[place] == name
        changed = -np.repeat(rooms._clip.see([picture]), len(SENTENCES), axis=0)  # type: ignore[list-item]
        changed[place] *= -1
        np.save(kept, changed)
        finder = RoomFinder(by_clip=ClipRooms(path, tmp_path / "cache"))
        assert finder.find([picture], [[]]).room == room  # type: ignore[list-item]


def test_laions_predictor_is_one_layer_on_the_vector(asset: Asset, small_clip: Any, tmp_path: Path) -> None:
    path, head = (
        saved(small_clip, OPENAI, tmp_path / "clip.safetensors"),
        asset("weights/laion_aesthetic_sa_0_4_vit_b_32_linear.pth"),
    )
    picture: Any = cv2.imread(str(asset("images/houses/5_kitchen.jpg")))
    layer = import_torch().nn.Linear(512, 1)
    layer.load_state_dict(read_weights(head))
    mark = layer(import_torch().from_numpy(Clip(path, OPENAI).see([picture]))).item()
    assert LaionAesthetic(path, head)(picture) == pytest.approx(np.clip((mark - 3) / 4, 0, 1), abs=1e-3)


def test_lpips_is_that_of_its_authors(asset: Asset, tmp_path: Path) -> None:
    torch = import_torch()
    import_open_clip()  # makes torchvision usable, which their package imports
    import lpips

    torch.manual_seed(3)
    theirs = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    slices = [getattr(theirs.net, f"slice{n}") for n in range(1, 6)]
    features = {f"features.{name}": value for part in slices for name, value in part.state_dict().items()}
    torch.save(features, tmp_path / "alexnet.pth")
    ours = Lpips(tmp_path / "alexnet.pth", asset("weights/lpips_lin_v0.1_alex.pth"))
    paths = [asset(f"images/houses/{name}.jpg") for name in ("5_kitchen", "33_kitchen")]
    pictures: list[Any] = [cv2.resize(cv2.imread(str(path)), (256, 256), interpolation=cv2.INTER_AREA) for path in paths]  # type: ignore[arg-type]
    tensors = [torch.from_numpy(picture[..., ::-1] / np.float32(127.5) - 1).permute(2, 0, 1)[None] for picture in pictures]
    with torch.inference_mode():
        expected = float(theirs(*tensors))
    one, other = (ours.features(picture) for picture in pictures)
    assert ours.difference(one, other) == pytest.approx(expected, rel=1e-3)
    assert ours.difference(one, one) == 0
    assert Differences(ours, paths)(0, 1) == pytest.approx(expected, rel=1e-3)


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("code of a pickle ran",))


def test_damaged_and_foreign_weight_files(
    asset: Asset, small_clip: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = import_torch()
    (tmp_path / "page.safetensors").write_text("<html>404</html>")
    (tmp_path / "page.pth").write_text("<html>404</html>")
    torch.save({"weight": Harmful()}, tmp_path / "harmful.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("page.safetensors", "page.pth", "harmful.pth", "list.pth", "nowhere.pth"):
        with pytest.raises(AnalyzerError) as caught:
            read_weights(tmp_path / name)
        assert caught.value.code == "model_broken" and name in caught.value.message
    assert "ran" not in capsys.readouterr().out
    alexnet = asset("weights/lpips_lin_v0.1_alex.pth")
    for wrong in (lambda: Clip(alexnet, LAION), lambda: Lpips(alexnet, alexnet), lambda: LaionAesthetic(alexnet, alexnet)):
        with pytest.raises(AnalyzerError) as caught:
            wrong()
        assert caught.value.code == "model_broken"


def test_nothing_asks_the_internet(monkeypatch: pytest.MonkeyPatch, small_clip: Any, tmp_path: Path) -> None:
    import socket

    def refuse(*_args: object, **_more: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    TransNet()
    Clip(saved(small_clip, LAION, tmp_path / "clip.safetensors"), LAION).read(["a kitchen"])


def test_channels_are_those_of_the_published_layers(asset: Asset) -> None:
    shapes = {name: tuple(layer.shape) for name, layer in read_weights(asset("weights/lpips_lin_v0.1_alex.pth")).items()}
    assert shapes == {f"lin{n}.model.1.weight": (1, channels, 1, 1) for n, channels in enumerate(CHANNELS)}
