// The light table of the review: faces are chosen and decided on without loading the page anew. Without this script the
// page is a form that does the same, a page at a time.
"use strict";

const words = document.currentScript.dataset;
const DECIDED = ["done", "plain", "later"];
const kept = new Map(); // the tiles that were decided on here, by face: an undo brings them back
let sending = Promise.resolve();
let anchor = null;

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const tiles = () => all(".tile:not([data-skipped])");
const box = (tile) => one("input[type=checkbox]", tile);
const chosen = () => tiles().filter((tile) => box(tile).checked);
const current = () => document.activeElement.closest(".tile");
const meant = () => (chosen().length ? chosen() : [current()].filter(Boolean));
const say = (text) => { const status = one("#status"); status.textContent = ""; requestAnimationFrame(() => { status.textContent = text; }); one("#said").classList.remove("quiet-said"); };

function focus(tile) {
  if (!tile) return one("#following, #next, h1")?.focus();
  box(tile).focus();
  tile.scrollIntoView({ block: "nearest" });
}

// ---- what is sent -------------------------------------------------------------------------

function form(act, targets, more) {
  const table = one("#table"), sent = new FormData();
  for (const field of all("input[type=hidden]", table)) if (field.name !== "shown") sent.append(field.name, field.value);
  for (const field of all("[name=known]:checked")) sent.append(field.name, field.value);
  sent.append("act", act);
  for (const tile of targets) { sent.append("shown", one("[name=shown]", tile).value); sent.append("face", tile.dataset.face); }
  for (const [name, value] of Object.entries(more)) sent.append(name, value);
  return sent;
}

async function post(address, body) {
  const answer = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" } });
  if (answer.redirected || !(answer.headers.get("Content-Type") || "").startsWith("application/json")) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    throw new Error(answer.ok ? "" : one("main p", page)?.textContent || "");
  }
  return answer.json();
}

function decide(act, targets, more = {}) {
  if (!targets.length) return;
  const again = act === "confirm_chosen" ? targets.filter((tile) => "undone" in tile.dataset) : [];
  const names = new Map();
  for (const tile of again) names.set(tile.dataset.person, [...(names.get(tile.dataset.person) || []), tile]);
  for (const [who, some] of names) send("name", some, { who });
  send(act, targets.filter((tile) => !again.includes(tile)), more);
}

function send(act, targets, more) {
  if (!targets.length) return;
  const order = tiles(), last = order.indexOf(targets[targets.length - 1]);
  const left = order.filter((tile) => !targets.includes(tile));
  focus(order.slice(last + 1).find((tile) => left.includes(tile)) || left[left.length - 1]);
  const body = form(act, targets, more);
  for (const tile of targets) tile.classList.add("busy");
  sending = sending.then(async () => {
    try {
      show(await post(one("#table").action, body), targets);
    } catch (error) {
      for (const tile of targets) tile.classList.remove("busy");
      say(error.message || words.failed);
      focus(targets[0]);
    }
  });
}

function show(answer, targets) {
  const came = new Map(answer.faces.map((face) => [String(face.face), face.what]));
  for (const tile of targets) {
    tile.classList.remove("busy");
    box(tile).checked = false;
    if (DECIDED.includes(came.get(tile.dataset.face))) {
      kept.set(tile.dataset.face, { tile, before: tile.nextElementSibling, grid: tile.parentNode });
      tile.remove();
    } else {
      tile.classList.add("stays");
      note(tile, words.changed);
    }
  }
  tell(answer);
  if (!tiles().length) goOn();
}

function note(tile, text) {
  let line = one(".note-of-tile", tile);
  if (!line) { line = document.createElement("strong"); line.className = "note-of-tile"; tile.append(line); }
  line.textContent = text;
}

function tell(answer) {
  say(answer.said.join(" "));
  one("#undo").hidden = !answer.undoable;
}

