// The seat page: report how many answers of former candidates this machine still holds. Source: R-16.

import { listUndelivered } from "../delivery/outbox.js";

const box = document.getElementById("undelivered");

async function report() {
  const found = await listUndelivered();
  const count = found.reduce((sum, entry) => sum + entry.count, 0);
  if (count) box.querySelector("p").textContent = box.dataset.text.replace("{n}", count);
  box.hidden = count === 0;
  await fetch(box.dataset.url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": box.dataset.csrf },
    body: JSON.stringify({ count }),
  });
}

// Neither a locked storage nor a server out of reach keeps anybody from signing in; the next visit reports.
report().catch(() => {});
