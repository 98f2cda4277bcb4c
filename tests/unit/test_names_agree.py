"""The DAM's rooms and the consent's rooms may not import one another, so each folds names itself."""

from hypothesis import example, given
from hypothesis import strategies as st

from plugin.hooks.dam import node_key
from plugin.quitclaim.consent.model import name_key


@given(st.text())
@example("ΐ")
@example("ŉ ﬁ Å\u0301 İstanbul")
def test_a_node_and_a_name_have_one_key(text: str) -> None:
    """A node that is a person's for the DAM is that person's for the consent, in every spelling."""
    assert node_key(text) == name_key(text)
    assert node_key(node_key(text)) == node_key(text)
