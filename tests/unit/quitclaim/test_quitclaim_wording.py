import string
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from plugin.ledger.queue.retention_rules import BOXES_FORGOTTEN
from plugin.ledger.store.migrations.versions import r0009_looked_closely
from plugin.quitclaim.clearance.answers import Reason, ReasonCode
from plugin.quitclaim.clearance.dismissal import Dismissal
from plugin.quitclaim.words.dismissal_words import dismissal
from plugin.quitclaim.words.examination_words import NotExamined, say
from plugin.quitclaim.words.wording import render
from plugin.recognizer.pictures.partial_reasons import Partly
from plugin.words.catalogues import LANGUAGES, Words

USE = (("purpose", "communication"), ("channel", "press"))
MIDNIGHT = (("moment", datetime(2026, 3, 31, 22, 0, tzinfo=UTC).isoformat()),)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("reason", "english", "dutch"),
    [
        (
            Reason(ReasonCode.NEVER_AGREED, (("name", "Åsa"), *USE)),
            "Åsa has not agreed to press use (communication)",
            "Åsa heeft niet ingestemd met gebruik voor pers (communicatie)",
        ),
        (
            Reason(ReasonCode.AGREEMENT_ENDED, (("name", "Dag"), *USE, *MIDNIGHT)),
            "the agreement of Dag to press use (communication) ended on 1 April 2026",
            "de toestemming van Dag voor gebruik voor pers (communicatie) eindigde op 1 april 2026",
        ),
        (
            Reason(ReasonCode.AGREEMENT_TO_COME, (("name", "Dag"), *MIDNIGHT)),
            "the agreement of Dag to this use begins on 1 April 2026",
            "de toestemming van Dag voor dit gebruik gaat in op 1 april 2026",
        ),
        (
            Reason(ReasonCode.FACE_NOT_NAMED, (("count", "1"),)),
            "a face is not named yet",
            "een gezicht heeft nog geen naam",
        ),
        (
            Reason(ReasonCode.FACE_NOT_NAMED, (("count", "3"),)),
            "3 faces are not named yet",
            "3 gezichten hebben nog geen naam",
        ),
        (
            Reason(ReasonCode.FACE_DISMISSED, (("dismissal", "no_person"), ("why", "statue"), ("count", "1"))),
            "a face was left out: it shows no person (statue)",
            "een gezicht is buiten beschouwing gelaten: het toont geen persoon (statue)",
        ),
        (
            Reason(ReasonCode.FACE_DISMISSED, (("dismissal", "too_small"), ("why", ""), ("count", "11"))),
            "11 faces were left out: too small to be recognised",
            "11 gezichten zijn buiten beschouwing gelaten: te klein om herkend te worden",
        ),
        (
            Reason(ReasonCode.FACE_SET_ASIDE, (("dismissal", "objects"), ("why", ""), ("count", "1"))),
            "a face was left out and is not decided for use: somebody who objects",
            "een gezicht is buiten beschouwing gelaten, en voor gebruik is niets beslist: iemand die bezwaar maakt",
        ),
        (
            Reason(ReasonCode.FACE_DISMISSED_BEFORE, (("dismissal", ""), ("why", "crowd"), ("count", "2"))),
            "2 faces were left out before the reasons were a list, and have to be decided again: crowd",
            "2 gezichten zijn buiten beschouwing gelaten voor er een lijst van redenen was: beslis opnieuw: crowd",
        ),
        (
            Reason(ReasonCode.NEVER_AGREED, (("name", ""),)),
            "somebody recognised in the photo has not agreed to this use",
            "iemand die op de foto is herkend heeft niet ingestemd met dit gebruik",
        ),
        (Reason(ReasonCode.NOT_EXAMINED), "the photo has not been examined", "de foto is niet onderzocht"),
        (
            Reason(ReasonCode.SHOWN_AT, (("px", "1200"), *USE)),
            "press use (communication): judged for copies of at most 1,200 px on the longer side",
            "gebruik voor pers (communicatie): beoordeeld voor kopieën van hoogstens 1.200 px aan de langste zijde",
        ),
        (
            Reason(ReasonCode.EXAMINED_PARTLY, (("why", "film pages film"),)),
            "only a part has been examined: a film lies behind the picture; the file has further pages",
            "er is maar een deel onderzocht: achter de foto zit een film; het bestand heeft meer pagina's",
        ),
        (
            Reason(ReasonCode.NOT_EXAMINED, (("why", "recognition_off"),)),
            "the photo has not been examined: recognition is off in every collection of this photograph",
            "de foto is niet onderzocht: herkenning staat uit in elke collectie van deze foto",
        ),
        (
            Reason(ReasonCode.NOT_EXAMINED, (("why", "failed: it took 60 s: too long"),)),
            "the photo has not been examined: examining it failed: it took 60 s: too long",
            "de foto is niet onderzocht: het onderzoeken mislukte: it took 60 s: too long",
        ),
        (
            Reason(ReasonCode.EXAMINED_PARTLY, (("why", "film by Bo"),)),
            "only a part has been examined: film by Bo",
            "er is maar een deel onderzocht: film by Bo",
        ),
        (
            Reason(ReasonCode.FACE_DISMISSED, (("dismissal", "no_person"), ("why", "film"))),
            "a face was left out: it shows no person (film)",
            "een gezicht is buiten beschouwing gelaten: het toont geen persoon (film)",
        ),
        (
            Reason(ReasonCode.NAMES_UNREAD, (("why", ""),)),
            "the names on the photo could not be read",
            "de namen bij de foto konden niet worden gelezen",
        ),
    ],
)
def test_a_reason_is_said_in_plain_words(reason: Reason, english: str, dutch: str) -> None:
    """In English and in Dutch, with the day as it is where the house is."""
    assert render(reason, "en", AMSTERDAM) == english
    assert render(reason, "nl", AMSTERDAM) == dutch


