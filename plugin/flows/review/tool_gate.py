"""The gate: may this tool have this photograph, for this use? For a CMS, and for AI tools.

Allowed is only what is cleared. An AI tool besides needs that everybody in the photograph agreed to
AI tools, on the channel that `gate.ai_channel` names. A caller is taken for an AI tool unless it
claims to be one of `gate.plain_tools`, its token says that it may, and it names no inference that it
would draw. Emotion inference is refused whoever asks (Regulation (EU) 2024/1689 Art. 5(1)(f), Art.
50(3)); it is known by what the tool says of itself. Whatever is not allowed is logged.

A channel with a largest size (`clearance.max_px`) is judged at that size, or at the larger one that will be
delivered; and so is the agreement to AI tools.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import select

from plugin.flows.clearance import cleared_photos, photo_answers
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.quitclaim.clearance.answers import Answer, ClearanceStatus, IntendedUse, Reason
from plugin.quitclaim.consent.intervals import earlier


class GateVerdict(StrEnum):
    """What the tool is told. Only `allow` is yes."""

    ALLOW = "allow"
    REFUSE = "refuse"
    UNKNOWN = "unknown"


class GateReason(StrEnum):
    """What decided, for machines."""

    CLEARED = "cleared"
    NO_PERSON = "no_person"
    NOT_CLEARED = "not_cleared"
    NOT_KNOWN = "not_known"
    AI_NOT_ALLOWED = "ai_not_allowed"
    EMOTION = "emotion_inference"


@dataclass(frozen=True)
class GateQuestion:
    """Which photograph, for which use, by which tool; `inference` is what the tool would conclude from it.

    `kind` is what the caller says; `claims`: the kinds that it may say so of itself, by its token. `longest_px`: the
    longer side of what will be delivered; None: no larger than the channel states.
    """

    ref: str
    use: IntendedUse
    kind: str
    name: str = ""
    inference: tuple[str, ...] = ()
    day: date | None = None
    claims: frozenset[str] = frozenset()
    longest_px: int | None = None


@dataclass(frozen=True)
class GateDecision:
    """The verdict, what decided it, until when it holds (None: no known end, or not allowed), and the reasons.

    `max_px`: the longer side in px up to which it holds; None: any size.
    """

    verdict: GateVerdict
    why: GateReason
    until: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    max_px: int | None = None


# Stems, without accents, in English and Dutch. Whole words where a stem would catch innocent ones (moodboard).
_EMOTION = re.compile(
    r"emotio|emotie|sentiment|facial.?expression|(gezichts|gelaats).?uitdrukking|gemoed|"
    r"stemming(en)?s?.?(herken|analy|bepal|detect|meting)|gevoelens|affective|affectief|affectieve|"
    r"(?<![a-z])(affect|affects|mood|moods|stemming|feelings|valence|arousal)(?![a-z])"
)

# What an inference may be called by its outcome: the emotions of recital 18 of the Regulation, in both languages.
# Read only in what a tool says that it infers: elsewhere such a word may be a name, or a slogan.
_FEELING = re.compile(
    r"(?<![a-z])(is |un|dis|on)?(happ(y|iness)|sad(ness)?(?![a-z])|anger|angry|surpris|disgust|embarrass|excite|"
    r"shame|contempt|satisf|amus(ed|ement)|fear|joy(?!stick)|smil(e|es|ing)(?![a-z])|blij|geluk|verdriet|droef|"
    r"droevig|boos|woede|verras|walging|schaamte|opwinding|opgewonden|minachting|tevreden|angst|bang(?![a-z])|"
    r"vreugde|plezier|glimlach|vrolijk)"
)


def infers_emotion(words: Iterable[str]) -> bool:
    """Whether any of these words names emotion inference."""
    return any(_EMOTION.search(_plain(word)) for word in words)


def names_feeling(inferences: Iterable[str]) -> bool:
    """Whether any of what is inferred is an emotion by its own name."""
    return any(_FEELING.search(_plain(one)) for one in inferences)


def _plain(text: str) -> str:
    """Casefolded, without accents, words apart: `AffectScore`, `affect_score` and "Affect score" are alike."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+", " ", bare).casefold()


def judge_tool_use(services: Services, question: GateQuestion, actor: str) -> GateDecision:
    """Decide, and log what is not allowed. Raises UseUnknown for a use that is not configured."""
    use = question.use
    said = (question.kind, question.name, use.purpose, use.channel, *question.inference)
    if infers_emotion(said) or names_feeling(question.inference):
        decision = GateDecision(GateVerdict.REFUSE, GateReason.EMOTION)
    else:
        cleared_photos.refuse_unknown(services, use.purpose, use.channel)
        decision = _judge_use(services, question)
    if decision.verdict is not GateVerdict.ALLOW:
        _log(services, question, decision, actor)
    return decision


