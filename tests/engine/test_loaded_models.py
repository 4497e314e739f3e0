"""A weight file that comes or goes while the engine runs."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.engine.conftest import EngineProcess, free_port, start_engine, stop_engine


def test_a_file_that_comes_is_used_without_a_restart(
    tmp_path: Path, asset: Callable[[str], Path], wait_until: Callable[..., None]
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    engine = start_engine(tmp_path, free_port(), MODELS_DIR=str(models))
    try:
        _look_for_objects(engine)
        wait_until(lambda: _state(engine) == "ok", 60, "people found with what OpenCV brings")
        assert engine.client.get("/models").json() == {"running": []}
        shutil.copy(asset("weights/yolox_nano.onnx"), models)
        assert engine.client.post("/models/changed", json={"stages": ["object_detection", "unknown"]}).status_code == 204
        wait_until(lambda: [row for row in _running(engine) if row["p50_ms"] > 0], 60, "the model that has come")
        (row,) = _running(engine)
        assert (row["file"], row["backend"]) == ("yolox_nano.onnx", "CPU") and row["p95_ms"] >= row["p50_ms"]
        (models / "yolox_nano.onnx").unlink()
        engine.client.post("/models/changed", json={"stages": ["object_detection"]})
        wait_until(lambda: not _running(engine), 60, "the model that is gone")
        wait_until(lambda: _state(engine) == "ok", 60, "people found without it")
    finally:
        assert stop_engine(engine) == 0


def test_a_senseless_message_is_refused(engine: EngineProcess) -> None:
    for body in ([], {}, {"stages": "all"}, {"stages": [1]}):
        assert engine.client.post("/models/changed", json=body).status_code == 422, body


def _look_for_objects(engine: EngineProcess) -> None:
    engine.live("door", chain=engine.chain(object_detection=True))


def _state(engine: EngineProcess) -> str:
    return next(row["state"] for row in engine.stats("door")["stages"] if row["name"] == "object_detection")


def _running(engine: EngineProcess) -> list[dict[str, object]]:
    running: list[dict[str, object]] = engine.client.get("/models").json()["running"]
    return running
