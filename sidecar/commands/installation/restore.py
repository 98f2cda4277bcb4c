"""`facelease restore`: restore a backup into an empty store, and end again what has ended since."""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from plugin.errors import ConfigError, FaceLeaseError, StoreAway, StoreError
from plugin.flows.schedule import calendar, house_closing, reconciliation, replay_endings, restoration
from plugin.flows.schedule.reconciliation import JOB_KINDS
from plugin.flows.schedule.reconciliation import ReconciliationOutcome as Reconciled
from plugin.flows.schedule.restoration import RestoredCounts
from plugin.ledger.backups import backup_trust
from plugin.ledger.backups import restore as restoring
from plugin.ledger.backups.backup_trust import RestoreOptions
from plugin.ledger.backups.restore import RestoreReport
from plugin.ledger.keys import private_files
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.log.head_key import HeadKey
from plugin.words.plurals import pluralize
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor
from sidecar.output import say
from sidecar.running import bootstrap
from sidecar.running.runner import Runner

_KEY_BYTES = 32
_HEAD_KEY = "Believe this public key, as it was written down: where keys.heads_key_file is lost."
_WITHOUT_ENDED_LOG = "Restore without a whole ended.log: no link and no token opens anything then."


def _parse_public_key(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    with suppress(ValueError):
        if not value or len(b64decode(value, validate=True)) == _KEY_BYTES:
            return value
    raise click.BadParameter("a public key is the 44 characters that `facelease init` printed")


def _parse_reason(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    return "" if value is None else house_closing.clean_reason(value)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", default=backup_trust.NEWEST, show_default=True, help="Which backup.")
@click.option("--head-key", default="", metavar="PUBLIC", callback=_parse_public_key, help=_HEAD_KEY)
@click.option("--older-keys", is_flag=True, help="Take a file of keys that is not the newest one known.")
@click.option("--without-ended-log", metavar="REASON", callback=_parse_reason, help=_WITHOUT_ENDED_LOG)
@confirmation.yes_and_json
def restore(shell: Shell, folder: Path, yes: bool, as_json: bool, **options: Any) -> None:
    """Bring a backup back into an empty store, join it with the newest keys, and end again what has ended since.

    Nothing is restored of a backup that is not believed. Exit code: 0 if all of it was done, what has ended since and
    the names in the DAM included.
    """
    wish = RestoreOptions(**options)
    bootstrap.init_empty_store(shell.config, shell.clock)
    confirmation.confirm(_describe_ending(shell, wish), yes)
    bootstrap.check_dam(shell.config, shell.clock)  # what is ended again has to be taken off there too
    with _open_head_book(shell, wish.head_key) as book:
        master = bootstrap.load_master_keys(shell.config)
        done = restoring.restore_backup(shell.config.store_url, folder, master, shell.clock, book, wish, actor())
    try:
        ended, found, back = _end_again(shell, wish.without_ended_log)
    except FaceLeaseError as error:
        raise StoreError(
            f"{done.name} is in the store, but what has ended since was not all ended again ({error}): mend that, and "
            "run `facelease reconcile --wait` before anything else"
        ) from error
    _print_outcome(done, back, ended, found, wish.without_ended_log, as_json)
    if _count_open(found) or found.given_up:
        raise SystemExit(1)


def _describe_ending(shell: Shell, wish: RestoreOptions) -> list[str]:
    said = [
        f"what was decided after the backup ({wish.name}), which comes into {shell.config.data} and goes on from there"
    ]
    if wish.without_ended_log:
        said.append("every link and every API token; and what ended after the backup may be in force again")
    return said


@contextmanager
def _open_head_book(shell: Shell, head_key: str) -> Iterator[HeadBook]:
    """The heads' file and key; a new key where the old one is lost, destroyed again if the restore fails."""
    path = shell.config.path(shell.config.keys.heads_key_file)
    if path.exists():
        yield HeadBook.from_config(shell.config)
        return
    if not head_key:
        raise ConfigError(
            f"keys.heads_key_file: there is no key at {path}, so nobody can tell whether the backup is genuine: put it "
            "back from half B; if it is lost, give its public half as you wrote it down with `--head-key`"
        )
    HeadKey.create(path)
    try:
        yield HeadBook.from_config(shell.config)
    except BaseException:
        private_files.destroy(path)
        raise


def _end_again(shell: Shell, without_ended_log: str) -> tuple[int, Reconciled, RestoredCounts]:
    bootstrap.init(shell.config, shell.clock)
    with shell.house(catch_up=False) as services:
        ended = 0
        if without_ended_log:
            try:
                ended = replay_endings.replay_lines(services)
            except StoreAway:
                raise
            except StoreError:
                pass  # what of the file could be read is heard, and then it is set aside
            house_closing.open_without_ended_log(services, without_ended_log, actor(), restored=True)
        ended += calendar.start_process(services)
        begun = reconciliation.begin_reconciliation(services)
        Runner(services).drain([kind for kind in JOB_KINDS if kind != "photo"])
        return ended, reconciliation.find_outcome(services, begun), restoration.count_restored(services)


def _count_open(found: Reconciled) -> int:
    """Jobs that belong to the restore and are not done; photographs to be examined are the worker's daily work."""
    return sum(count for kind, count in found.open.items() if kind != "photo")


def _print_outcome(
    done: RestoreReport, back: RestoredCounts, ended: int, found: Reconciled, without_ended_log: str, as_json: bool
) -> None:
    same = ("rows", "left_out", "people_left_out", "older_keys", "links_shut", "tokens_shut")
    data: dict[str, Any] = {"backup": done.name, "keys": done.keys_name} | {key: getattr(done, key) for key in same}
    data |= {"ended_again": ended, "without_ended_log": without_ended_log or None, "open": _count_open(found)}
    data |= {"to_examine": found.open.get("photo", 0), "given_up": sum(found.given_up.values())} | asdict(back)
    say(as_json, data, _format_outcome(done, back, ended, found, without_ended_log))


def _format_outcome(
    done: RestoreReport, back: RestoredCounts, ended: int, found: Reconciled, without_ended_log: str
) -> Iterator[str]:
    yield f"{done.name}: {pluralize(done.rows, 'row')}, {pluralize(done.keys, 'key')} from {done.keys_name}"
    yield f"came back: {pluralize(back.people, 'person', 'people')}"
    yield f"grants in force: {back.recognition} of recognition, {back.publication} of publication"
    yield f"open something now: {pluralize(back.links, 'link')}, {pluralize(back.tokens, 'API token')}"
    people = pluralize(done.people_left_out, "person", "people")
    yield f"left out, because their key is gone: {people}, {pluralize(done.left_out, 'item')} in all"
    if done.older_keys:
        yield "the file of keys is an older one: what was destroyed after it may have come back"
    if without_ended_log:
        yield f"WITHOUT ended.log ({without_ended_log}): what ended after the backup is not known and may be in force"
        yield f"shut because of that: {pluralize(done.links_shut, 'link')}, {pluralize(done.tokens_shut, 'API token')}"
    by = "the calendar" if without_ended_log else "ended.log and the calendar"
    yield f"ended again by {by}: {ended}"
    if _count_open(found) or found.given_up:
        given_up = pluralize(sum(found.given_up.values()), "was given up", "were given up")
        yield f"NOT DONE: {pluralize(_count_open(found), 'job is open', 'jobs are open')}, {given_up}"
        yield "run `facelease reconcile --wait`, and look at `facelease doctor`"
    else:
        yield "the names in the DAM were compared"
    if found.open.get("photo"):
        yield f"{pluralize(found.open['photo'], 'photograph waits', 'photographs wait')} for the worker to be examined"