def is_plain_tool(services: Services, question: GateQuestion) -> bool:
    """Whether the caller may claim to be no AI tool. Whoever infers anything from a picture is one in any case."""
    claim = question.kind in services.config.gate.plain_tools and question.kind in question.claims
    return claim and not question.inference


def _judge_use(services: Services, question: GateQuestion) -> GateDecision:
    gate, use = services.config.gate, question.use
    size = _delivered_px(services, question)
    ai = not is_plain_tool(services, question)
    permit = IntendedUse(use.purpose, gate.ai_channel)
    uses = [use, permit] if ai and gate.ai_channel else [use]
    found = photo_answers.answer_photos(services, [question.ref], uses, question.day, {question.ref: size})
    decision = _combine(services, found.get(question.ref), uses, ai)
    sized = any(one.channel in services.config.clearance.max_px for one in uses)
    return replace(decision, max_px=size) if sized else decision


def _delivered_px(services: Services, question: GateQuestion) -> int | None:
    """The longer side of what will be delivered, at most, in px; None if unlimited."""
    most = services.config.clearance.max_px.get(question.use.channel)
    return most if question.longest_px is None else max(most or 0, question.longest_px)


def _combine(
    services: Services, found: Mapping[IntendedUse, Answer] | None, uses: Sequence[IntendedUse], ai: bool
) -> GateDecision:
    """By the answers for the use and, for an AI tool, for the agreement to such tools, if that has a channel."""
    if found is None:
        return GateDecision(GateVerdict.UNKNOWN, GateReason.NOT_KNOWN, reasons=photo_answers.UNKNOWN_PHOTO.reasons)
    first = _judge_answer(services, found[uses[0]])
    if first.verdict is not GateVerdict.ALLOW or first.why is GateReason.NO_PERSON or not ai:
        return first
    if len(uses) == 1:
        return GateDecision(GateVerdict.REFUSE, GateReason.AI_NOT_ALLOWED)
    second = found[uses[1]]
    if second.status is not ClearanceStatus.CLEARED:
        return GateDecision(GateVerdict.REFUSE, GateReason.AI_NOT_ALLOWED, reasons=second.reasons)
    return GateDecision(GateVerdict.ALLOW, GateReason.CLEARED, earlier(first.until, second.until), first.reasons)


def _judge_answer(services: Services, answer: Answer) -> GateDecision:
    if answer.status is ClearanceStatus.CLEARED:
        return GateDecision(GateVerdict.ALLOW, GateReason.CLEARED, answer.until, answer.reasons)
    if answer.status is ClearanceStatus.NO_PERSON_FOUND and services.config.gate.allow_no_person:
        return GateDecision(GateVerdict.ALLOW, GateReason.NO_PERSON, reasons=answer.reasons)
    if answer.status is ClearanceStatus.BLOCKED:
        return GateDecision(GateVerdict.REFUSE, GateReason.NOT_CLEARED, reasons=answer.reasons)
    why = GateReason.NO_PERSON if answer.status is ClearanceStatus.NO_PERSON_FOUND else GateReason.NOT_KNOWN
    return GateDecision(GateVerdict.UNKNOWN, why, reasons=answer.reasons)


def _log(services: Services, question: GateQuestion, decision: GateDecision, actor: str) -> None:
    """Audit the photograph, the reason, the claim and whether it was believed.

    The tool's own words are left out, because they may hold anything: a configured kind, `ai`, or "other".
    """
    plain = services.config.gate.plain_tools
    emotion = decision.why is GateReason.EMOTION
    with services.store.write() as tx:
        this = t.resource.c.ref == question.ref
        resource_id = tx.connection.scalar(select(t.resource.c.id).where(this))
        tx.audit(
            Action.EMOTION_REFUSE if emotion else Action.USE_REFUSE,
            actor,
            resource_id=resource_id,
            verdict=decision.verdict.value,
            why=decision.why.value,
            purpose="" if emotion else question.use.purpose,
            channel="" if emotion else question.use.channel,
            plain=is_plain_tool(services, question),
            claimed=question.kind if question.kind in {*plain, "ai"} else "other",
            believed=question.kind == "ai" or is_plain_tool(services, question),
        )
