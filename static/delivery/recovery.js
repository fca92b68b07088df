// 作答恢复文件: what could not be delivered, encrypted and authenticated under the secret this page was given with
// its lease, with the latest receipts of that lease. cbt/delivery/recovery.py opens it. Source.

import { hmac, join } from "./sha256.js";
import { openStorage } from "./storage.js";

const FORMAT = "cbt-recovery-1";
const MOST_RECEIPTS = 8;
const utf8 = (text) => new TextEncoder().encode(text);
const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

function toBase64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Encrypt `plain` (it is its own inverse): the key stream is HMAC(key, nonce | counter). */
function stream(key, nonce, plain) {
  const out = new Uint8Array(plain.length);
  for (let from = 0; from < plain.length; from += 32) {
    const counter = new DataView(new ArrayBuffer(4));
    counter.setUint32(0, from / 32);
    const block = hmac(key, join(nonce, new Uint8Array(counter.buffer)));
    for (let i = from; i < Math.min(from + 32, plain.length); i += 1) out[i] = plain[i] ^ block[i - from];
  }
  return out;
}

/**
 * Return the text of a file. `entries` are `{epoch, seq, position, value, at}`, `receipts` `{seq, at}` of the lease
 * whose `epoch` and `seal` (hex) these are.
 */
export function sealFile({ attempt, epoch, seal, entries, receipts, madeAt }) {
  const content = {
    made_at: madeAt,
    entries: entries.map(({ epoch: of, seq, position, value, at }) => ({ epoch: of, seq, position, value, at })),
    receipts: receipts.slice(-MOST_RECEIPTS).map(({ seq, at }) => ({ seq, at })),
  };
  const key = fromHex(seal);
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  const body = toBase64(stream(hmac(key, utf8("encrypt")), nonce, utf8(JSON.stringify(content))));
  const signed = utf8([FORMAT, attempt, epoch, toHex(nonce), body].join("|"));
  const mac = toHex(hmac(hmac(key, utf8("authenticate")), signed));
  return JSON.stringify({ format: FORMAT, attempt, epoch, nonce: toHex(nonce), body, seal: mac });
}

/** Hand `text` to the person at this machine as a file. */
export function download(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Return the name of a seat's file: `cbt-recovery-07-143507.cbtr`. */
export function fileName(seat, at) {
  const two = (n) => String(n).padStart(2, "0");
  return `cbt-recovery-${seat || "00"}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}.cbtr`;
}

/** Of the records that wait on this machine: those of answers that no server is known to have. */
const isUndelivered = (record) => record.kind === "answer" && !record.late;

/** Return `[{attempt, count, save()}]` for the answers of any attempt that wait here; `save` may be null. */
export async function undelivered() {
  const records = await (await openStorage()).every();
  const attempts = new Set(records.filter(isUndelivered).map((record) => record.attempt));
  return [...attempts].map((attempt) => {
    const mine = records.filter((record) => record.attempt === attempt);
    const answers = mine.filter(isUndelivered);
    const lease = mine.find((record) => record.kind === "lease");
    return { attempt, count: answers.length, save: lease ? () => saveRecords(lease, answers) : null };
  });
}

function saveRecords(lease, answers) {
  const now = new Date();
  const text = sealFile({
    attempt: lease.attempt, epoch: lease.epoch, seal: lease.seal, madeAt: now.toISOString(),
    entries: answers.filter((record) => record.epoch && record.epoch <= lease.epoch),
    receipts: anchors(answers, lease.epoch),
  });
  download(text, fileName(lease.seat, now));
}

/** The distinct receipts that records of a lease were kept with, oldest first. */
export function anchors(records, epoch) {
  const found = new Map();
  for (const { anchor } of records) if (anchor?.epoch === epoch) found.set(anchor.seq, anchor);
  return [...found.values()].sort((a, b) => a.seq - b.seq);
}

/**
 * Forget what the server has by now, and everything of a paper that is over and fully delivered. `ask({keys, attempts})`
 * tells which of the keys `{attempt, epoch, seq}` the server `held`, and which attempts are `over`. Source: R-16.
 */
export async function tidy(ask) {
  const storage = await openStorage();
  const records = await storage.every();
  if (!records.length) return;
  const asked = records.filter((record) => isUndelivered(record) && record.epoch);
  const attempts = [...new Set(records.map((record) => record.attempt))];
  const { held, over } = await ask({ keys: asked.map(({ attempt, epoch, seq }) => ({ attempt, epoch, seq })), attempts });
  const gone = new Set(asked.filter((_, index) => held[index]));
  const open = new Set(records.filter((record) => isUndelivered(record) && !gone.has(record)).map((record) => record.attempt));
  for (const record of records) {
    const done = over.includes(record.attempt) && !open.has(record.attempt);
    if (gone.has(record) || done) await storage.remove(record.attempt, record.key, record.seq);
  }
}
