"""A form of ours that was printed and signed on paper: its text, its last day, and the basis of its lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from plugin.errors import ConsentError
from plugin.flows.common.services import Services
from plugin.flows.consent.recording import QuitclaimOrigin
from plugin.flows.mail import form_store
from plugin.quitclaim.consent.model import Grant
from plugin.quitclaim.forms.sheets import make_sheet
from plugin.quitclaim.forms.templates import LegalBasis

PaperLine = tuple[str, str] | None
"""Purpose and channel; None is recognition."""


@dataclass(frozen=True)
class Paper:
    """What is recorded of a form on paper."""

    form_id: str
    text_version: str
    text_sha256: str
    last_day: date
    contracts: frozenset[tuple[str, str]]

    def origin(self, grants: Sequence[Grant]) -> QuitclaimOrigin:
        """The form, and by the id of a grant what does not rest on consent."""
        bases = {
            grant.id: LegalBasis.CONTRACT.value
            for grant in grants
            if (grant.purpose or "", grant.channel or "") in self.contracts
        }
        return QuitclaimOrigin(self.form_id, bases)


def read_form(services: Services, name: str, language: str, signed: datetime, lines: Sequence[PaperLine]) -> Paper:
    """The form in use of this name. Raises NotFound, ConsentError for a line that it does not have."""
    stored = form_store.find_in_use(services, name)
    form = stored.form
    if language not in form.texts:
        raise ConsentError(f"the form {name!r} has no text in {language!r}: say in which --language it was signed")
    asked: set[PaperLine] = {(purpose, channel) for purpose, channel, _ in form.lines()}
    asked |= {None} if form.recognition else set()
    strange = [line for line in lines if line not in asked]
    if strange:
        named = ", ".join("recognition" if line is None else ":".join(line) for line in strange)
        raise ConsentError(f"the form {name!r} does not ask for {named}: leave that out, or name another form")
    shown = make_sheet(form, language, signed.astimezone(services.config.site.zone).date())
    contracts = frozenset((p, c) for p, c, basis in form.lines() if basis is LegalBasis.CONTRACT)
    return Paper(stored.id, form.text_version, shown.sha256(), shown.last_day, contracts)
