// What changes on the page is fetched each second, and put in only where it differs: nothing moves under a finger.
const now = document.getElementById("now");
let last = "";
const look = async () => {
  try {
    const answer = await fetch(now.dataset.now, { cache: "no-store" });
    const text = answer.ok ? await answer.text() : last;
    if (last && text !== last) {
      const held = document.activeElement && document.activeElement.getAttribute("href");
      now.innerHTML = text;
      if (held) now.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus();
    }
    last = text;
  } catch { /* the demonstration was ended: the page stays as it was */ }
  setTimeout(look, 1000);
};
look();
