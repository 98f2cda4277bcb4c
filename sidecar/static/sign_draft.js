// What is filled in stays in this tab until it is signed, declined or left: through errors, reloads and languages.
// The tab's own store, not the server's: nothing personal is stored there before a signature. It ends with the tab.
"use strict";

const FIELDS = "facelease-form";
const PICTURES = "facelease-pictures";
const HOURS = 2; // a tab that is found later than that says nothing of whoever had it
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("facelease-sign") : null;

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // no room, or no store at all: the page itself still has it
  }
}

function empty() {
  sessionStorage.removeItem(FIELDS);
  sessionStorage.removeItem(PICTURES);
}

// Empty this tab, and every other one with the same form.
export function forget() {
  const held = read(FIELDS);
  empty();
  if (held && tabs) tabs.postMessage(held.id);
}

export class Draft {
  // `id`: of the form that is shown; what was filled in on another is emptied.
  constructor(id) {
    this.id = id;
    this.over = false;
    const held = read(FIELDS);
    const fresh = held && held.id === id && Date.now() - held.at < HOURS * 3600e3;
    if (!fresh) empty();
    this.fields = fresh ? held.fields : null;
    this.pictures = (fresh && read(PICTURES)) || [];
    if (tabs) tabs.onmessage = (event) => event.data === this.id && this.leave();
  }

  save(fields) {
    if (this.over) return;
    this.fields = fields;
    write(FIELDS, { id: this.id, at: Date.now(), fields });
  }

  savePictures(pictures) {
    this.pictures = pictures;
    if (!this.over) write(PICTURES, pictures);
  }

  end() {
    this.over = true;
    forget();
  }

  // The form was signed or declined in another tab: this one shows what is there now.
  leave() {
    this.over = true;
    empty();
    location.reload();
  }
}