def test_a_channel_of_the_house_stands_as_it_wrote_it() -> None:
    """What is not among our own words is not translated."""
    reason = Reason(ReasonCode.NEVER_AGREED, (("name", "Bo"), ("purpose", "werving"), ("channel", "Nieuwsbrief")))
    assert render(reason, "nl") == "Bo heeft niet ingestemd met gebruik voor Nieuwsbrief (werving)"


def test_an_unknown_language_gets_english() -> None:
    """Better English than nothing."""
    assert render(Reason(ReasonCode.NO_FACE), "sv") == "no face was found"


def test_a_name_is_never_read_as_a_template() -> None:
    """Braces in a name are a name."""
    assert render(Reason(ReasonCode.NAME_NOT_LINKED, (("name", "{use}{0}"),)), "en").startswith("{use}{0} is named")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_its_words(language: str) -> None:
    """Each code has a sentence that needs nothing but what a reason can carry."""
    values = (("name", "Åsa"), ("count", "2"), ("why", "x"), ("log", "missing"), ("px", "1200"), *USE, *MIDNIGHT)
    for code in ReasonCode:
        for form in {Words("reason", language).counted(code.value, n) for n in range(20)}:
            fields = {field for _, field, _, _ in string.Formatter().parse(form) if field}
            assert fields <= {"name", "use", "date", "why", "count", "log", "px", "dismissal"}
        said = render(Reason(code, values), language)
        assert said
        assert "{" not in said


@pytest.mark.parametrize("language", ["en", "nl", "fr"])
def test_every_dismissal_has_its_words(language: str) -> None:
    """Each of the list, none twice, with and without a note; and what was dismissed before there was one."""
    said = {dismissal(key, "", language) for key in ("", *Dismissal)}
    assert len(said) == 1 + len(Dismissal)
    assert {dismissal(key, "a poster", language) for key in Dismissal} == {
        f"{one} (a poster)" for one in said - {dismissal("", "", language)}
    }
    assert dismissal("", "a poster", language).endswith(": a poster")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [*Partly, *NotExamined])
def test_what_was_not_looked_at_has_its_words(code: str, language: str) -> None:
    """Each code of the recogniser and of the flows is said, and in both languages otherwise."""
    assert say(code, language) != code
    assert "_" not in say(code, language)
    assert say(code, "en") != say(code, "nl")


def test_codes_that_lower_rooms_write_are_those() -> None:
    """The ledger may not know the words; it writes the codes."""
    assert BOXES_FORGOTTEN == NotExamined.FORGOTTEN
    assert r0009_looked_closely._BEFORE == NotExamined.BEFORE
