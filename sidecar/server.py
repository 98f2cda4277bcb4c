"""The HTTP server around the app: gunicorn, with a worker process of its own."""

import logging
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from plugin.config import Config
from sidecar.app import create_app
from sidecar.house import open_house


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, config: Config) -> None:
        self._config = config
        self._stack = ExitStack()
        super().__init__()

    def load_config(self) -> None:
        server = self._config.server
        self.cfg.set("bind", f"{server.host}:{server.port}")
        self.cfg.set("workers", 1)
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", 8)
        self.cfg.set("loglevel", server.log_level)
        self.cfg.set("accesslog", None)  # an access log would hold the names of photographs
        self.cfg.set("limit_request_line", 4094)
        self.cfg.set("control_socket_disable", True)
        self.cfg.set("worker_exit", self._closed)

    def load(self) -> Any:
        """Called in the server's own process, after the fork: connections are not handed across one."""
        services = self._stack.enter_context(open_house(self._config))
        return create_app(self._config, services)

    def _closed(self, _arbiter: Any, worker: Any) -> None:
        """Close the house while its threads can be ended, and leave by the short way.

        Native libraries that were loaded before the fork would wait at the end for threads that are not in this
        process: it would hang until it is killed, or abort. A worker that never began tells by its code that it failed.
        """
        self._stack.close()
        if worker.booted:
            logging.shutdown()
            os._exit(0)


def serve(config: Config, config_path: Path | None, with_worker: bool) -> None:
    """Listen until told to stop; `with_worker` also runs `facelease work` beside it, and ends it."""
    worker = None
    if with_worker:
        chosen = ["--config", str(config_path)] if config_path else []
        worker = subprocess.Popen([sys.executable, "-m", "sidecar", *chosen, "work"])  # noqa: S603 - ourselves
    try:
        _Server(config).run()
    finally:
        if worker:
            worker.terminate()
            worker.wait()
