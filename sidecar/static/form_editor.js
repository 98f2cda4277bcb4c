// The preview follows what is written, a moment after the last key. Without this a button shows it.
"use strict";

const form = document.querySelector("form[data-preview]");
const preview = document.getElementById("preview");
const PAUSE = 500;
let waiting = 0;
let asked = 0;

async function show() {
  const body = new FormData(form);
  body.set("part", "preview");
  const number = ++asked;
  try {
    const answer = await fetch(form.dataset.preview, { method: "POST", body, credentials: "same-origin" });
    if (!answer.ok || number !== asked) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    preview.replaceChildren(...page.body.childNodes);
  } catch {
    // no connection: the preview stays as it was
  }
}

form.elements.text.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(show, PAUSE);
});