function undo() {
  sending = sending.then(async () => {
    try {
      const answer = await post(one("#undo").action, new FormData(one("#undo")));
      let first = null;
      for (const { face, what } of answer.faces) {
        const known = kept.get(String(face));
        if (!known || !DECIDED.includes(what)) continue;
        const { tile, before, grid } = known;
        kept.delete(String(face));
        if (!grid.isConnected) continue;
        grid.insertBefore(tile, before && before.parentNode === grid ? before : null);
        tile.dataset.undone = "";
        first = first || tile;
      }
      if (first) one(".empty")?.remove();
      tell(answer);
      if (first) focus(first);
    } catch (error) {
      say(error.message || words.failed);
    }
  });
}

function skip() {
  const [tile] = [current()].filter(Boolean);
  if (!tile) return;
  const order = tiles(), at = order.indexOf(tile);
  tile.dataset.skipped = "";
  one("[name=shown]", tile).disabled = true;
  box(tile).checked = false;
  note(tile, words.skipped);
  tile.parentNode.append(tile);
  focus(order[at + 1] || order[at - 1]);
  if (!tiles().length) goOn();
}

// ---- from one page to the next, without loading it ----------------------------------------

function goOn() {
  const next = one("#next") || one("#following");
  if (next) return load(next.href);
  const empty = document.createElement("p");
  empty.className = "empty";
  empty.textContent = words.nothing;
  one("#light").before(empty);
  one("h1").tabIndex = -1;
  one("h1").focus();
}

const where = () => location.pathname + location.search;
let shown = where();

async function load(address) {
  const said = one("#status").textContent;
  const answer = await fetch(address);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok || !one("#light", page)) { location.assign(address); return; }
  document.title = page.title;
  one("main").replaceChildren(...one("main", page).childNodes);
  history.pushState({}, "", address);
  shown = where();
  begin();
  if (said) say(said);
  focus(tiles()[0]);
}

// ---- keys and clicks ----------------------------------------------------------------------

function step(from, key) {
  const order = tiles(), at = order.indexOf(from);
  if (key === "ArrowLeft") return order[at - 1];
  if (key === "ArrowRight") return order[at + 1];
  if (key === "Home") return order[0];
  if (key === "End") return order[order.length - 1];
  const { left, top } = from.getBoundingClientRect();
  const beyond = key === "ArrowDown" ? order.slice(at + 1) : order.slice(0, at).reverse();
  const rows = beyond.filter((tile) => Math.abs(tile.getBoundingClientRect().top - top) > 8);
  return rows.find((tile) => Math.abs(tile.getBoundingClientRect().left - left) < 8) || rows[0];
}

function choose(from, to, on) {
  const order = tiles(), [first, last] = [order.indexOf(from), order.indexOf(to)].sort((a, b) => a - b);
  for (const tile of order.slice(Math.max(first, 0), last + 1)) box(tile).checked = on;
}

function move(event) {
  const from = current() || tiles()[0], to = current() ? step(from, event.key) : from;
  if (!to) return;
  if (event.shiftKey) choose(from, to, true);
  focus(to);
}

function all_or_none() {
  const some = tiles(), on = some.some((tile) => !box(tile).checked);
  for (const tile of some) box(tile).checked = on;
}

function back() {
  for (const part of all("#naming, #leaving")) part.open = false;
  for (const tile of chosen()) box(tile).checked = false;
  focus(current() || tiles()[0]);
}

function open_part(id, selector) {
  if (!meant().length || !one(id)) return;
  for (const tile of meant()) box(tile).checked = true;
  const part = one(id);
  part.open = true;
  part.scrollIntoView({ block: "nearest" });
  one(selector, part).focus();
}

