"""Structured logs without personal data: one JSON object a line."""

import logging
import sys

import structlog

from plugin.config import Config
from sidecar.running.log_file import DailyLogFile


def configure(config: Config) -> None:
    """Send the logs to the configured file, or to standard error."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if config.server.log_file:
        handler = DailyLogFile(config.path(config.server.log_file))
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.raiseExceptions = False  # else a record that cannot be written is printed with its values
    root = logging.getLogger()
    root.handlers = [handler]
    level = logging.getLevelNamesMapping()[config.server.log_level.upper()]
    root.setLevel(level)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.getLogger("PIL").setLevel(logging.INFO)  # at DEBUG it logs a photograph's metadata, names included
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
