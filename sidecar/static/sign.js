// The signing page works without this. With it: a pad to sign on, a look at each photograph at once,
// a code without leaving the page, and one press of the button is one.
"use strict";

const form = document.querySelector("form[data-sign]");
const token = form.elements.csrf_token.value;

function send(address, body) {
  return fetch(address, { method: "POST", body, headers: { "X-CSRFToken": token }, credentials: "same-origin" })
    .then((answer) => answer.json());
}

// ---- the signature -----------------------------------------------------------------------------

const pad = form.querySelector(".pad");
const canvas = pad.querySelector("canvas");
const ink = canvas.getContext("2d");
let drawn = false;
let last = null;

function place(event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
}

function stroke(event) {
  const here = place(event);
  ink.beginPath();
  ink.moveTo(...last);
  ink.lineTo(...here);
  ink.stroke();
  last = here;
  drawn = true;
}

pad.hidden = false;
const label = form.querySelector("label[data-or]");
label.textContent = label.dataset.or;
ink.lineWidth = 4;
ink.lineCap = "round";
ink.strokeStyle = "#1d2733";
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  last = place(event);
  event.preventDefault();
});
canvas.addEventListener("pointermove", (event) => last && stroke(event));
canvas.addEventListener("pointerup", () => { last = null; });
canvas.addEventListener("pointercancel", () => { last = null; });
pad.querySelector("[data-clear]").addEventListener("click", () => {
  ink.clearRect(0, 0, canvas.width, canvas.height);
  drawn = false;
});

// ---- recognition and photographs -----------------------------------------------------------------

const recognition = form.elements.recognition;
const photographs = form.querySelector(".photographs");

function told(n, name, said) {
  return form.dataset.word.replace(/{(n|name|said)}/g, (_, gap) => ({ n, name, said })[gap]);
}

function verdict(list, number, name, words) {
  const line = document.createElement("li");
  line.textContent = told(number, name, words);
  list.append(line);
  return line;
}

async function look() {
  const list = photographs.querySelector(".verdicts");
  list.replaceChildren();
  const chosen = [...photographs.querySelectorAll("input[type=file]")].flatMap((input) => [...input.files]);
  for (const [index, file] of chosen.entries()) {
    const line = verdict(list, index + 1, file.name, form.dataset.checking);
    const body = new FormData();
    body.append("photograph", file);
    try {
      const answer = await send(form.dataset.photo, body);
      line.className = answer.good ? "good" : "bad";
      line.textContent = told(index + 1, file.name, answer.words);
    } catch {
      line.remove(); // it is looked at when the form is sent
    }
  }
}

if (recognition && photographs) {
  const show = () => {
    photographs.hidden = !recognition.checked;
    photographs.disabled = !recognition.checked;
  };
  recognition.addEventListener("change", show);
  photographs.addEventListener("change", look);
  show();
}

// ---- the code ----------------------------------------------------------------------------------

const button = form.querySelector("[data-send-code]");
if (button) {
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    const said = form.querySelector("[data-code-said]");
    const body = new FormData();
    if (form.elements.email) body.append("email", form.elements.email.value);
    button.disabled = true;
    try {
      said.textContent = (await send(form.dataset.code, body)).words;
      form.elements.code.focus();
    } finally {
      button.disabled = false;
    }
  });
}

form.elements.typed.addEventListener("input", (event) => event.target.setCustomValidity(""));

// ---- sending -----------------------------------------------------------------------------------

// What the server would say too, with all else that is missing; but photographs would have to be chosen again.
function unsigned() {
  if (![...form.querySelectorAll("input[type=file]")].some((input) => input.files.length)) return false;
  const typed = form.elements.typed;
  typed.setCustomValidity(drawn || typed.value.trim() ? "" : form.dataset.unsigned);
  return !typed.reportValidity();
}

form.addEventListener("submit", (event) => {
  if (unsigned()) {
    event.preventDefault();
    return;
  }
  form.elements.drawn.value = drawn ? canvas.toDataURL("image/png") : "";
  const main = form.querySelector("button.main");
  setTimeout(() => { main.disabled = true; }, 0);
});
window.addEventListener("pageshow", () => { form.querySelector("button.main").disabled = false; });

const problems = document.getElementById("problems");
if (problems) problems.focus();
