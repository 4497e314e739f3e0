"""The mirror of weight files in an S3 bucket (`MODELS_MIRROR=s3://bucket/prefix`), for processes that download models."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sightline.errors import AnalyzerError, SightlineError
from sightline.media.models import Model, ModelStore
from sightline.media.models.places import FETCH_FAILED, Delivery
from sightline.settings import Settings
from sightline.storage.choice import bucket_storage
from sightline.storage.s3 import S3Storage

WORDS = {
    "s3_unreachable": "S3 does not answer; check the network and S3_ENDPOINT_URL.",
    "s3_busy": "S3 is busy; try again later.",
    "s3_no_bucket": "there is no such bucket; correct MODELS_MIRROR.",
    "s3_denied": "S3 refuses our credentials for it; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and its policy.",
    "object_not_found": "it is not there.",
}
"""What errors mean here; their own words speak of uploads."""


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """The objects below one prefix of a bucket."""

    storage: S3Storage
    prefix: str
    name: str = "Mirror bucket"

    def holds(self, model: Model) -> bool:
        try:
            return any(item.key == self._key(model) for item in self.storage.list(self._key(model)))
        except SightlineError as err:
            raise _problem(err) from err

    @contextmanager
    def open(self, model: Model, start: int) -> Iterator[Delivery]:
        pieces = self.storage.pieces(self._key(model), start)
        try:
            yield Delivery(start, _mapped(pieces), is_resumable=True)
        finally:
            pieces.close()

    def _key(self, model: Model) -> str:
        return f"{self.prefix}/{model.file}" if self.prefix else model.file


def model_store(settings: Settings) -> ModelStore:
    """The weight files of this machine and all places they can come from."""
    store = ModelStore.from_settings(settings)
    if settings.models_mirror_bucket is None:
        return store
    bucket, prefix = settings.models_mirror_bucket
    return store.with_bucket(BucketPlace(bucket_storage(settings, bucket), prefix))


def _mapped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except SightlineError as err:
        raise _problem(err) from err


def _problem(err: SightlineError) -> AnalyzerError:
    return AnalyzerError(WORDS.get(err.code, err.message), code=FETCH_FAILED)