function large(tile = current()) {
  if (!tile) return;
  const dialog = one("#large"), [left, top, width, height] = tile.dataset.box.split(" ");
  const title = one("h2", dialog);
  dialog.dataset.face = tile.dataset.face;
  title.textContent = tile.dataset.name ? title.dataset.named.replace("%s", () => tile.dataset.name) : title.dataset.unnamed;
  const picture = one("img", dialog), address = one("img", tile).src.replace("close.jpg", "photo.jpg");
  if (picture.src !== address) { picture.parentNode.classList.remove("shown"); picture.src = address; }  // no box over the one before
  for (const rect of all("rect", dialog)) {
    for (const [name, value] of Object.entries({ x: left, y: top, width, height })) rect.setAttribute(name, value);
  }
  one(".soft", dialog).textContent = [tile.dataset.ref, ...all("p span", tile).map((part) => part.textContent)].join(" · ");
  if (!dialog.open) dialog.showModal();
}

const ACTS = {
  a: all_or_none,
  c: () => confirm_rest(),
  y: () => decide("confirm_chosen", meant()),
  n: () => decide("reject", meant()),
  e: () => open_part("#naming", "#who"),
  d: () => open_part("#leaving", "input[type=radio]"),
  s: skip,
  u: undo,
  "]": () => one("#following") && load(one("#following").href),
  "?": () => one("#keys").showModal(),
  Enter: () => large(),
  Escape: back,
};

function confirm_rest() {
  if (one("button[value=confirm]")) decide("confirm_chosen", tiles().filter((tile) => !box(tile).checked && tile.dataset.person));
}

function on_key(event) {
  const from = event.target, dialog = one("dialog[open]");
  if (!one("#undo") || event.ctrlKey && event.key.toLowerCase() !== "z" || event.metaKey || event.altKey) return;
  if (dialog) { if (dialog.id === "large") in_large(event, dialog); return; }
  if (from.closest("#leaving") && /^[1-5]$/.test(event.key) && from.type !== "text") { event.preventDefault(); return reason(Number(event.key)); }
  if (from.id === "who") return in_names(event);
  if (from !== document.body && !from.closest(".tile, h1") && event.key !== "Escape") return;
  if (from.closest("a") && event.key === "Enter") return;
  const key = event.ctrlKey ? "u" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key !== "Escape" && key !== "?" && localStorage.getItem("light-table-keys") === "off") return;
  if (/^(Arrow|Home|End)/.test(key)) { event.preventDefault(); move(event); }
  else if (key === " " && event.shiftKey) { event.preventDefault(); choose(anchor || current(), current(), true); }
  else if (ACTS[key]) { event.preventDefault(); ACTS[key](); }
}

function in_large(event, dialog) {
  const here = tiles().find((tile) => tile.dataset.face === dialog.dataset.face);
  if (/^Arrow/.test(event.key) && here) { event.preventDefault(); const to = step(here, event.key); if (to) { focus_later(to); large(to); } }
  else if (["y", "n", "e", "d", "s"].includes(event.key.toLowerCase()) && here) { event.preventDefault(); dialog.close(); focus(here); ACTS[event.key.toLowerCase()](); }
}

const focus_later = (tile) => one("#large").addEventListener("close", () => focus(tile), { once: true });

function reason(number) {
  const choice = all("#leaving input[type=radio]")[number - 1];
  if (!choice) return;
  decide("dismiss", meant(), { dismissal: choice.value, note: one("#note").value });
  one("#note").value = "";
  one("#leaving").open = false;
}

// ---- who else it is -----------------------------------------------------------------------

let asked = 0;

async function look_up() {
  const field = one("#who"), list = one("#names"), turn = ++asked;
  field.setAttribute("aria-expanded", "false");
  if (!field.value.trim()) { list.hidden = true; return; }
  const answer = await fetch(`${field.dataset.names}?q=${encodeURIComponent(field.value)}`);
  if (!answer.ok || turn !== asked) return;
  const found = await answer.json();
  list.replaceChildren(...found.map((person, at) => option(person, at, field)));
  if (!found.length) { const none = document.createElement("li"); none.className = "soft"; none.textContent = field.dataset.none; list.append(none); }
  list.hidden = false;
  field.setAttribute("aria-expanded", "true");
  mark(0);
}

