"""The catalogues of messages: each language says the same things, with the same gaps to fill in."""

import re

import pytest
from babel.messages.catalog import Catalog

from bench import words
from plugin.words import catalogues

OTHERS = [language for language in catalogues.LANGUAGES if language != catalogues.ENGLISH]
_GAP = re.compile(r"\{\w*\}|\$\w+|%(?:\(\w+\))?[sd]")


def messages(language: str) -> dict[tuple[str, str | tuple[str, ...] | list[str]], tuple[str, ...]]:
    """What a catalogue says, by context and key."""
    return {(str(one.context), one.id): words.forms(one) for one in words.read(language) if one.id}


def test_each_message_has_a_context() -> None:
    """It says where somebody reads it."""
    assert [one.id for one in words.read("en") if one.id and not one.context] == []


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_says_the_same_things(language: str) -> None:
    """No message is missing, none is left over, and none has no words."""
    assert messages(language).keys() == messages("en").keys()


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_no_message_is_without_words(language: str) -> None:
    """In each of its forms; and nobody has left one for later."""
    catalogue = words.read(language)
    assert [key for key, said in messages(language).items() if not all(said)] == []
    assert [one.id for one in catalogue if one.id and one.fuzzy] == []
    assert list(catalogue.obsolete) == []
    assert all(len(said) in {1, catalogue.num_plurals} for said in messages(language).values())


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_filled_in_is_the_same(language: str) -> None:
    """The same gaps in each form; one with more forms than English may leave the number out of some."""
    english, others = messages("en"), messages(language)
    for key, said in others.items():
        if len(said) == len(english[key]):
            assert [*map(gaps, said)] == [*map(gaps, english[key])], key
        assert gaps(said[-1]) == gaps(english[key][-1]), key
        assert all(gaps(form) <= gaps(said[-1]) for form in said), key


def gaps(text: str) -> set[str]:
    return set(_GAP.findall(text))


def test_the_files_are_as_they_are_written_by_run_words() -> None:
    """In the order of the English one, with its words above each."""
    for language in OTHERS:
        kept = words.source(language).read_bytes()
        try:
            words.write(language, words.followed(language, words.read("en")))
            assert words.source(language).read_bytes() == kept
        finally:
            words.source(language).write_bytes(kept)


def test_a_message_that_is_new_comes_without_words_and_one_that_is_gone_goes() -> None:
    """Nothing is guessed: what nobody has written in a language is empty there until somebody does."""
    english = Catalog()
    english.add("new", "Something new", context="own page")
    english.add(("some", "some"), ("one", "{n} things"), context="own page")
    found = words.followed("nl", english)
    assert [(one.id, words.forms(one), one.auto_comments) for one in found if one.id] == [
        ("new", ("",), ["Something new"]),
        (("some", "some"), ("", ""), ["{n} things"]),
    ]


def test_what_is_in_no_catalogue_has_no_words() -> None:
    """A key that is misspelt raises where it is asked for."""
    said = catalogues.Words("own page", "nl")
    assert "photo" in said
    assert "phto" not in said
    assert said.counted("photo", 7) == said["photo"]
    with pytest.raises(KeyError):
        said["phto"]
    with pytest.raises(KeyError):
        said.counted("phto", 1)


def test_a_language_that_we_do_not_have_is_english() -> None:
    said, english = catalogues.Words("own page", "xx"), catalogues.Words("own page", "en")
    assert (said.lang, dict(said)) == ("en", dict(english))


def test_a_catalogue_that_is_not_compiled_says_what_does_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout that was brought up to date by hand, without the set-up."""
    monkeypatch.setattr(catalogues, "_FILE", "LC_MESSAGES/none.mo")
    with pytest.raises(FileNotFoundError, match=r"\./run words"):
        catalogues._read.__wrapped__("en")
