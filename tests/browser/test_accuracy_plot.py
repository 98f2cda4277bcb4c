"""The picture of error rates, in a browser: everything written is inside, and nothing on top of anything else."""

import pytest
from playwright.sync_api import Browser

from plugin.config import MatchingSection
from plugin.recognizer.evaluation.accuracy_report import FullReport, report_accuracy
from plugin.recognizer.evaluation.group_labels import GroupLabels
from sidecar.commands.installation.accuracy_plot import draw_report
from tests.group_vectors import Group, calibrated_engine, draw_groups

FRAME = """() => {
    const box = document.querySelector('svg').getBoundingClientRect();
    return [box.right, box.bottom];
}"""
BOXES = """() => [...document.querySelectorAll('svg text')].map(text => {
    const box = text.getBoundingClientRect();
    return [text.textContent, box.left, box.top, box.right, box.bottom];
})"""


def report(*groups: Group) -> FullReport:
    """With a curve."""
    people, strangers, of_people, of_strangers = draw_groups(5, *groups)
    labels = GroupLabels(of_people, of_strangers)
    return report_accuracy(people, strangers, calibrated_engine(), MatchingSection(), labels, curve=True)


@pytest.mark.parametrize(
    "groups",
    [
        (Group("alike", 12, 200, 1.0), Group("others", 12, 200)),
        tuple(Group(f"{n} a name that nobody can be expected to read to its end", 5, 30 + n) for n in range(25)),
        (Group("nobody enrolled", 0, 12), Group("one", 1, 0), Group("three", 3, 1)),
    ],
)
def test_everything_can_be_read(chromium: Browser, groups: tuple[Group, ...]) -> None:
    """No text is cut off and none covers another, on a page of A4; it is described for who cannot see it."""
    picture = draw_report(report(*groups), "vectors")
    page = chromium.new_page(viewport={"width": 800, "height": 1200})
    page.set_content(f"<body style='margin:0'>{picture}</body>")
    frame = page.evaluate(FRAME)
    assert frame[0] <= 190 * 96 / 25.4 + 1
    assert frame[1] <= 277 * 96 / 25.4 + 1
    boxes = page.evaluate(BOXES)
    page.close()
    assert len(boxes) > 15
    for text, left, top, right, bottom in boxes:
        assert left >= 0 and top >= 0 and right <= frame[0] and bottom <= frame[1], text  # noqa: PT018
    for place, (text, left, top, right, bottom) in enumerate(boxes):
        for other, x, y, x2, y2 in boxes[place + 1 :]:
            covered = min(right, x2) - max(left, x) > 1 and min(bottom, y2) - max(top, y) > 4  # lines stand close
            assert not covered, (text, other)
    assert 'role="img"' in picture
    assert groups[0].name in picture.partition("</desc>")[0]
