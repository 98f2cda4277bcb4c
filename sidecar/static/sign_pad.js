// The pad to sign on: what is drawn is a picture, and is drawn again from it.
"use strict";

export class Pad {
  // `changed()`: after each stroke.
  constructor(part, changed) {
    this.canvas = part.querySelector("canvas");
    this.ink = this.canvas.getContext("2d");
    this.drawn = "";
    this.last = null;
    part.hidden = false;
    this.ink.lineWidth = 4;
    this.ink.lineCap = "round";
    this.ink.strokeStyle = "#1d2733";
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.last && this.stroke(event));
    for (const name of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(name, () => this.finish(changed));
    }
    part.querySelector("[data-clear]").addEventListener("click", () => {
      this.clear();
      changed();
    });
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const { width, height } = this.canvas;
    return [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
  }

  begin(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.place(event);
    event.preventDefault();
  }

  stroke(event) {
    const here = this.place(event);
    this.ink.beginPath();
    this.ink.moveTo(...this.last);
    this.ink.lineTo(...here);
    this.ink.stroke();
    this.last = here;
    this.moved = true;
  }

  finish(changed) {
    if (this.moved) this.drawn = this.canvas.toDataURL("image/png");
    this.last = null;
    this.moved = false;
    changed();
  }

  clear() {
    this.ink.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.drawn = "";
  }

  draw(picture) {
    this.drawn = picture;
    const image = new Image();
    image.onload = () => this.ink.drawImage(image, 0, 0);
    image.src = picture;
  }
}
