"""A form as somebody sees it: in their language, with the choices that are offered to them, until a day.

The text of a sheet is what is hashed into `quitclaim.text_sha256` and kept as evidence; a page shows
the same sentences, in the same order.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256

from plugin.quitclaim.forms.templates import RECOGNITION, Form, LegalBasis
from plugin.quitclaim.words import wording
from plugin.words.catalogues import Words


class Whom(StrEnum):
    """Whom the form is about: whoever reads it, their child, or it is not known yet."""

    SELF = "self"
    CHILD = "child"
    EITHER = "either"


@dataclass(frozen=True)
class Choice:
    """One line that may be ticked: `key` is what a page sends, `group` and `label` what it shows, `example` below."""

    key: str
    purpose: str
    channel: str
    legal: LegalBasis
    group: str
    label: str
    basis: str
    example: str = ""


@dataclass(frozen=True)
class Sheet:
    """All that somebody is shown before they sign. `recognition` is "" where it is not offered."""

    language: str
    title: str
    who: str
    asks: str
    why: str
    until: str
    last_day: date
    empty: str
    choices: tuple[Choice, ...]
    recognition: str
    recognition_basis: str
    recognition_text: str
    photographs: str
    retention: str
    withdraw: str
    officer: str
    policy: str

    def text(self) -> str:
        """Everything, as plain text, in the order of the page."""
        lines = [self.title, self.who, self.asks, self.why, self.until, self.empty]
        form = _open_words(self.language)["line"]
        for c in self.choices:
            line = form.format(group=c.group, label=c.label, basis=c.basis)
            lines.append(f"{line}\n{c.example}" if c.example else line)
        if self.recognition:
            lines += [self.recognition_text, f"[ ] {self.recognition} ({self.recognition_basis})"]
            lines += [self.photographs] if self.photographs else []
        return "\n\n".join([*lines, self.retention, self.withdraw, self.officer, self.policy]) + "\n"

    def sha256(self) -> str:
        """The hash of the text, as a quitclaim keeps it."""
        return sha256(self.text().encode()).hexdigest()

    def group(self) -> dict[str, list[Choice]]:
        """The choices by purpose, in order."""
        found: dict[str, list[Choice]] = {}
        for choice in self.choices:
            found.setdefault(choice.group, []).append(choice)
        return found


def make_sheet(
    form: Form, language: str, signed: date, offered: Collection[str] | None = None, whom: Whom = Whom.SELF
) -> Sheet:
    """The form as it is shown on the day `signed`; `offered` leaves only the lines of these keys.

    Raises KeyError for a language that the form has no text in.
    """
    text, said = form.texts[language], _open_words(language)
    text = text.to_guardian() if whom is Whom.CHILD else text
    last_day = form.last_day(signed)
    recognition = form.recognition and (offered is None or RECOGNITION in offered)
    until = said["until"].format(day=wording.day(last_day, language))
    return Sheet(
        language=language,
        title=text.title,
        who=said["who"].format(organisation=form.organisation),
        asks=text.asks,
        why=text.why,
        last_day=last_day,
        empty=said["empty"],
        until=f"{until} {said['yearly']}" if form.renew_yearly else until,
        choices=tuple(c for c in _list_choices(form, language) if offered is None or c.key in offered),
        recognition=said[f"recognition.{whom.value}"] if recognition else "",
        recognition_basis=said["explicit"],
        recognition_text=text.recognition if recognition else "",
        photographs=text.photographs if recognition and form.enrol else "",
        retention=text.retention,
        withdraw=text.withdraw,
        officer=said["officer"].format(officer=form.officer),
        policy=said["policy"].format(url=form.policy_url),
    )


def _list_choices(form: Form, language: str) -> list[Choice]:
    words = form.texts[language].words

    def named(term: str) -> str:
        return words.get(term) or wording.term(term, language) or term

    said = _open_words(language)
    return [
        Choice(
            key=line_key(purpose, channel),
            purpose=purpose,
            channel=channel,
            legal=basis,
            group=named(purpose),
            label=named(channel),
            basis=said[f"basis.{basis.value}"].format(organisation=form.organisation),
            example=form.texts[language].examples.get(channel, ""),
        )
        for purpose, channel, basis in form.lines()
    ]


def _open_words(language: str) -> Words:
    return Words("sheet", language)


def line_key(purpose: str, channel: str) -> str:
    """The name of a line between page and rules."""
    return f"{purpose}:{channel}"
