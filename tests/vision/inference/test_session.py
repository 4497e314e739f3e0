"""Sessions: shared per file, one budget of cores, the next runtime when one fails, batches either way."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from sightline.errors import AnalyzerError
from sightline.vision import inference
from sightline.vision.inference import budget as budget_module
from sightline.vision.inference import open_session
from sightline.vision.inference import session as session_module
from sightline.vision.inference.backend import Array, BackendUnusable, TensorSpec
from sightline.vision.inference.budget import Budget, cores_here, default_threads
from tests.vision.inference.onnx_files import answering

Asset = Callable[[str], Path]
ONES = np.ones((1, 3, 64, 64), np.float32)


@pytest.fixture
def budget() -> Iterator[Callable[[int], None]]:
    yield inference.configure
    inference.configure()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return answering(tmp_path / "x.onnx", [np.arange(6, dtype=np.float32).reshape(1, 2, 3)])


def test_a_file_is_loaded_once(model: Path) -> None:
    first = open_session(model)
    assert open_session(model) is first
    assert open_session(model, 1).path == first.path


def test_a_file_that_was_fetched_anew_is_loaded_anew(model: Path) -> None:
    first = open_session(model)
    answering(model, [np.ones((1, 4), np.float32)])
    os.utime(model, ns=(1, 1))
    assert open_session(model) is not first
    assert open_session(model).run(ONES)[0].shape == (1, 4)


def test_a_session_nobody_uses_is_let_go(model: Path) -> None:
    session = open_session(model)
    assert session in inference.open_sessions()
    del session
    assert not [one for one in inference.open_sessions() if one.path == model]


def test_the_file_tells_its_shape(tmp_path: Path) -> None:
    session = open_session(answering(tmp_path / "x.onnx", [np.zeros((1, 5), np.float32)], (80, 48), batch="n"))
    assert session.input_shape == (None, 3, 48, 80)
    assert session.has_open_batch
    assert session.inputs[0].dtype == np.float32
    assert session.provider == "CPU"


class Flaky:
    """A runtime that loads, and fails from its first run on, or from a later one."""

    provider = "Flaky"
    is_on_cpu = True
    inputs: tuple[TensorSpec, ...] = (TensorSpec("images", (1, 3, 64, 64), np.dtype(np.float32)),)
    outputs: tuple[TensorSpec, ...] = ()
    metadata: Mapping[str, str] = {}

    def __init__(self, good_runs: int = 0) -> None:
        self.left = good_runs

    def run(self, feed: Mapping[str, Array]) -> list[Array]:
        self.left -= 1
        if self.left < 0:
            raise AnalyzerError("out of memory", code="inference_failed")
        return [np.zeros((1, 1))]


def refuse(_path: Path, _threads: int) -> Any:
    raise BackendUnusable("no such device")


@pytest.fixture
def before_cpu(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`before_cpu(loader, …)` puts runtimes before the real ones."""
    real = session_module._loaders

    def put(*loaders: Any) -> None:
        monkeypatch.setattr(session_module, "_loaders", lambda path: (*loaders, *real(path)))

    return put


def test_a_runtime_that_does_not_load_or_fails_at_once_is_passed_over(before_cpu: Callable[..., None], model: Path) -> None:
    before_cpu(refuse, lambda _path, _threads: Flaky())
    session = open_session(model)
    assert session.provider == "CPU"
    assert session.run(ONES)[0].shape == (1, 2, 3)


def test_a_runtime_that_worked_and_fails_is_told(before_cpu: Callable[..., None], model: Path) -> None:
    before_cpu(lambda _path, _threads: Flaky(good_runs=1))
    session = open_session(model)
    with pytest.raises(AnalyzerError, match="out of memory"):
        session.run(ONES)
    assert session.provider == "Flaky"
    del session
    assert open_session(model).provider == "Flaky", "the next one who opens it begins with the first choice again"


