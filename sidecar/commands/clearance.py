"""`facelease clearance`: may a photograph be used, and which may?"""

from datetime import date

import click

from plugin.flows.clearance import cleared_photos
from plugin.flows.clearance import photo_answers as clearances
from plugin.flows.clearance.cleared_photos import UseSpan
from plugin.flows.common import closed_house
from plugin.flows.common.services import Services
from plugin.quitclaim.clearance.answers import Answer, ClearanceStatus
from plugin.quitclaim.words import wording
from plugin.words.catalogues import LANGUAGES
from plugin.words.plurals import pluralize
from sidecar.commands.common import DAY, Shell, as_json
from sidecar.output import say, table

_NOT_KNOWN = (ClearanceStatus.UNKNOWN, ClearanceStatus.NO_PERSON_FOUND)
EXIT_CODES = {ClearanceStatus.CLEARED: 0, ClearanceStatus.BLOCKED: 3, **dict.fromkeys(_NOT_KNOWN, 4)}
"""Unknown ranks above blocked, whose reason is known; that nobody was found is not cleared either."""


@click.command()
@click.argument("photo", required=False)
@click.option("--purpose", help="Default: the first that is configured.")
@click.option("--channel", help="Default: every channel.")
@click.option("--day", type=DAY, help="Default: now.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Default: the site's.")
@click.option("--all", "all_", is_flag=True, help="Every photograph cleared for --channel, in pages.")
@click.option("--from", "first", type=DAY, help="With --all: from this day; default: now.")
@click.option("--until", "last", type=DAY, help="With --all: through the whole of this day; default: now.")
@click.option("--count", is_flag=True, help="With --all: how many there are, and no list.")
@click.option("--after", default="", metavar="NEXT", help="With --all: the page after the one that said NEXT.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="So many at most.")
@as_json
def clearance(
    shell: Shell, photo: str | None, purpose: str | None, channel: str | None, day: date | None,
    language: str | None, all_: bool, first: date | None, last: date | None, count: bool, after: str,
    limit: int, as_json: bool,
) -> None:  # fmt: skip
    """May PHOTO be used? With --all, or without PHOTO: which photographs are cleared for --channel.

    Exit code of a PHOTO: 0 it is cleared for every channel that was asked, 3 it is blocked, 4 it is unknown, or nobody
    was found on it; of several channels the worst. 1 is an error, 2 wrong use. A list is 0.
    """
    if photo is not None and all_:
        raise click.UsageError("give a PHOTO, or --all for every photograph that is cleared")
    with shell.house() as services:
        listed = services.config.clearance
        use = purpose or listed.purposes[0]
        if photo is None:
            span = _choose_span(services, use, channel or listed.channels[0], first, last)
            _print_cleared(shell, services, span, None if count else (after, limit), as_json)
            return
        channels = [channel] if channel else list(listed.channels)
        answers = {one: clearances.answer_photo(services, photo, use, one, day) for one in channels}
    _print_answers(shell, photo, use, answers, language or shell.config.site.language, as_json)
    raise SystemExit(max(EXIT_CODES[answer.status] for answer in answers.values()))


def _print_answers(
    shell: Shell, photo: str, use: str, answers: dict[str, Answer], language: str, as_json: bool
) -> None:
    zone, data, rows = shell.config.site.zone, {}, []
    for channel, answer in answers.items():
        reasons = [{"code": r.code.value, "text": wording.render(r, language, zone)} for r in answer.reasons]
        about = {"until": answer.until, "max_px": shell.config.clearance.max_px.get(channel)}
        data[channel] = {"status": answer.status.value, **about, "reasons": reasons}
        why = "; ".join(reason["text"] for reason in reasons)
        rows.append([channel, answer.status.value, shell.local(answer.until), why])
    lines = table(["channel", "answer", "until", "why"], rows)
    say(as_json, {"photo": photo, "purpose": use, "channels": data}, lines)


def _choose_span(services: Services, use: str, channel: str, first: date | None, last: date | None) -> UseSpan:
    end = last or first
    if end is None:
        return cleared_photos.span_now(services, use, channel)
    return cleared_photos.span_until(services, use, channel, end, first)


def _print_cleared(
    shell: Shell, services: Services, span: UseSpan, page: tuple[str, int] | None, as_json: bool
) -> None:
    with services.store.read() as conn:
        closed_house.refuse_in(services, conn)
        count = cleared_photos.count(conn, span)
        found = cleared_photos.list_page(conn, span, *page) if page else cleared_photos.ClearedPage((), "")
    photos = [{"photo": one.ref, "until": one.until} for one in found.photos]
    data = {"count": count, "photos": photos, "next": found.next or None, "max_px": span.max_px}
    size = f", as copies of at most {wording.thousands(span.max_px, 'en')} px" if span.max_px else ""
    cleared = pluralize(count, "photograph is", "photographs are")
    lines = [f"{cleared} cleared for {span.purpose} on {span.channel}{size}"]
    lines += [f"{one.ref}  until {shell.local(one.until) or 'withdrawn'}" for one in found.photos]
    lines += [f"the next page: --after {found.next}"] if found.next else []
    say(as_json, data, lines)
