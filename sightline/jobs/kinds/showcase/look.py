"""Stage `look`: one decode of each clip tells its shots, and of each shot the room, the quality, the movement and the subject.

Its files: `shots.json` (see `Shot`), `pictures/<number>.jpg` (the best picture of each shot, for people to choose by), and the
same for each clip alone in `clip-<hash>/`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sightline.errors import AnalyzerError, Invalid, JobError
from sightline.jobs.contract import Work, WorkInput
from sightline.jobs.kinds.showcase.duplicates import same_shots
from sightline.jobs.kinds.showcase.eyes import Eyes
from sightline.jobs.kinds.showcase.means import LPIPS_FILES, WAYS, choose, lesser_means
from sightline.jobs.kinds.showcase.params import ShowcaseParams
from sightline.jobs.kinds.showcase.perceptual import Differences, Lpips
from sightline.jobs.kinds.showcase.shot import Shot, read_shots, write_shots
from sightline.jobs.kinds.showcase.takes import takes
from sightline.media.extra_files import extra_of
from sightline.media.footage import Footage, footage_of
from sightline.media.models import ModelStore
from sightline.vision.weights import weights

STAGE = "look"
PROMPTS_FOLDER = "prompt_vectors"
"""In DATA_DIR: what CLIP made of sentences."""


def look(work: Work) -> None:
    """Decode every clip once. What cannot be read is left out with a notice while others remain, unless `strict`.

    What was seen of a clip is kept in a folder of its own: a later attempt, or another machine that has it, does not look again.
    """
    params: ShowcaseParams = work.params
    clips = _readable(work, is_strict=params.strict)
    eyes: Eyes | None = None
    whole_s = sum(footage.duration_s for _, _, footage in clips) or 1.0
    before_s = 0.0
    try:
        for _, item, footage in clips:

            def tell(t_s: float, before_s: float = before_s, name: str = item.name) -> None:
                work.progress(min(1.0, (before_s + t_s) / whole_s), name)

            if not work.is_kept(clip_folder(item)):
                eyes = eyes or Eyes(work.models, params, work.settings.data_dir / PROMPTS_FOLDER)
                _look_at(item.path, footage.fps, eyes, work.folder / clip_folder(item), tell)
                work.keep(clip_folder(item))
            before_s += footage.duration_s
    except AnalyzerError as err:
        raise _failed(err) from err
    shots, means = _joined(work.folder, [(number, clip_folder(item)) for number, item, _ in clips])
    if not shots:
        raise Invalid("All clips are black from beginning to end.", code="no_shots")
    try:
        shots, means["duplicates"] = _told_apart(shots, work.folder, work.models, params.duplicates_by)
    except AnalyzerError as err:
        raise _failed(err) from err
    if means["objects"] == "none" and means["rooms"] == WAYS["rooms"][-1].words:
        work.notice(
            "Rooms were told by sky and greenery only, because no detector's weight file is here or it was not wanted: most stay "
            "unknown. Fetch one with `python -m sightline.media.models fetch yolox_nano`."
        )
    elif words := lesser_means(params, work.models):
        work.notice(words)
    write_shots(work.folder, shots, means)


def _failed(err: AnalyzerError) -> JobError:
    return JobError(f"The shots could not be looked at: {err.message}", code="analyzer_failed")


def clip_folder(item: WorkInput) -> str:
    """Where in the stage's folder that is kept which was seen of one clip."""
    return f"clip-{item.sha256[:32]}"


def _look_at(path: Path, fps: float, eyes: Eyes, folder: Path, tell: Callable[[float], None]) -> None:
    """See all shots of one clip, and write them down in `folder`, as those of input 0."""
    (folder / "pictures").mkdir(parents=True)
    shots: list[Shot] = []
    for take in takes(path, fps, eyes.shot_finder(fps), eyes.follower(), tell):
        shots.append(eyes.see(0, take, folder, _picture(len(shots))))
    write_shots(folder, shots, eyes.means)


def _joined(folder: Path, clips: Sequence[tuple[int, str]]) -> tuple[list[Shot], dict[str, str]]:
    """The shots of all clips in order, their pictures numbered through, and what told what (as of the first clip)."""
    (folder / "pictures").mkdir()
    shots: list[Shot] = []
    told: list[dict[str, str]] = []
    for number, clip in clips:
        seen, means = read_shots(folder / clip)
        told.append(means)
        for shot in seen:
            picture = _picture(len(shots))
            (folder / picture).hardlink_to(folder / clip / shot.picture)
            shots.append(replace(shot, input=number, picture=picture))
    return shots, told[0]


def _told_apart(shots: Sequence[Shot], folder: Path, models: ModelStore, by: str) -> tuple[list[Shot], str]:
    """The shots with those that show the same as one before, and what told it. Raises: AnalyzerError."""
    way = choose("duplicates", by, models)
    difference = None
    if way.name == "lpips":
        alexnet, layers = (weights(models, file) for file in LPIPS_FILES)
        difference = Differences(Lpips(alexnet, layers), [folder / shot.picture for shot in shots])
    same = same_shots([(shot.guess.room, shot.look) for shot in shots], difference)
    told = [replace(shot, same_as=tuple(place + 1 for place in places)) for shot, places in zip(shots, same, strict=True)]
    return told, way.words


def _picture(place: int) -> str:
    return f"pictures/{place + 1:04d}.jpg"


def _readable(work: Work, *, is_strict: bool) -> list[tuple[int, WorkInput, Footage]]:
    clips, wrong = [], None
    for number, item in enumerate(work.inputs):
        try:
            if extra_of(item.path) is None:
                clips.append((number, item, footage_of(item.path)))
        except Invalid as err:
            wrong = Invalid(f"{item.name}: {err.message}", code=err.code, input=item.name)
            if is_strict:
                raise wrong from err
            work.notice(f"{item.name} was left out. {err.message}")
    if not clips:
        raise wrong or Invalid("There is no clip to make a film of.", code="no_inputs")
    return clips
