"""The staff reads why something failed in words, in both languages; no class of ours is shown by its name."""

import pytest

from plugin.errors import DamError, FaceLeaseError
from plugin.flows.views.waiting_list import WaitingItem
from plugin.hooks.resourcespace.api.answers import TemporaryFailure
from plugin.ledger.queue.jobs import KILLED, describe_error
from plugin.words.catalogues import LANGUAGES, Words
from sidecar.words import error_words


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_queue_keeps_is_said_in_words(language: str) -> None:
    """The class by its meaning, our own sentence behind it; a class that nobody foresaw keeps its name."""
    words = Words("error", language)
    for error in (DamError("the folder is away"), TemporaryFailure("the folder is away")):
        told = error_words.reason(describe_error(error), language)
        assert tuple(told) == (words["away"], "the folder is away")
        assert told.line == f"{words['away']}: the folder is away"
    assert error_words.reason(describe_error(PermissionError()), language) == (words["file"], "")
    assert error_words.reason("OperationalError", language) == (words["store"], "")
    assert error_words.reason("KeyError", language) == (words["unforeseen"].format(kind="KeyError"), "")
    assert error_words.reason("Passing: it is down", language) == (words["away"], "it is down")  # as rows of before say
    assert error_words.reason(KILLED, language) == (words["killed"], "")
    assert error_words.reason("", language).line == ""
    aside = error_words.aside(WaitingItem(ref="12", why="a change in the DAM: IntegrityError"), language)
    assert aside == f"a change in the DAM: {words['row']} (12)"


def test_both_languages_have_the_same_words_and_all_are_used() -> None:
    english, dutch = (Words("error", one) for one in ("en", "nl"))
    used = {key for _, key in error_words._OURS} | {*error_words._OTHERS.values(), "unforeseen", "file", "killed"}
    assert english.keys() == dutch.keys() == used
    assert all(english[key] != dutch[key] for key in used)


def test_no_word_for_the_staff_holds_the_name_of_a_class() -> None:
    kinds = error_words._ours(FaceLeaseError)
    lines = [error_words.reason(name).words for name, kind in kinds.items() if error_words._key(name)]
    assert len(lines) > 15
    assert not [line for line in lines if any(name in line for name in kinds)]
