"""A process that sends letters until it is stopped or killed, and says while it has one in hand.

`python -m tests.mail_worker CONFIG.json CONTROL`: works until the file CONTROL/stop is there.
CONTROL/ready-PID is there once it works; CONTROL/hand-PID from the first byte to the mail server until
what became of the letter is committed.
"""

import json
import os
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path

from plugin.clock import SystemClock
from plugin.config import Config, parse
from plugin.flows.common.services import Services
from plugin.flows.mail import delivery
from plugin.flows.mail.smtp import MailServer
from plugin.flows.schedule import calendar
from plugin.ledger.queue.jobs import ClaimedJob
from sidecar.running import bootstrap
from sidecar.running.runner import Runner


class Marked(MailServer):
    """The mail server's client, and a mark while it is used."""

    mark = Path()

    def send(self, message: EmailMessage) -> None:
        self.mark.touch()
        super().send(message)


def _mailed(services: Services, job: ClaimedJob) -> None:
    try:
        delivery.handle_mail(services, job)
    finally:
        Marked.mark.unlink(missing_ok=True)


def main(config: Config, control: Path) -> None:
    """Work until told to stop."""
    Marked.mark = control / f"hand-{os.getpid()}"
    vars(delivery)["MailServer"] = Marked
    calendar.HANDLERS = {**calendar.HANDLERS, "mail": _mailed}
    with bootstrap.open_house(config, SystemClock()) as services:
        runner = Runner(services)
        (control / f"ready-{os.getpid()}").touch()
        while not (control / "stop").exists():
            runner.drain(("mail",))
            time.sleep(0.02)


def start(config: Config, control: Path) -> "subprocess.Popen[bytes]":
    """Start one."""
    path = control / "config.json"
    path.write_text(config.model_dump_json(exclude_unset=True))
    command = [sys.executable, "-m", "tests.mail_worker", str(path), str(control)]
    with (control / "errors").open("ab") as errors:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)


if __name__ == "__main__":
    main(parse(json.loads(Path(sys.argv[1]).read_text())), Path(sys.argv[2]))
