"""The engine process: `python -m sightline.engine`. Started and watched by the supervisor, or alone."""

import asyncio
import logging
import os
import signal
import sys

import uvloop

from sightline import logs
from sightline.engine.wiring import Engine
from sightline.errors import SightlineError
from sightline.records.database import Database
from sightline.settings import Settings

log = logging.getLogger(__name__)


async def serve(settings: Settings, database: Database) -> None:
    """Run the engine until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    engine = Engine(settings, database)
    await engine.start()
    log.info("Engine is ready")
    await stop.wait()
    log.info("Engine stops")
    await engine.stop()


def main() -> int:
    """Run the engine; the exit status: 2 for a wrong setting, 1 when it cannot begin."""
    try:
        settings = Settings.from_env()
        logs.configure(settings, "engine")
        database = Database(settings.database)
        database.migrate()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, database))
        database.close()
    except SightlineError as err:
        return logs.explain(err)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    logging.shutdown()
    # Not sys.exit: a thread that hangs in a camera's native code would hold the process, or crash it while Python is taken down.
    os._exit(status)
