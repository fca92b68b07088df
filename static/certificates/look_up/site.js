// A published look-up site: what is typed is stretched here, and nothing of it leaves this page but the name of a
// record that only it leads to. The twin of cbt/rules/certificates.py, held to the same vectors.

const BLANKS = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/gu;
const DOTS = /[•.‧・∙⋅]/gu;
const CHECK_X = /[×ΧХ]$/u;
const LENGTH = 22;
const NONCE = 12;
const PREFIX = 4;
const bytes = (text) => new TextEncoder().encode(text);
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

export function plainName(name) {
  return name.normalize("NFKC").replace(BLANKS, "").replace(DOTS, "·").toUpperCase();
}

export function plainNumber(number) {
  const plain = number.normalize("NFKC").replace(BLANKS, "").toUpperCase().replace(CHECK_X, "X");
  const together = plain.replaceAll("-", "");
  return together.length === LENGTH && "YS".includes(together[0]) ? together : plain;
}

export async function stretched(number, name, { salt, iterations }) {
  const typed = bytes(`${plainNumber(number)}\n${plainName(name)}`);
  const base = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: unhex(salt), iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(how, base, 256));
}

async function derived(key, purpose) {
  const mac = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", mac, bytes(purpose));
}

export async function recordRef(key) {
  return hex((await derived(key, "cbt look-up record")).slice(0, 16));
}

export async function opened(record, key) {
  const raw = await derived(key, "cbt look-up seal");
  const seal = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
  const how = { name: "AES-GCM", iv: record.slice(0, NONCE), additionalData: bytes(await recordRef(key)) };
  const filled = new Uint8Array(await crypto.subtle.decrypt(how, seal, record.slice(NONCE)));
  const length = new DataView(filled.buffer).getUint32(0);
  return new TextDecoder().decode(filled.slice(PREFIX, PREFIX + length));
}

async function asked(address) {
  const answer = await fetch(address, { cache: "no-cache" });
  if (answer.ok) return answer;
  if (answer.status === 404) return null;
  throw new Error(`${address}: ${answer.status}`);
}

async function lookUp(number, name) {
  const site = await (await asked("site.json")).json();
  const key = await stretched(number, name, site);
  const ref = await recordRef(key);
  const record = await asked(`records/${ref.slice(0, 2)}/${ref}`);
  return record && JSON.parse(await opened(new Uint8Array(await record.arrayBuffer()), key)).certificates;
}

const grouped = (number) => number.replace(/^(.)(.{4})(.{2})(.{6})(.{2})(.)(.{6})$/u, "$1 $2 $3 $4 $5 $6 $7");

function shown(one) {
  const drawn = document.getElementById("certificate").content.cloneNode(true);
  for (const place of drawn.querySelectorAll("[data-fact]")) {
    const value = String(one[place.dataset.fact]);
    place.textContent = place.dataset.fact === "number" ? grouped(value) : value;
  }
  drawn.querySelector(`[data-stands="${one.revoked ? "yes" : "no"}"]`).remove();
  return drawn;
}

function begin(form) {
  const found = document.getElementById("found");
  const busy = form.querySelector("[data-busy]");
  const button = form.querySelector("button");
  const say = (said) => {
    for (const one of document.querySelectorAll("[data-said]")) one.hidden = one.dataset.said !== said;
  };
  if (!globalThis.crypto?.subtle) {
    say("https");
    form.hidden = true;
    return;
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    for (const one of found.querySelectorAll("section")) one.remove();
    say("");
    button.disabled = true;
    busy.textContent = busy.dataset.busy;
    try {
      const certificates = await lookUp(form.elements.number.value, form.elements.name.value);
      if (certificates) found.append(...certificates.map(shown));
      else say("none");
    } catch {
      say("failed");
    }
    busy.textContent = "";
    button.disabled = false;
    found.focus();
  });
}

const form = document.getElementById("ask");
if (form) begin(form);
