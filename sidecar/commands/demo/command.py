"""`facelease demo`: the whole story on a folder of sample photographs, then the sidecar on it."""

import click

from sidecar.commands.common import Shell


@click.command()
@click.option("--once", is_flag=True, help="End instead of serving; exit code 0 only if every step held.")
@click.option("--folder", default="demo-data", show_default=True, help="Made anew each time.")
@click.option("--port", default=8731, show_default=True, help="On this machine alone.")
@click.pass_obj
def demo(shell: Shell, once: bool, folder: str, port: int) -> None:
    """Show what FaceLease does: tag who agreed, answer for each channel, let a lease end."""
    import logging

    import structlog

    from sidecar.commands.demo import serving, story

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # a slow disk is no story
    tally = story.run(folder, port)
    if once:
        click.echo(f"\n{tally.line()}")
        raise SystemExit(1 if tally.broken else 0)
    serving.serve(folder, port)
