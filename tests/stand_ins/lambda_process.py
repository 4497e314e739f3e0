"""The process of one call of a Lambda function: reads a JSON line from stdin, writes another to stdout."""

import importlib
import json
import os
import sys

from tests.stand_ins.lambda_runtime import Context


def main() -> None:
    told = json.load(sys.stdin)
    stdout = os.dup(1)
    os.dup2(2, 1)  # what the handler prints is its log
    try:
        handler = importlib.import_module(told["module"])
        answer = {"answer": handler.handle(told["event"], Context(told["limit_s"], told["id"]))}
    except Exception as err:  # noqa: BLE001 - the runtime of Lambda does the same
        answer = {"error": type(err).__name__, "cause": json.dumps({"errorMessage": str(err)})}
    os.write(stdout, (json.dumps(answer) + "\n").encode())


if __name__ == "__main__":
    main()
