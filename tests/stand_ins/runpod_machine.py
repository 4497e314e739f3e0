"""A machine of RunPod: runs `infrastructure/runpod/handler.py` on one job, with a stand-in for the package `runpod`.

`python -m tests.stand_ins.runpod_machine JOB_JSON`; each line of its output is `{"progress": …}` or, the last one, `{"answer": …}`.
"""

import json
import runpy
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

HANDLER = Path(__file__).resolve().parents[2] / "infrastructure" / "runpod" / "handler.py"


def fake_package(job: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> types.ModuleType:
    """A module `runpod` whose `serverless.start` runs the handler on `job` once."""
    package = types.ModuleType("runpod")
    package.serverless = types.SimpleNamespace(  # type: ignore[attr-defined]
        start=lambda config: say({"answer": config["handler"](job)}),
        progress_update=lambda of, progress: say({"progress": progress, "of": of["id"]}),
    )
    return package


def run_handler(job: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """The handler as `python handler.py` runs it. Raises: SystemExit."""
    sys.modules["runpod"] = fake_package(job, say)
    try:
        runpy.run_path(str(HANDLER), run_name="__main__")
    finally:
        del sys.modules["runpod"]


def work_here(job: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """`work` of the stand-in: the handler in this process and with its environment."""
    sys.modules["runpod"] = fake_package(job, lambda said: tell(said["progress"]))
    try:
        answer: dict[str, Any] = runpy.run_path(str(HANDLER))["handle"](job)
    finally:
        sys.modules.pop("runpod", None)
    return answer


def machine(environ: dict[str, str], root: Path) -> Callable[[dict[str, Any], Callable[[dict[str, Any]], None]], dict[str, Any]]:
    """`work` of the stand-in: each job in a process of its own with that environment."""

    def work(job: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        command = [sys.executable, "-m", "tests.stand_ins.runpod_machine", json.dumps(job)]
        answer: dict[str, Any] = {"error": "The machine died."}
        with subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                said = json.loads(line)
                if "progress" in said:
                    tell(said["progress"])
                answer = said.get("answer", answer)
        return answer

    return work


if __name__ == "__main__":
    run_handler(json.loads(sys.argv[1]), lambda said: print(json.dumps(said), flush=True))
