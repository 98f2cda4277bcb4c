"""The command line: `facelease [--config FILE] COMMAND`."""

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from plugin import config as configuration
from plugin.errors import FaceLeaseError, StoreBusy
from sidecar import stopping
from sidecar.commands import (
    collections,
    comparing,
    demo,
    forms,
    imports,
    jobs,
    keeping,
    mail,
    people,
    proving,
    quitclaims,
    restoring,
    reviews,
    sessions,
    system,
    tokens,
)
from sidecar.commands.common import Shell, safe
from sidecar.waiting import Watch


class _Stoppable(click.Group):
    """A command that Ctrl-C stops ends with a sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            click.echo(str(error) or stopping.STOPPED, err=True)
            ctx.exit(stopping.INTERRUPTED)


@click.group(cls=_Stoppable, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), envvar="FACELEASE_CONFIG",
              help="The configuration; default: facelease.toml here, if it is there.")  # fmt: skip
@click.version_option(package_name="facelease")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Tags the people in a DAM's photographs only while they agree to it."""
    here = Path("facelease.toml")
    path = config or (here if here.exists() else None)
    context.obj = Shell(configuration.load(path), path=path)


for command in (
    system.init, system.migrate, system.serve, system.work, system.scan, system.sweep, system.doctor, system.reopen,
    demo.demo,
    people.person, quitclaims.quitclaim, forms.form, collections.collection, reviews.reviews, reviews.clearance,
    comparing.reconcile, comparing.tags, mail.mail, jobs.jobs, tokens.token, sessions.session,
    proving.audit, keeping.keys, keeping.backup, restoring.restore, keeping.report,
):  # fmt: skip
    cli.add_command(command)


quitclaims.quitclaim.add_command(imports.import_)
keeping.keys.add_command(proving.heads_key)


def main() -> None:
    """Run the command line; an error of ours or of a file is one sentence and exit code 1, not a traceback."""
    stopping.prepare(sys.argv[1:])
    watch = Watch(lambda said: click.echo(safe(said), err=True))
    try:
        with watch:
            cli()
    except StoreBusy as error:
        _end(f"{error}; {watch.whose()}")
    except FaceLeaseError as error:
        _end(str(error))
    except OSError as error:  # a folder that is not there, a file that may not be written, a full disk
        _end(
            f"{error.filename or 'the system'}: {error.strerror or error}: name another place, or mend that one"
        )


def _end(said: str) -> NoReturn:
    click.echo(f"error: {safe(said)}", err=True)
    sys.exit(1)
