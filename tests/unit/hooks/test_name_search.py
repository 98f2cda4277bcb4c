"""A name is found as whole words in any script and spelling, and in nothing that only looks like it."""

import unicodedata

import pytest

from plugin.hooks.name_search import MASK, SoughtName, list_stored_texts, list_texts

NAME = "Åsa Sample"


@pytest.mark.parametrize(
    "text",
    [
        NAME,
        "ÅSA  SAMPLE",
        "People|Åsa Sample",
        "People/åsa sample",
        "shoot/åsa_sample-01.jpg",
        "%C3%85sa%20Sample.jpg",
        unicodedata.normalize("NFD", "x/Åsa-Sample/x.jpg"),
        "Åsa, Sample",
        "ÅsaSample12.jpg",
        NAME.encode().decode("latin-1"),
        "Åsa Sample's sister",
        "Åsa\u200bSample",
        "Åsa\nSample",
        "(Åsa\u00a0Sample)",
        "the \ufb01lm of Åsa Sample",
    ],
)
def test_the_whole_name_is_found(text: str) -> None:
    """Whatever stands between its words, and however its letters are written."""
    sought = SoughtName([NAME])
    assert sought.stands_in(text)
    assert MASK in sought.masked(text)
    assert not sought.stands_in(sought.masked(text))


@pytest.mark.parametrize(
    "text", ["Åsa Sampleton", "xÅsa Sample", "Asa Sample", "Sample Åsa", "Åsa", "Åsa Maria Sample", ""]
)
def test_what_is_another_name_is_not(text: str) -> None:
    """Part of a longer word, other letters, other words."""
    sought = SoughtName([NAME])
    assert not sought.stands_in(text)
    assert sought.masked(text) == unicodedata.normalize("NFC", text)


def test_scripts_without_borders_between_words() -> None:
    """Chinese, Thai and Hindi: where nothing stands between words, none is asked for; where something does, it is."""
    assert SoughtName(["王小明"]).stands_in("与王小明合影")
    assert not SoughtName(["王小明"]).stands_in("王小")
    assert SoughtName(["สมชาย ใจดี"]).stands_in("ภาพสมชาย ใจดีที่")
    assert SoughtName(["सीता शर्मा"]).stands_in("फोटो: सीता_शर्मा")
    assert not SoughtName(["सीता शर्मा"]).stands_in("सीता शर्माजी")


def test_the_name_alone_is_told_from_a_text_that_holds_it() -> None:
    """A keyword is the name; a caption only speaks of it."""
    sought = SoughtName([NAME, "Åsa S."])
    assert sought.is_name("åsa_sample")
    assert sought.is_name("Åsa S")
    assert not sought.is_name("People|Åsa Sample")


def test_decomposed_letters_in_the_longest_word() -> None:
    """They are composed before anything is compared."""
    assert SoughtName(["Åsa Öberg"]).stands_in(unicodedata.normalize("NFD", "with åsa öberg"))
    assert SoughtName([unicodedata.normalize("NFD", "Åsa Öberg")]).stands_in("Åsa Öberg")


def test_numbers_are_words_of_their_own() -> None:
    """A name with a number is not one with a longer number."""
    sought = SoughtName(["Åsa 12"])
    assert sought.stands_in("åsa12.jpg")
    assert not sought.stands_in("Åsa 120")


def test_texts_in_json_are_found_at_any_depth() -> None:
    """Keys too."""
    assert list(list_texts({"a": ["b", {"c": 1}], "d": None})) == ["a", "b", "c", "d"]


def test_nothing_to_look_for_is_found_nowhere() -> None:
    """A name without a letter."""
    assert not SoughtName(["", "…"]).stands_in("anything … at all")


@pytest.mark.parametrize("text", ["AnnMaria Sample", "ann_mariasample2.jpg", "AnnMariaSample", "x/Ann-MariaSample/1"])
def test_words_of_the_name_may_be_joined(text: str) -> None:
    """Some of them, or all; what follows or stands before is not part of them."""
    sought = SoughtName(["Ann Maria Sample"])
    assert sought.masked(text).count(MASK) == 1
    assert not sought.stands_in(text.replace("Ann", "Jann").replace("ann", "jann"))


def test_a_hash_in_the_store_says_nothing() -> None:
    """A short name has the letters that hashes are written with."""
    sought = SoughtName(["Ada"])
    digest = "9ada4".ljust(64, "0")
    assert sought.stands_in(digest)
    for stored in (digest, f"0123abcd:{digest}", f'{{"hash": "{digest}"}}'):
        assert not any(sought.stands_in(text) for text in list_stored_texts(stored))
    assert any(sought.stands_in(text) for text in list_stored_texts('{"why": "for Ada"}'))
