"""`facelease serve`: the HTTP server around the app, with a worker process beside it where that is asked for."""

import gc
import logging
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import structlog

from plugin.config import Config
from sidecar.app import create_app
from sidecar.house import open_house
from sidecar.serving import listener
from sidecar.serving.pools import keep_large_blocks_apart

log = structlog.get_logger()


def serve(config: Config, config_path: Path | None, with_worker: bool) -> None:
    """Listen until told to stop; `with_worker` also runs `facelease work` beside it, and ends it."""
    signal.signal(signal.SIGTERM, _leave)
    worker = None
    if with_worker:
        chosen = ["--config", str(config_path)] if config_path else []
        worker = subprocess.Popen([sys.executable, "-m", "sidecar", *chosen, "work"])  # noqa: S603 - ourselves
    try:
        _listen(config)
    finally:
        if worker:
            worker.terminate()
            worker.wait()


def _listen(config: Config) -> None:
    for name in ("waitress", "waitress.queue"):
        logging.getLogger(name).disabled = True  # it would log paths, in which links are
    listener.allow_files()
    keep_large_blocks_apart()
    with open_house(config) as services:
        app = create_app(config, services)
        here = listener.Listener(app, config, services)
        gc.collect()
        gc.freeze()  # what is here stays: looking for garbage after a large form is quick
        log.info("listening", host=config.server.host, port=here.effective_port)
        listener.until_stopped(here)


def _leave(*_: Any) -> None:
    """SIGTERM before the loop is there."""
    raise SystemExit(0)
