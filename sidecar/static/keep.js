// A link to keep: copied, or handed to another program of this device. Without this it can be scanned and selected.
"use strict";

for (const part of document.querySelectorAll("[data-keep]")) {
  const link = part.closest("section").querySelector(".keep a").href;
  const copy = part.querySelector("[data-copy]");
  const share = part.querySelector("[data-share]");
  if (navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(link);
      part.querySelector("[data-told]").textContent = copy.dataset.copied;
    });
  }
  if (navigator.share) {
    share.hidden = false;
    share.addEventListener("click", () => navigator.share({ title: part.dataset.title, url: link }).catch(() => {}));
  }
}
