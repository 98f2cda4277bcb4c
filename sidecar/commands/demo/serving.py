"""What the demonstration left, served: a start page with three things to try."""

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import click
from flask import Flask

from plugin.config import Config
from plugin.errors import StoreError
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.photos import scan_queue
from sidecar import server
from sidecar.app import create_app
from sidecar.commands.demo import start_page, story, welcome
from sidecar.commands.demo.tally import heading, say
from sidecar.running import bootstrap, shutdown
from sidecar.running.runner import Runner
from sidecar.sign import sessions


def serve(folder: str, port: int) -> None:
    """Serve the house in this folder; its start page's address is the one link that is printed."""
    path = Path(folder).absolute()
    config = story.write_config(path, port)
    heading("Getting the photographs ready for you ...")
    with bootstrap.open_house(config) as services:
        tried = prepare(services)

    def make_app(config: Config, services: Services) -> Flask:
        threading.Thread(target=_compare_late_consent, args=(services,), name="night", daemon=True).start()
        return create_demo_app(config, services, path, tried)

    def announce() -> None:
        _keep_log(path)
        heading("Now try it yourself, in a browser on this machine:")
        click.echo()
        say(f"{config.server.public_url}{start_page.PATH}", "    ", fg="cyan", bold=True)
        click.echo()
        say(f"Everybody there is a sample.{_describe_time()} End it with Ctrl-C.")

    server.serve(config, path / story.CONFIG, True, make_app, announce)


def _keep_log(folder: Path) -> None:
    """From now on what this process and its worker log goes to a file of the demonstration, not onto the story."""
    with (folder / "demo.log").open("a") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())


def prepare(services: Services) -> welcome.SampleLinks:
    """Let A sign again and have B asked; the photographs bear A's name when this returns."""
    with services.store.read() as conn:
        a = roster.find(conn, story.A)
    story.sign_and_enrol(services, a)
    tried = welcome.prepare(services, story.B, story.A)
    Runner(services).drain(threads=2)
    return tried


def create_demo_app(config: Config, services: Services, folder: Path, tried: welcome.SampleLinks) -> Flask:
    """The app with the start page."""
    app = create_app(config, services)
    people = start_page.People(story.A, story.B)
    page = start_page.create_blueprint(services, folder / "photos", people, tried)
    sessions.exempt_csrf(app, page)  # its one form brings a code of its own
    app.register_blueprint(page)
    return app


def _compare_late_consent(services: Services) -> None:
    """Do each second what a house does each night: look for who enrolled, or was vouched for, since the last time."""
    while not shutdown.shutdown.requested.wait(1.0):
        with suppress(StoreError):  # the store is busy: in a second again
            scan_queue.begin_late_consent(services, paced=False)


def _describe_time() -> str:
    """How long it took since ./run was started, where that is known."""
    begun = os.environ.get("FACELEASE_DEMO_BEGUN", "")
    return f" Ready in {time.time() - int(begun):.0f} s, set-up included." if begun.isdigit() else ""
