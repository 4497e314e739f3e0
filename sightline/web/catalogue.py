"""The filters and analyzers that there are, for forms and for `/api/advanced_options`. Called by request threads.

The engine knows what is available on its machine; while it is down the registered stages are described from here.
"""

from typing import Any

from sightline.errors import EngineUnavailable
from sightline.media.models import Model, ModelStore
from sightline.media.stage import Resources
from sightline.media.stage import stages as registered_stages
from sightline.media.stage_json import stage_json
from sightline.settings import Settings
from sightline.web.engine_client import Engines
from sightline.web.run_config import RunConfig


class Catalogue:
    """What can be switched on."""

    def __init__(self, settings: Settings, engines: Engines, run_config: RunConfig) -> None:
        self._settings = settings
        self._engines = engines
        self._run_config = run_config
        self._resources = Resources(ModelStore.from_settings(settings))

    def stages(self) -> list[dict[str, Any]]:
        """StageJson of every stage."""
        try:
            answer: list[dict[str, Any]] = self._engines.any().call("GET", "/stages")["stages"]
        except EngineUnavailable:
            return [stage_json(info, self._resources) for info in registered_stages()]
        return answer

    def costs(self) -> dict[str, Any]:
        """What every stage costs on the engine's machine. Raises: EngineUnavailable."""
        answer: dict[str, Any] = self._engines.any().call("GET", "/stage_costs")
        return answer

    def measure_costs(self) -> dict[str, Any]:
        """Measure all stages anew, in the background. Raises: EngineUnavailable, Conflict."""
        answer: dict[str, Any] = self._engines.any().call("POST", "/stage_costs/measure")
        return answer

    def _model_json(self, model: Model) -> dict[str, Any]:
        is_here = self._resources.models.find(model.file) is not None
        return {
            "name": model.name, "file": model.file, "purpose": model.purpose, "licence": model.licence, "bytes": model.bytes,
            "available": is_here, "reason": None if is_here else "It is not on this machine. Download it on the page Models.",
        }  # fmt: skip

    def advanced(self) -> dict[str, Any]:
        """All stages and models, and whether cloud uploads and streaming are set up."""
        config = self._run_config.to_json()
        return {
            "stages": self.stages(),
            "models": [self._model_json(model) for model in self._resources.models.models()],
            "cloud": {
                "available": bool(config["s3_bucket"]),
                "reason": None if config["s3_bucket"] else "Set S3_BUCKET_NAME (and credentials) to upload frames.",
                "bucket": config["s3_bucket"],
                "storage": self._settings.storage_type,
            },
            "stream": {
                "available": False,
                "reason": "This version keeps the name of a Kinesis stream but sends nothing to it.",
                "enabled": config["streaming_enabled"],
            },
        }