function option(person, at, field) {
  const item = document.createElement("li"), picture = document.createElement("img"), name = document.createElement("span");
  const portrait = document.createElement("span");
  portrait.className = "portrait";
  portrait.textContent = person.name.slice(0, 1);
  portrait.append(picture);
  item.id = `name-${at}`;
  item.setAttribute("role", "option");
  item.dataset.id = person.id;
  picture.src = person.portrait;
  picture.alt = "";
  name.textContent = person.in_force ? person.name : `${person.name} (${field.dataset.notAsked})`;
  item.append(portrait, name);
  item.addEventListener("mousedown", (event) => { event.preventDefault(); name_as(person.id); });
  return item;
}

function mark(at) {
  const options = all("#names [role=option]");
  options.forEach((option, index) => option.setAttribute("aria-selected", index === at));
  one("#who").setAttribute("aria-activedescendant", options[at]?.id || "");
}

function in_names(event) {
  const options = all("#names [role=option]"), at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "Escape") { event.preventDefault(); one("#names").hidden = true; return back(); }
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); return mark((at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % (options.length || 1)); }
  if (event.key === "Enter") { event.preventDefault(); if (options[at] && !one("#names").hidden) name_as(options[at].dataset.id); }
}

function name_as(who) {
  decide("name", meant(), { who });
  one("#who").value = "";
  one("#names").hidden = true;
  one("#naming").open = false;
}

// ---- beginning ----------------------------------------------------------------------------

function on_submit(event) {
  const act = event.submitter?.value, own = event.submitter?.hasAttribute("formaction");
  if (event.target.id === "undo") { event.preventDefault(); return undo(); }
  if (event.target.id !== "table" || own) return;
  event.preventDefault();
  if (act === "confirm") return confirm_rest();
  const targets = chosen();
  if (!targets.length) return say(one("#how-to").firstChild.textContent.trim());
  if (act === "name") return decide("name", targets, { who: one("#who").value });
  if (act !== "dismiss") return decide(act, targets);
  const why = one("#leaving input[type=radio]:checked");
  if (why) decide("dismiss", targets, { dismissal: why.value, note: one("#note").value });
}

function on_click(event) {
  const tile = event.target.closest(".tile");
  if (event.target.id === "show-keys") return ACTS["?"]();
  if (!tile || !box(tile)) return;
  if (event.target.closest(".open")) { event.preventDefault(); box(tile).focus(); return large(tile); }
  if (event.target === box(tile)) {
    if (event.shiftKey && anchor) choose(anchor, tile, box(tile).checked);
    anchor = tile;
  }
}

function begin() {
  if (!one("#table") || !one("#acts")) return;
  one("#show-keys").hidden = false;
  for (const part of all("#naming, #leaving")) part.open = false; // a key opens them, and the faces stay in sight
  const field = one("#who"), on = one("#keys-on");
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-expanded", "false");
  field.setAttribute("aria-controls", "names");
  field.setAttribute("aria-autocomplete", "list");
  field.addEventListener("input", look_up);
  on.checked = localStorage.getItem("light-table-keys") !== "off";
  on.addEventListener("change", () => localStorage.setItem("light-table-keys", on.checked ? "on" : "off"));
  const picture = one("#large img"), seen = () => picture.parentNode.classList.toggle("shown", picture.naturalWidth > 0);
  for (const name of ["load", "error"]) picture.addEventListener(name, seen);
  for (const dialog of all("dialog")) dialog.addEventListener("close", () => focus(tiles().find((tile) => tile.dataset.face === dialog.dataset.face) || tiles()[0]));
}

document.addEventListener("keydown", on_key);
document.addEventListener("click", on_click);
document.addEventListener("submit", on_submit);
addEventListener("popstate", () => { if (where() !== shown) location.reload(); });  // not for a place on the page
begin();
