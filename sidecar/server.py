"""`facelease serve`: the HTTP server around the app, with a worker process beside it where that is asked for."""

import gc
import logging
import sys
from pathlib import Path

import structlog

from plugin.clock import SystemClock
from plugin.config import Config
from plugin.errors import StoreAway
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from sidecar.app import create_app
from sidecar.running import bootstrap, loops, stopping
from sidecar.running.worker_watch import WorkerWatch
from sidecar.serving import listener
from sidecar.serving.pools import keep_large_blocks_apart

log = structlog.get_logger()


def serve(config: Config, config_path: Path | None, with_worker: bool) -> None:
    """Listen until told to stop; `with_worker` also keeps `facelease work` running beside it, and ends it.

    A store that does not answer yet is waited for. What somebody has to mend is raised before anything listens.
    """
    loops.note_threads()
    told = stopping.process.told
    with bootstrap.opened_in_time(config, SystemClock(), told) as services:
        if services is None:
            return
        if loops.succeed("start", lambda: calendar.start(services), told, lambda e: isinstance(e, StoreAway)):
            _listen(config, services, WorkerWatch(_worker(config_path)) if with_worker else None)


def _worker(config_path: Path | None) -> list[str]:
    chosen = ["--config", str(config_path)] if config_path else []
    return [sys.executable, "-m", "sidecar", *chosen, "work", "--beside-server"]


def _listen(config: Config, services: Services, worker: WorkerWatch | None) -> None:
    for name in ("waitress", "waitress.queue"):
        logging.getLogger(name).disabled = True  # it would log paths, in which links are
    listener.allow_files()
    keep_large_blocks_apart()
    here = listener.Listener(create_app(config, services), config, services)
    gc.collect()
    gc.freeze()  # what is here stays: looking for garbage after a large form is quick
    if worker is None:
        stopping.process.begin(here.stop)
        _run(here, config)
        return
    stopping.process.seconds += 0.5  # for the worker has as long
    stopping.process.begin(here.stop, worker.leave, last=[worker.kill])
    here.tends.append(worker.mend)
    try:
        worker.start()
        _run(here, config)
    finally:
        worker.stop()


def _run(here: listener.Listener, config: Config) -> None:
    log.info("listening", host=config.server.host, port=here.effective_port)
    here.run()
