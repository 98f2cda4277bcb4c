"""`facelease serve`: the HTTP server around the app, with a worker process beside it where that is asked for."""

import gc
import logging
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog
from flask import Flask

from plugin.clock import SystemClock
from plugin.config import Config
from plugin.errors import StoreAway
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from sidecar.app import create_app
from sidecar.running import bootstrap, loops, shutdown
from sidecar.running.worker_supervisor import WorkerSupervisor
from sidecar.serving import listener
from sidecar.serving.pools import mmap_large_blocks

log = structlog.get_logger()


MakeApp = Callable[[Config, Services], Flask]


def serve(
    config: Config,
    config_path: Path | None,
    with_worker: bool,
    make_app: MakeApp = create_app,
    announce: Callable[[], None] | None = None,
) -> None:
    """Listen until told to stop; `with_worker` also supervises a `facelease work` process.

    `make_app`: what is served on the open house, where it is more than `create_app`. `announce` is called once it
    listens, instead of a line in the log. Waits for a store that does not answer yet. Errors that somebody has to mend
    are raised before it listens.
    """
    loops.log_thread_errors()
    stop = shutdown.shutdown.requested
    with bootstrap.wait_for_house(config, SystemClock(), stop) as services:
        if services is None:
            return
        if loops.retry("start", lambda: calendar.start_process(services), stop, lambda e: isinstance(e, StoreAway)):
            worker = WorkerSupervisor(_worker_command(config_path)) if with_worker else None
            _listen(make_app(config, services), services, worker, announce or partial(_log_listening, config))


def _worker_command(config_path: Path | None) -> list[str]:
    chosen = ["--config", str(config_path)] if config_path else []
    return [sys.executable, "-m", "sidecar", *chosen, "work", "--beside-server"]


def _listen(app: Flask, services: Services, worker: WorkerSupervisor | None, announce: Callable[[], None]) -> None:
    for name in ("waitress", "waitress.queue"):
        logging.getLogger(name).disabled = True  # it would log paths, which contain links
    config = services.config
    listener.raise_file_limit()
    mmap_large_blocks()
    here = listener.Listener(app, config, services)
    gc.collect()
    gc.freeze()  # what exists now stays: collections after a large form are quick
    if worker is None:
        shutdown.shutdown.begin(here.stop)
        announce()
        here.run()
        return
    shutdown.shutdown.seconds += 0.5  # the worker has the seconds before
    shutdown.shutdown.begin(here.stop, worker.leave, last=[worker.kill])
    here.tends.append(worker.mend)
    try:
        announce()
        worker.start()
        here.run()
    finally:
        worker.stop()


def _log_listening(config: Config) -> None:
    log.info("listening", host=config.server.host, port=config.server.port)
