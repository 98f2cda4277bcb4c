// A box appears with its picture: over one that still loads, or failed, there is none.
for (const image of document.querySelectorAll(".shot img")) {
  const seen = () => image.parentNode.classList.toggle("shown", image.naturalWidth > 0);
  image.addEventListener("load", seen);
  image.addEventListener("error", seen);
  seen();
}
