"""Somebody who knows the keys of the light table: the wrong faces are known, and every key is counted."""

from playwright.sync_api import Page, expect


class Hand:
    """Presses keys on a page of the light table; `keys`: how many so far."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.keys = 0

    def decide(self, wrong: set[int]) -> None:
        """Reject the faces `wrong`, and confirm all others of the page."""
        mine = [one for one in self._faces() if one in wrong]
        for face in mine:
            self._go_to(face)
            self._press("Space")
        before = self._page.locator("#light").evaluate("light => (light.dataset.round = String(Math.random()))")
        self._press("c")
        if mine:
            self._press("n")
        decided = "document.querySelector('#light')?.dataset.round !== round || !document.querySelector('.tile')"
        self._page.wait_for_function(f"round => {decided}", arg=before, timeout=120_000)

    def _faces(self) -> list[int]:
        tiles = self._page.locator(".tile")
        expect(tiles.first).to_be_visible()
        return [int(one) for one in tiles.evaluate_all("tiles => tiles.map(tile => tile.dataset.face)")]

    def _go_to(self, face: int) -> None:
        """By rows first, then along the row: as eyes do."""
        where = "face => { const r = document.querySelector(`#face-${face}`).getBoundingClientRect(); "
        where += "return [Math.round(r.left), Math.round(r.top)]; }"
        here = "() => document.activeElement.closest('.tile')?.dataset.face || ''"
        if not self._page.evaluate(here):
            self._press("ArrowRight")
        for _ in range(200):
            now = self._page.evaluate(here)
            if now == str(face):
                return
            (x, y), (to_x, to_y) = (self._page.evaluate(where, one) for one in (now, str(face)))
            if abs(y - to_y) > 8:
                self._press("ArrowDown" if to_y > y else "ArrowUp")
            else:
                self._press("ArrowRight" if to_x > x else "ArrowLeft")
        raise AssertionError(f"face {face} is not reached by keys")

    def _press(self, key: str) -> None:
        self._page.keyboard.press(key)
        self.keys += 1
