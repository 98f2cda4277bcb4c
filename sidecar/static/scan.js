// Counts of a collection while it is examined; how long it takes is told from what went by since the page was opened.
const place = document.querySelector("[data-progress]");
const opened = { at: Date.now(), left: null };

async function look() {
  const asked = Date.now();
  const answer = await fetch(place.dataset.progress, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const now = await answer.json();
  for (const shown of document.querySelectorAll("[data-count]")) shown.textContent = now.said[shown.dataset.count];
  opened.left ??= now.queued;
  const bar = place.querySelector("progress");
  bar.max = Math.max(now.photographs, 1);
  bar.value = now.scanned;
  const done = opened.left - now.queued;
  const minutes = Math.ceil((now.queued * (Date.now() - opened.at)) / done / 60000);
  place.querySelector(".left").textContent = done > 0 && now.queued ? place.dataset.left.replace("%s", minutes) : "";
  if (now.queued > now.paused) setTimeout(look, Math.max(2000, 10 * (Date.now() - asked))); // a large one is counted for a while
  else if (opened.left > now.queued) location.reload();
}

if (place) look();
