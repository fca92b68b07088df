// A picture or a sound on its way into a text: the file, and the words for whoever cannot see or hear it. The server
// takes it in anew and says what texts call it.

import { insert } from "./marks.js";

const dialog = document.getElementById("media");
const form = dialog.querySelector("form");
const [file, words] = [form.querySelector("[type=file]"), form.querySelector("[name=media-words]")];
const trouble = form.querySelector("[role=alert]");
const shown = form.querySelector("img");
let into = null;
let given = null;

/** Ask for a file, unless it was pasted or dropped, and for its words; what comes of it goes into `field`. */
export function askMedia(field, pasted = null) {
  into = field;
  given = pasted;
  form.reset();
  file.closest(".field").hidden = Boolean(pasted);
  say("");
  look(pasted);
  dialog.showModal();
  (pasted ? words : file).focus();
}

/** Send a file; return what the server says of it, or throw its sentence. */
export async function bring(chosen, token) {
  const body = new FormData();
  body.append("file", chosen, chosen.name || "picture.png");
  const answer = await fetch(dialog.dataset.bring, {
    method: "POST", body, headers: { Accept: "application/json", "X-CSRFToken": token },
  }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (!answer?.ok) throw new Error(`${said?.message ?? ""} ${said?.fix ?? ""}`.trim() || dialog.dataset.offline);
  return said;
}

function look(chosen) {
  shown.hidden = true;
  if (!chosen?.type.startsWith("image/")) return;
  const reader = new FileReader();
  reader.onload = () => {
    shown.src = reader.result;
    shown.hidden = false;
  };
  reader.readAsDataURL(chosen);
}

function say(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

file.addEventListener("change", () => look(file.files[0]));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const chosen = given ?? file.files[0];
  if (!chosen) return file.focus();
  if (!words.value.trim()) {
    say(dialog.dataset.wordless);
    return words.focus();
  }
  try {
    const found = await bring(chosen, into.form.elements.csrf_token.value);
    dialog.close();
    insert(into, `![${words.value.trim().replace(/[[\]]/g, "")}](${found.reference})`);
  } catch (error) {
    say(error.message);
  }
  return undefined;
});
