// Photographs of the face: made smaller here, looked at by the server once, shown with what it said. What is kept of
// each is the face that was cut out of it; where several people are on it, the one that is chosen.
"use strict";

const SIDE = 1600;
const QUALITY = 0.85;
const MOST_BYTES = 12e6;

function asData(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = failed;
    reader.readAsDataURL(blob);
  });
}

function asBlob(address) {
  const [head, body] = address.split(",");
  const bytes = Uint8Array.from(atob(body), (one) => one.charCodeAt(0));
  return new Blob([bytes], { type: head.slice(5).split(";")[0] });
}

// A JPEG of at most SIDE px, upright; the file itself where this browser cannot read it.
async function shrink(file) {
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file;
  }
  const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return (await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY))) || file;
}

export class Pictures {
  // `part`: the fieldset; `send(address, body)`: POSTs and returns what the server said, as JSON.
  constructor(part, draft, send) {
    this.part = part;
    this.words = part.dataset;
    this.draft = draft;
    this.send = send;
    this.list = draft.pictures;
    this.looking = Promise.resolve();
    part.querySelector(".kept")?.remove(); // what the server shows of them where there is no script
    for (const input of part.querySelectorAll("input[type=file]")) {
      input.addEventListener("change", () => this.take(input));
    }
    this.show();
    for (const one of this.list) if (!one.said) this.look(one);
  }

  take(input) {
    const files = [...input.files];
    input.value = "";
    const room = Number(this.words.most) - this.list.length;
    this.part.querySelector("[data-full]").textContent = files.length > room ? this.words.full : "";
    for (const file of files.slice(0, room)) this.add(file);
  }

  async add(file) {
    const one = { name: file.name, said: "", good: false };
    this.list.push(one);
    this.show();
    const small = await shrink(file);
    if (small.size > MOST_BYTES) {
      one.said = this.words.large;
      this.keep();
      return;
    }
    one.data = await asData(small);
    this.look(one);
  }

  look(one) {
    this.looking = this.looking.then(() => this.lookAt(one));
  }

  async lookAt(one) {
    if (!one.data || !this.list.includes(one)) return;
    const body = new FormData();
    body.append("photograph", asBlob(one.data), one.name);
    try {
      const seen = await this.send(this.words.photo, body);
      one.good = seen.good;
      one.said = seen.words;
      if (seen.faces.length) [one.faces, one.data] = [seen.faces, seen.faces[seen.offered]];
    } catch {
      one.said = ""; // it is looked at again before the form is sent
    }
    this.keep();
  }

  // Look again at what could not be looked at; whether all of them have been.
  async settle() {
    for (const one of this.list) if (!one.said) this.look(one);
    await this.looking;
    return this.list.every((one) => one.said);
  }

  keep() {
    this.draft.savePictures(this.list);
    this.show();
  }

  // The fields of the form: the faces.
  fill(body) {
    this.list.filter((one) => one.good).forEach((one, place) => body.append(`face-${place + 1}`, one.data));
  }

  show() {
    const list = this.part.querySelector(".verdicts");
    list.replaceChildren(...this.list.map((one, place) => this.line(one, place)));
  }

  line(one, place) {
    const line = document.createElement("li");
    line.className = one.said ? (one.good ? "good" : "bad") : "open";
    if (one.data) line.append(this.thumbnail(one.data));
    const words = document.createElement("p");
    const gaps = { n: place + 1, name: one.name, said: one.said || this.words.checking };
    words.textContent = this.words.word.replace(/{(n|name|said)}/g, (_, gap) => gaps[gap]);
    line.append(words);
    if ((one.faces || []).length > 1) line.append(this.choice(one, place));
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "plain";
    remove.textContent = this.words.remove;
    remove.setAttribute("aria-label", `${this.words.remove}: ${one.name}`);
    remove.addEventListener("click", () => this.remove(one));
    line.append(remove);
    return line;
  }

  remove(one) {
    this.list = this.list.filter((other) => other !== one);
    this.keep();
    this.part.querySelector("input[type=file][multiple]").focus();
  }

  thumbnail(address) {
    const picture = document.createElement("img");
    picture.src = address;
    picture.alt = "";
    return picture;
  }

  // Whose face is meant, where several people are on it.
  choice(one, place) {
    const faces = document.createElement("fieldset");
    faces.className = "faces";
    const legend = document.createElement("legend");
    legend.textContent = this.words.which;
    faces.append(legend);
    one.faces.forEach((face, number) => {
      const label = document.createElement("label");
      const radio = document.createElement("input");
      const words = document.createElement("span");
      label.className = "face";
      radio.type = "radio";
      radio.name = `which-${place}`;
      radio.checked = face === one.data;
      radio.addEventListener("change", () => this.choose(one, face, place, number));
      const gaps = { n: number + 1, of: one.faces.length };
      words.textContent = this.words.face.replace(/{(n|of)}/g, (_, gap) => gaps[gap]);
      label.append(radio, this.thumbnail(face), words);
      faces.append(label);
    });
    return faces;
  }

  choose(one, face, place, number) {
    one.data = face;
    this.keep();
    this.part.querySelectorAll(`input[name=which-${place}]`)[number].focus();
  }
}
