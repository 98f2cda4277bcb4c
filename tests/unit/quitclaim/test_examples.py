"""What a form says of where a channel is."""

from datetime import date

import pytest

from plugin.errors import ConsentError
from plugin.quitclaim.forms import sheets, templates
from tests.signers import tree

SIGNED = date(2026, 3, 2)


def with_examples(**examples: str) -> dict[str, object]:
    """The sample form, with these in English."""
    found = tree()
    found["texts"]["en"]["examples"] = examples
    return found


def test_an_example_stands_below_its_line_and_in_what_is_signed() -> None:
    """The text that is hashed holds it; a language without one has none."""
    form = templates.parse(with_examples(website="Such as example.org/news"))
    sheet = sheets.make_sheet(form, "en", SIGNED)
    assert [choice.example for choice in sheet.choices] == ["Such as example.org/news", ""]
    assert "Such as example.org/news" in sheet.text()
    assert "example.org/news" not in sheets.make_sheet(form, "nl", SIGNED).text()


def test_a_form_without_examples_hashes_as_before() -> None:
    """Nothing of it is in the body, so that a form that is kept is no new version."""
    assert "examples" not in str(templates.parse(tree()).body())
    body = templates.parse(with_examples(press="Papers")).body()
    assert templates.parse(body).body() == body


def test_an_example_of_what_is_not_asked_is_refused() -> None:
    """A channel that no line asks for is a mistake."""
    with pytest.raises(ConsentError, match="examples: 'moon' is not asked for"):
        templates.parse(with_examples(moon="Up there"))
