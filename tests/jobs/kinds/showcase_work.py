"""A `Work` without a database: stages of the showcase run on it, folder by folder, and what they tell is kept."""

from collections.abc import Callable
from pathlib import Path

from sightline.jobs.contract import WorkInput
from sightline.jobs.kinds.showcase.params import ShowcaseParams
from sightline.media.models import ModelStore
from sightline.settings import Settings
from sightline.storage.contract import sha256_of


class PlainWork:
    def __init__(self, root: Path, files: list[Path], params: ShowcaseParams, weights: Path | None = None) -> None:
        self.inputs = tuple(WorkInput(file.name, file, sha256_of(file)[0]) for file in files)
        self.params = params
        self.settings = Settings.from_env({}, data_dir=str(root / "var"))
        self.models = ModelStore(root / "models", weights)
        self.notices: list[str] = []
        self.shares: list[float] = []
        self.folder = root
        self._root = root
        self._kept: set[str] = set()

    def run(self, name: str, stage: Callable[["PlainWork"], None]) -> Path:
        self.folder = self.folder_of(name)
        self.folder.mkdir(parents=True)
        stage(self)
        return self.folder

    def folder_of(self, stage: str) -> Path:
        return self._root / "stages" / stage

    def keep(self, name: str) -> None:
        self._kept.add(name)

    def is_kept(self, name: str) -> bool:
        return name in self._kept

    def progress(self, share: float, message: str = "") -> None:
        self.shares.append(share)

    def notice(self, words: str) -> None:
        self.notices.append(words)

    def result(self, name: str, content_type: str) -> Path:
        return self.folder / name
