// The signing page works without this. With it nothing is lost: what is filled in stays in this tab, the form is sent
// without leaving the page, and what is wrong is shown where it stands.
"use strict";

import { Draft } from "./sign_draft.js";
import { Pad } from "./sign_pad.js";
import { Pictures } from "./sign_pictures.js";

const SILENT = new Set(["csrf_token", "drawn", "photographs"]);

function start() {
  const form = document.querySelector("form[data-sign]");
  if (!form) return; // a further question: whose face is meant
  const page = new Page(form);
  page.restore();
  document.getElementById("problems")?.focus();
}

class Page {
  constructor(form) {
    this.form = form;
    this.draft = new Draft(form.dataset.draft);
    this.pad = new Pad(form.querySelector(".pad"), () => this.save());
    const label = form.querySelector("label[data-or]");
    label.textContent = label.dataset.or;
    this.recognition = form.elements.recognition;
    const part = form.querySelector(".photographs");
    this.pictures = this.recognition && part ? new Pictures(part, this.draft, (...sent) => this.post(...sent)) : null;
    form.addEventListener("input", () => this.save());
    form.addEventListener("change", () => this.show());
    form.addEventListener("submit", (event) => this.submit(event));
    form.querySelector("[data-send-code]")?.addEventListener("click", (event) => this.askCode(event));
    for (const button of document.querySelectorAll("button[data-language]")) {
      button.addEventListener("click", (event) => this.speak(event, button.value));
    }
  }

  // The faces of a photograph need no room while none are wanted.
  show() {
    if (!this.pictures) return;
    this.pictures.part.hidden = this.pictures.part.disabled = !this.recognition.checked;
  }

  fields() {
    const kept = [];
    for (const one of this.form.elements) {
      if (!one.name || SILENT.has(one.name) || one.type === "submit" || one.type === "file") continue;
      if (one.type === "checkbox" ? one.checked : one.type !== "radio") kept.push([one.name, one.value]);
    }
    return { kept, drawn: this.pad.drawn };
  }

  save() {
    this.draft.save(this.fields());
  }

  restore() {
    const held = this.draft.fields;
    if (held) {
      const has = (name, value) => held.kept.some((pair) => pair[0] === name && pair[1] === value);
      for (const one of this.form.elements) {
        if (!one.name || SILENT.has(one.name)) continue;
        if (one.type === "checkbox") one.checked = has(one.name, one.value);
      }
      for (const [name, value] of held.kept) {
        const one = this.form.elements[name];
        if (one && one.type && one.type !== "checkbox") one.value = value;
      }
      for (const part of this.form.querySelectorAll("details")) {
        part.open ||= [...part.querySelectorAll("input")].some((one) => one.type !== "checkbox" && one.value);
      }
      if (held.drawn) this.pad.draw(held.drawn);
    }
    this.show();
  }

  async post(address, body) {
    const headers = { "X-CSRFToken": this.form.elements.csrf_token.value };
    const answer = await fetch(address, { method: "POST", body, headers, credentials: "same-origin" });
    return answer.json();
  }

  speak(event, language) {
    event.preventDefault();
    this.save();
    location.assign(`?lang=${language}`);
  }

  async askCode(event) {
    event.preventDefault();
    const button = event.currentTarget;
    const said = this.form.querySelector("[data-code-said]");
    const body = new FormData();
    if (this.form.elements.email) body.append("email", this.form.elements.email.value);
    button.disabled = true;
    try {
      said.textContent = (await this.post(this.form.dataset.code, body)).words;
      this.form.elements.code.focus();
    } catch {
      said.textContent = this.form.dataset.offline;
    } finally {
      button.disabled = false;
    }
  }

  async submit(event) {
    event.preventDefault();
    const main = this.form.querySelector("button.main");
    if (main.disabled) return;
    main.disabled = true;
    this.save();
    try {
      await this.send();
    } catch {
      this.tell(this.form.dataset.unsent, [this.form.dataset.offline]);
    } finally {
      main.disabled = false;
    }
  }

  async send() {
    const wanted = this.pictures && this.recognition.checked;
    if (wanted && !(await this.pictures.settle())) throw new Error("a photograph could not be looked at");
    const body = new FormData(this.form);
    body.delete("photographs");
    body.set("drawn", this.pad.drawn);
    body.set("sign", "yes");
    body.set("draft", this.draft.id);
    body.set("in_page", "yes"); // the photographs need not be sent back
    if (wanted) this.pictures.fill(body);
    const answer = await fetch(this.form.action, { method: "POST", body, credentials: "same-origin" });
    const shown = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.redirected) {
      this.leave(answer.url);
      return;
    }
    const asked = shown.querySelector("main form[enctype]");
    if (asked) this.replace(shown);
    else if (await this.wasSigned()) this.leave(this.form.dataset.done);
    else this.tell(shown.querySelector("main h1").textContent, this.lines(shown));
  }

  leave(address) {
    this.draft.end();
    this.form.reset();
    location.replace(address);
  }

  // Whether this very form was signed, and the answer was lost on its way.
  async wasSigned() {
    const answer = await fetch(this.form.dataset.done, { credentials: "same-origin" });
    const shown = new DOMParser().parseFromString(await answer.text(), "text/html");
    return answer.ok && shown.querySelector("h1").dataset.draft === this.draft.id;
  }

  lines(shown) {
    return [...shown.querySelectorAll("main > p")].map((line) => line.textContent);
  }

  // The page again, with what is wrong; what was filled in is put back as after a reload.
  replace(shown) {
    document.title = shown.title;
    document.querySelector("main").replaceWith(shown.querySelector("main"));
    window.scrollTo(0, 0);
    start();
  }

  // What kept the form from being sent, above it: nothing of it is lost.
  tell(title, lines) {
    document.getElementById("problems")?.remove();
    const box = document.createElement("div");
    Object.assign(box, { className: "problems", id: "problems", tabIndex: -1 });
    box.setAttribute("role", "alert");
    const head = document.createElement("h2");
    head.textContent = title;
    const said = [...lines, this.form.dataset.kept].map((words) => {
      const line = document.createElement("p");
      line.textContent = words;
      return line;
    });
    box.append(head, ...said);
    document.querySelector("main").prepend(box);
    box.focus();
  }
}

// A page that the browser kept whole: what it shows may be somebody else's by now.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
start();
