"""May these photographs be delivered for a use? The DAM asks at a download, for many at once.

Open is what is cleared on every requested channel, and what shows nobody. Unknown is never yes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, exists, func, or_, select, true

from plugin.flows.clearance import cleared_photos, photo_answers, policy_fingerprint
from plugin.flows.common import closed_house
from plugin.flows.common.dam_events import note_message
from plugin.flows.common.services import Services
from plugin.flows.review import dismissals
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.quitclaim.clearance.answers import Answer, ClearanceStatus, IntendedUse, Policy, Reason, ReasonCode

OPEN = frozenset({ClearanceStatus.CLEARED, ClearanceStatus.NO_PERSON_FOUND})
_NO_SIZES: Mapping[str, int] = MappingProxyType({})
_NOT_EXAMINED = Answer(ClearanceStatus.UNKNOWN, None, (Reason(ReasonCode.NOT_EXAMINED),))


@dataclass(frozen=True)
class DownloadVerdict:
    """Whether a photograph may be delivered, and the answers that say no."""

    open: bool
    against: tuple[Answer, ...]


def judge_downloads(
    services: Services, refs: Sequence[str], channels: Sequence[str], sizes: Mapping[str, int] = _NO_SIZES
) -> dict[str, DownloadVerdict]:
    """The verdict on each of `refs`, for the first configured purpose. Raises ConsentError for an unknown channel.

    `sizes`: the longer side of the file to be sent, in px; without it the original is judged.
    """
    uses = [IntendedUse(services.config.clearance.purposes[0], channel) for channel in channels]
    delivered = {ref: sizes.get(ref) for ref in refs}
    found = photo_answers.answer_photos(services, refs, uses, sizes=delivered)
    return {ref: _judge(list(found[ref].values()) if ref in found else [_NOT_EXAMINED]) for ref in refs}


def _judge(answers: Sequence[Answer]) -> DownloadVerdict:
    against = tuple(answer for answer in answers if answer.status not in OPEN)
    return DownloadVerdict(bool(answers) and not against, against)


DeliveryAnswer = Literal["open", "refused", "warned", "silent-open", "silent-refused", "silent-warned"]
DeliveryOutcome = Literal["delivered", "stopped", "insisted"]
DeliveredFile = Literal["main", "other", "untied", "archive"]


@dataclass(frozen=True)
class Delivery:
    """One delivery that the DAM asked about: its channels, our answer, the outcome, and the resources.

    `said` begins with "silent-" if we did not answer and the DAM used its dates. `file`: the examined file of one
    resource, another file of it, one without a resource, or an archive.
    """

    at: datetime
    channels: tuple[str, ...]
    said: DeliveryAnswer
    happened: DeliveryOutcome
    file: DeliveredFile
    sent: tuple[int, ...]
    held: tuple[int, ...]


def record_delivery(services: Services, message: str, delivery: Delivery, actor: str) -> bool:
    """Audit the delivery, idempotently; False if this message was audited before."""
    with services.store.write() as tx:
        if not note_message(tx, f"delivery:{message}"):
            return False
        refs = [*delivery.sent, *delivery.held]
        one = select(t.resource.c.id).where(t.resource.c.ref == str(refs[0])) if len(refs) == 1 else None
        known = (one if one in services.config.clearance.channels else "?" for one in delivery.channels)
        tx.audit(
            Action.DELIVERY,
            actor,
            resource_id=None if one is None else tx.connection.scalar(one),
            at=delivery.at.isoformat(),
            channels=", ".join(known),
            said=delivery.said,
            happened=delivery.happened,
            file=delivery.file,
            photographs=len(delivery.sent),
            resources=format_spans(delivery.sent),
            left_out=len(delivery.held),
            resources_left_out=format_spans(delivery.held),
        )
    return True


def format_spans(numbers: Sequence[int]) -> str:
    """Numbers in order, each once, ranges as from-to: `4-9, 12`."""
    kept = set(numbers)
    starts = (one for one in sorted(kept) if one - 1 not in kept)
    ends = (one for one in sorted(kept) if one + 1 not in kept)
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


def find_date_sizes(services: Services) -> dict[str, int] | None:
    """The sizes that the DAM's dates apply to, by channel; None if they are of another configuration."""
    with services.store.read() as conn:
        return services.config.clearance.max_px if policy_fingerprint.is_shared(services, conn) else None


def count_open(services: Services, channel: str) -> int:
    """How many photographs may be delivered on the channel now, no larger than its `max_px`.

    Raises ConsentError for an unknown channel.
    """
    span = cleared_photos.span_now(services, services.config.clearance.purposes[0], channel)
    nobody = (
        select(func.count())
        .select_from(t.resource)
        .where(policy_fingerprint.is_examined(services), shows_nobody(services.policy_for(channel)))
    )
    with services.store.read() as conn:
        if closed_house.find_reason_in(services, conn) is not None:
            return 0
        return cleared_photos.count(conn, span) + (conn.scalar(nobody) or 0)


def shows_nobody(policy: Policy) -> ColumnElement[bool]:
    """What `answers.answer` calls "no person found", as SQL: examined whole, nobody named, no face undecided."""
    named = and_(t.face.c.state == "matched", t.face.c.person_id.is_not(None))
    here = t.face.c.resource_id == t.resource.c.id
    return and_(
        t.resource.c.deleted_at.is_(None),
        t.resource.c.examined == "whole",
        t.resource.c.unread.is_(None),
        ~exists().where(t.tag.c.resource_id == t.resource.c.id),
        ~exists().where(
            here,
            or_(
                named,
                dismissals.is_set_aside(),
                and_(is_counted(policy), ~dismissals.is_settled(policy.recognisable_px)),
            ),
        ),
    )


def is_counted(policy: Policy) -> ColumnElement[bool]:
    """Which faces count, as `answers` says, as SQL."""
    if policy.small_figures_block:
        return true()
    face, longest = cast(t.face.c.file_px, BigInteger), cast(t.resource.c.longest_px, BigInteger)

    def is_wide(least: int, *most: int | None) -> ColumnElement[bool]:
        shown = min((px for px in most if px is not None), default=None)
        size = longest if shown is None else case((longest > shown, shown), else_=longest)
        return (2 * face + 1) * size > (2 * least - 1) * longest

    return or_(
        face.is_(None),
        longest.is_(None),
        longest <= 0,
        is_wide(policy.recognisable_px, policy.shown_px),
        is_wide(policy.count_px, policy.shown_px, policy.detect_px),
    )
