"""The server's own pages, as somebody at a screen uses them."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import Locator, Page

from tests.live.given import Given

# For screenshots: no header that stays while the page scrolls, and no button that floats over it.
_STILL = """
    #Header { position: static !important }
    #CollectionDiv, .ui-layout-south, .toastify { display: none !important }
"""
_BASIS = {
    "basis": "all-asked",
    "reference": "List of who was asked, folder 7",
    "decided_by": "A. Administrator (sample)",
    "decided": "2026-05-02",
}


class Pages:
    """One browser window. Errors of the pages' own scripts are kept in `errors`."""

    def __init__(self, page: Page, given: Given, pictures: Path) -> None:
        self.page, self._given, self._pictures = page, given, pictures
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: str) -> None:
        """A page of the server, when it has settled."""
        self.page.goto(f"{self._given.url}/{path}")
        self.page.wait_for_load_state("networkidle")

    def sign_in(self) -> None:
        """By its own form."""
        self.open("login.php")
        self.page.fill("#username", self._given.user)
        self.page.fill("#password", self._given.password)
        self.page.locator("#loginform [type=submit], form [type=submit]").first.click()
        self.page.wait_for_load_state("networkidle")
        assert "login.php" not in self.page.url, "the server did not take the password"

    def speak(self, language: str) -> None:
        """The language of the pages from now on, as the server's own choice of it leaves it."""
        for path in ("/", "/pages/", "/plugins/"):
            self.page.context.add_cookies([{"name": "language", "value": language, "url": f"{self._given.url}{path}"}])

    # ---- collections and uploads -------------------------------------------------------------

    def face_recognition(self, collection: str) -> None:
        """Actions > Face recognition, in the menu of a collection."""
        self.open(f"pages/search.php?search=!collection{collection}")
        self.page.select_option(f"#search_action_selection_{collection}", "facelease_collection")
        self.page.wait_for_selector("#facelease_mode")

    def choose(self, collection: str, mode: str, **form: str) -> None:
        """Save a mode there, on the basis that everybody was asked."""
        self.face_recognition(collection)
        self.page.select_option("#facelease_mode", mode)
        for name, value in (_BASIS | form).items():
            field = self.page.locator(f"#facelease_{name}")
            field.select_option(value) if name == "basis" else field.fill(value)
        self._post("form:has(#facelease_mode) input[type=submit]", "facelease/pages/collection.php")

    def upload(self, collection: str, files: Sequence[Path]) -> None:
        """The server's own upload page, and then its page for each photograph's title."""
        self.open(f"pages/upload_batch.php?collection_add={collection}&entercolname=")
        self.page.locator("input[type=file]").first.set_input_files(files)
        self.page.locator(".uppy-StatusBar-actionBtn--upload").click()
        self.page.wait_for_url("**/pages/edit.php**", timeout=60_000)
        for number, _ in enumerate(files, 1):
            self.page.wait_for_load_state("networkidle")
            self.page.fill("input[name=field_8]", f"Open day {number}")
            self._post("[name=save]:visible", "pages/edit.php")

    # ---- a photograph ------------------------------------------------------------------------

    def view(self, ref: str) -> Locator:
        """The page of a resource; returns the panel, filled."""
        self.open(f"pages/view.php?ref={ref}")
        return self.panel()

    def panel(self) -> Locator:
        """The panel, when its question has been answered."""
        self.page.wait_for_function(
            "() => { const p = document.querySelector('.FaceleasePanel');"
            " return p && p.querySelector('.FaceleaseChannel, .FaceleaseUnknown') }"
        )
        return self.page.locator(".FaceleasePanel")

    def press(self, action: str, reason: str = "") -> Locator:
        """A button of the panel; returns the panel as it is afterwards."""
        face = self.page.locator(f".FaceleaseFace:has(button[data-action={action}])").first
        self.page.locator(f".FaceleaseChip[data-show='{face.get_attribute('data-face')}']").click()
        if reason:
            self.page.locator(".FaceleaseNow select[name=reason]").first.select_option(reason)
        self._post(f".FaceleaseNow button[data-action={action}]", "facelease/pages/panel.php")
        return self.panel()

    def named(self) -> set[str]:
        """The people in the metadata that the page shows; the server puts invisible spaces into long words."""
        return {text.replace("\u200b", "") for text in self.page.locator(".fixedlistnodepill").all_inner_texts()}

    def download(self, ref: str, to: Path) -> Path:
        """The original, by the button."""
        self.open(f"pages/view.php?ref={ref}")
        with self.page.expect_download(timeout=30_000) as coming:
            self.page.locator("#downloadlink").first.click()
            if self._given.asks_usage:
                self.say_usage("Other")
        coming.value.save_as(to)
        return to

    def say_usage(self, usage: str) -> None:
        """What the download is wanted for, on the page that the server shows before it."""
        self.page.wait_for_selector("#usage")
        self.page.select_option("#usage", label=usage)
        comment = self.page.locator("#usagecomment")
        if comment.count():  # asked for unless $remove_usage_textbox is set
            comment.fill("a sample")
        self.page.locator("#submit").click()

    def rules(self, rules: Mapping[str, str], usages: Mapping[str, str]) -> None:
        """Save the plugin's page of downloads: a rule for each channel named, a channel for each usage named."""
        self.open("plugins/facelease/pages/downloads.php")
        for name, choice in (*rules.items(), *usages.items()):
            self.page.locator(f".Question:has(label:text-is('{name}')) select").select_option(choice)
        self._post("form:has(select[name^=rule_]) input[type=submit]", "facelease/pages/downloads.php")

    @contextmanager
    def embedding(self, tag: str) -> Iterator[None]:
        """While this lasts, downloads carry the people field under an exiftool tag."""
        before = self._embed(tag, never=False)
        try:
            yield
        finally:
            self._embed(*before)

    def _embed(self, tag: str, never: bool) -> tuple[str, bool]:
        """The field's tag in files, and whether it is never written there; returns what stood before."""
        self.open("pages/admin/admin_resource_type_field_edit.php?ref=29")
        field, read_only = (self.page.locator("input[name=exiftool_field]"), self.page.locator("input[name=read_only]"))
        before = field.input_value(), read_only.is_checked()
        field.fill(tag)
        read_only.set_checked(never)
        self._post("input[name=save][type=submit]", "admin_resource_type_field_edit.php")
        return before

    def _post(self, button: str, page: str) -> None:
        """Send a form, which the server's pages do by script, and wait until its answer is shown."""
        sent = self.page.expect_response(lambda answer: page in answer.url and answer.request.method == "POST")
        with sent:
            self.page.locator(button).first.click()
        self.page.wait_for_load_state("networkidle")

    # ---- screenshots -------------------------------------------------------------------------

    def picture(self, name: str, what: str) -> None:
        """A screenshot of one element, as a small PNG."""
        self.page.add_style_tag(content=_STILL)
        self.page.mouse.move(0, 0)
        shot = Image.open(io.BytesIO(self.page.locator(what).first.screenshot())).convert("RGB")
        shot = ImageOps.expand(shot, 12, tuple(shot.tobytes()[:3]))
        self._pictures.mkdir(parents=True, exist_ok=True)
        shot.quantize(colors=200).save(self._pictures / f"{name}.png", optimize=True)
