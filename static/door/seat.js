// The seat page: what this machine still holds of former candidates. It is counted for the board, can be saved as
// sealed files for a proctor, and is forgotten as far as the server has it. Source: R-16.

import { tidy, undelivered } from "../delivery/recovery/recovery.js";

const box = document.getElementById("undelivered");

async function post(url, body) {
  const reply = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": box.dataset.csrf },
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error(String(reply.status));
  return reply;
}

function button({ count, save }) {
  const node = document.createElement("button");
  node.type = "button";
  node.className = "btn btn-s";
  node.textContent = box.dataset.save.replace("{n}", count);
  node.addEventListener("click", save);
  return node;
}

async function report() {
  await tidy(async (asked) => (await post(box.dataset.held, asked)).json()).catch(() => {});
  const found = await undelivered();
  const count = found.reduce((sum, entry) => sum + entry.count, 0);
  if (count) box.querySelector("p").textContent = box.dataset.text.replace("{n}", count);
  box.querySelector(".btn-row").replaceChildren(...found.filter(({ save }) => save).map(button));
  box.hidden = count === 0;
  await post(box.dataset.url, { count });
}

// Neither a locked storage nor a server out of reach keeps anybody from signing in; the next visit reports.
report().catch(() => {});
