"""The command line: `facelease [--config FILE] COMMAND`."""

import sys
from collections import UserDict
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click
import structlog

from plugin import config as configuration
from plugin.errors import FaceLeaseError, StoreBusy
from plugin.ledger.store.lock_wait import StoreWaitWatch
from sidecar.commands.common import Shell
from sidecar.output import safe
from sidecar.running import shutdown


class _Stoppable(click.Group):
    """Ends with one sentence on Ctrl-C."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            click.echo(str(error) or shutdown.STOPPED, err=True)
            ctx.exit(shutdown.INTERRUPTED)


class _LazyCommands(UserDict[str, Any]):
    """Commands by name, each as `module:function`; a module is imported when its command is looked up."""

    def __getitem__(self, name: str) -> click.Command:
        module, function = self.data[name].split(":")
        found: click.Command = getattr(import_module(f"sidecar.commands.{module}"), function)
        return found


_CONFIG = "The configuration; default: facelease.toml here, if it is there."
_MODULES = {
    "installation.processes": "init migrate serve work scan sweep doctor reopen",
    "installation.keys_and_backups": "keys backup",
    "installation.accuracy": "report",
    "installation.audit": "audit",
    "installation.restore": "restore",
    "installation.engines": "engine",
    "demo.command": "demo",
    "people.people": "person",
    "consent.quitclaims": "quitclaim",
    "consent.forms": "form",
    "collections": "collection",
    "reviews": "review:reviews",
    "clearance": "clearance",
    "tags": "reconcile tags",
    "mail": "mail",
    "jobs": "jobs",
    "tokens": "token",
    "sessions": "session",
}
"""The commands of each module, with the function of one that bears another name."""

_COMMANDS = _LazyCommands(
    {
        name.partition(":")[0]: f"{module}:{name.partition(':')[2] or name}"
        for module, names in _MODULES.items()
        for name in names.split()
    }
)


@click.group(cls=_Stoppable, commands=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), envvar="FACELEASE_CONFIG", help=_CONFIG)
@click.version_option(package_name="facelease")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Tags the people in a DAM's photographs only while they agree to it."""
    here = Path("facelease.toml")
    path = config or (here if here.exists() else None)
    context.obj = Shell(configuration.load(path), path=path)


def main() -> None:
    """Run the command line; a FaceLeaseError or an OSError is printed as one sentence, with exit code 1."""
    shutdown.listen(sys.argv[1:])
    watch = StoreWaitWatch(lambda said: click.echo(safe(said), err=True))
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))  # apart from the answer
    try:
        with watch:
            cli()
    except StoreBusy as error:
        _fail(f"{error}; {watch.describe_holder()}")
    except FaceLeaseError as error:
        _fail(str(error))
    except OSError as error:  # a folder that is not there, a file that may not be written, a full disk
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}: name another place, or mend that one")


def _fail(said: str) -> NoReturn:
    click.echo(f"error: {safe(said)}", err=True)
    sys.exit(1)