def test_a_provider_without_its_libraries_is_passed_over(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    """The runtime says that it has CUDA, and has not: what a wrong driver looks like."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"):
        assert open_session(model).provider == "CPU"


def test_a_broken_file_tells_to_fetch_it_again(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(AnalyzerError, match="Fetch it again") as caught:
        open_session(tmp_path / "x.onnx")
    assert caught.value.code == "model_broken"


def test_a_picture_of_the_wrong_size_is_told(model: Path) -> None:
    with pytest.raises(AnalyzerError) as caught:
        open_session(model).run(np.ones((1, 3, 8, 8), np.float32))
    assert caught.value.code == "inference_failed"


@pytest.mark.parametrize("batch", [1, 2, "n"])
@pytest.mark.parametrize("pictures", [1, 2, 3, 5])
def test_a_batch_of_any_length(tmp_path: Path, batch: int | str, pictures: int) -> None:
    answer = np.arange(4, dtype=np.float32).reshape(1, 4)
    shape = np.repeat(answer, batch, axis=0) if isinstance(batch, int) else answer
    session = open_session(answering(tmp_path / "x.onnx", [shape], batch=batch))
    for _ in range(10):
        (found,) = session.run_batch(np.zeros((pictures, 3, 64, 64), np.float32))
        assert np.array_equal(found, np.repeat(answer, pictures, axis=0))


def test_the_quicker_way_of_a_batch_is_kept() -> None:
    batching = session_module._Batching()
    tried = []
    for _ in range(2 * session_module.BATCHES_MEASURED):
        tried.append(batching.is_together())
        batching.add(tried[-1], 5.0 if tried[-1] else 9.0)
    assert sorted(tried) == [False] * session_module.BATCHES_MEASURED + [True] * session_module.BATCHES_MEASURED
    assert batching.is_together()
    batching.single_ns[0] = 2.0
    assert not batching.is_together()


def test_more_than_the_budget_is_never_taken(model: Path, budget: Callable[[int], None]) -> None:
    budget(2)
    assert inference.thread_budget() == 2
    assert open_session(model, 16).threads == 2
    assert open_session(model, 1).threads == 1


def test_the_budget_holds_with_many_threads() -> None:
    cores, busy, most = Budget(3), [0], [0]
    lock = threading.Lock()

    def work(threads: int) -> None:
        for _ in range(50):
            with cores.taken(threads):
                with lock:
                    busy[0] += min(threads, 3)
                    most[0] = max(most[0], busy[0])
                with lock:
                    busy[0] -= min(threads, 3)

    workers = [threading.Thread(target=work, args=(threads,)) for threads in (1, 2, 3, 8, 1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert not any(worker.is_alive() for worker in workers)
    assert 1 <= most[0] <= 3


def test_the_budget_comes_back_after_a_failure() -> None:
    cores = Budget(1)
    with pytest.raises(ZeroDivisionError), cores.taken(1):
        raise ZeroDivisionError
    with cores.taken(1):
        pass


def test_a_wide_run_is_not_overtaken_for_ever() -> None:
    cores, order = Budget(2), []
    running, wide_waits = threading.Event(), threading.Event()

    def narrow_then_wide() -> None:
        with cores.taken(1):
            running.set()
            wide_waits.wait(30)
        with cores.taken(1):
            order.append("narrow")

    def wide() -> None:
        with cores.taken(2):
            order.append("wide")

    first = threading.Thread(target=narrow_then_wide)
    first.start()
    running.wait(30)
    second = threading.Thread(target=wide)
    second.start()
    while not cores._waiting:
        threading.Event().wait(0.005)
    wide_waits.set()
    first.join(30)
    second.join(30)
    assert order == ["wide", "narrow"]


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (4, 3), (8, 6), (64, 48)])
def test_the_video_keeps_a_quarter_of_the_cores(cores: int, threads: int) -> None:
    assert default_threads(cores) == threads


@pytest.mark.parametrize(("quota", "most"), [("max 100000", 4096), ("100000 100000", 1), ("50000 100000", 1), ("", 4096)])
def test_a_containers_quota_counts(quota: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(budget_module, "CGROUP_QUOTA", tmp_path / "cpu.max")
    assert cores_here() == min(most, len(os.sched_getaffinity(0)))


def test_several_threads_run_one_session(asset: Asset) -> None:
    session = open_session(asset("weights/mobilefacenet.onnx"))
    picture = np.random.default_rng(1).random((1, 3, 112, 112), np.float32)
    expected, answers = session.run(picture)[0], []
    threads = [threading.Thread(target=lambda: answers.append(session.run(picture)[0])) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert all(np.array_equal(answer, expected) for answer in answers)
