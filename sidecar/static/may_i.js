// A file or an address that is dropped on the box is looked for by its name alone: the file is neither read nor sent.
{ // what it names is its own: the page has scripts beside it
  const box = document.querySelector("form.may");
  const field = box?.querySelector("input");
  box?.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("over");
  });
  box?.addEventListener("dragleave", () => box.classList.remove("over"));
  box?.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    const address = event.dataTransfer.getData("text/uri-list").split("\n")[0];
    const said = event.dataTransfer.files[0]?.name || address || event.dataTransfer.getData("text/plain");
    if (said) {
      field.value = said.trim().slice(0, 500);
      box.requestSubmit();
    }
  });
}
