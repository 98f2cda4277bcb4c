"""The command line: `facelease [--config FILE] COMMAND`."""

import sys
from collections import UserDict
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from plugin.errors import FaceLeaseError, StoreBusy
from sidecar.running import shutdown


class _Commands(UserDict[str, Any]):
    """Commands by name, each as `(module:function, line)`; a module is imported when its command is looked up."""

    def __getitem__(self, name: str) -> click.Command:
        module, function = self.data[name][0].split(":")
        found: click.Command = getattr(import_module(f"sidecar.commands.{module}"), function)
        return found

    def lines(self) -> list[tuple[str, str]]:
        """Each name with what it is for, by name; imports nothing."""
        return sorted((name, line) for name, (_, line) in self.data.items())


class _CommandLine(click.Group):
    """Imports only the command that was asked for, not to list or complete them; ends with a sentence on Ctrl-C."""

    def invoke(self, ctx: click.Context) -> Any:
        import structlog  # this and what else takes long is not needed for --help

        from plugin.ledger.store.lock_wait import StoreWaitWatch
        from sidecar.output import safe

        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))  # apart from the answer
        watch = StoreWaitWatch(lambda said: click.echo(safe(said), err=True))
        try:
            with watch:
                return super().invoke(ctx)
        except StoreBusy as error:
            raise StoreBusy(f"{error}; {watch.describe_holder()}") from error
        except KeyboardInterrupt as error:
            click.echo(str(error) or shutdown.STOPPED, err=True)
            ctx.exit(shutdown.INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(_COMMANDS.lines())

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        named = [CompletionItem(name, help=line) for name, line in _COMMANDS.lines() if name.startswith(incomplete)]
        return named + click.Command.shell_complete(self, ctx, incomplete)


_CONFIG = "The configuration; default: facelease.toml here, if it is there."
_COMMANDS = _Commands(
    {
        "audit": ("installation.audit:audit", "The chained log of every effect."),
        "backup": ("installation.keys_and_backups:backup", "Write the store without its keys, and the wrapped keys."),
        "clearance": ("clearance:clearance", "May this photograph be used? Which ones may?"),
        "collection": ("collections:collection", "Where recognition is on, how far, and on what basis."),
        "demo": ("demo.command:demo", "Show on sample photographs what FaceLease does."),
        "doctor": ("installation.processes:doctor", "What is wrong with this installation, and how to mend it."),
        "engine": ("installation.engines:engine", "The networks that recognise faces."),
        "form": ("consent.forms:form", "Forms: what people are asked."),
        "init": ("installation.processes:init", "Make the data folder, the master key and the store."),
        "jobs": ("jobs:jobs", "The work of the queue: what waits, and what was given up."),
        "keys": ("installation.keys_and_backups:keys", "The master key, and the key that signs heads and backups."),
        "mail": ("mail:mail", "Letters to the people in photographs, and to the owner."),
        "migrate": ("installation.processes:migrate", "Bring the store's schema to this version; the rows stay."),
        "person": ("people.people:person", "People who may be tagged."),
        "quitclaim": ("consent.quitclaims:quitclaim", "What people agreed to."),
        "reconcile": ("tags:reconcile", "Compare every known photograph with the DAM now."),
        "reopen": ("installation.processes:reopen", "Open a closed house, once its log of ends is whole again."),
        "report": ("installation.accuracy:report", "What the recogniser does on photographs of your own."),
        "restore": ("installation.restore:restore", "Bring a backup back into an empty store."),
        "review": ("reviews:reviews", "What the machine suggests and a person decides."),
        "scan": ("installation.processes:scan", "Examine the photographs of the collections that are on."),
        "serve": ("installation.processes:serve", "Listen for HTTP."),
        "session": ("sessions:session", "Sessions of the staff on the console."),
        "staff": ("staff:staff", "Accounts of our own for the staff, who sign in with a password."),
        "sweep": ("installation.processes:sweep", "End what the calendar has ended, now."),
        "tags": ("tags:tags", "Names by hand of people who ended: let them stand, or not."),
        "token": ("tokens:token", "Tokens for programs that call the API."),
        "work": ("installation.processes:work", "Run jobs and the calendar until told to stop."),
    }
)


@click.group(cls=_CommandLine, commands=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), envvar="FACELEASE_CONFIG", help=_CONFIG)
@click.version_option(package_name="facelease")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Tags the people in a DAM's photographs only while they agree to it."""
    from plugin import config as configuration
    from sidecar.commands.common import Shell

    here = Path("facelease.toml")
    path = config or (here if here.exists() else None)
    context.obj = Shell(configuration.load(path), path=path)


def main() -> None:
    """Run the command line; a FaceLeaseError or an OSError is printed as one sentence, with exit code 1."""
    shutdown.listen(sys.argv[1:])
    try:
        cli()
    except FaceLeaseError as error:
        _fail(str(error))
    except OSError as error:  # a folder that is not there, a file that may not be written, a full disk
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}: name another place, or mend that one")


def _fail(said: str) -> NoReturn:
    from sidecar.output import safe

    click.echo(f"error: {safe(said)}", err=True)
    sys.exit(1)
