// What waits on this machine lies there sealed: a shared machine keeps nobody's answers in clear. The secret comes with
// each start, with those of this attempt's former leases, and is kept in the page's memory alone; a page that was
// loaded again reads what waits once the server has given it its paper. Plain http has no WebCrypto, so both halves
// are HMAC-SHA-256. cbt/runner/recovery_file.py opens the same. Source: R-16.

import { hmac, join } from "./sha256.js";

const MARK = "cbt-outbox-1";
const OUTSIDE = ["key", "seq", "kind", "position", "epoch", "evidence", "late"];
const halves = new Map(); // secret -> its two keys, worked out once

export const utf8 = (text) => new TextEncoder().encode(text);
export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
export const newNonce = () => crypto.getRandomValues(new Uint8Array(16));

export function toBase64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** Encrypt `plain` (it is its own inverse): the key stream is HMAC(key, nonce | counter). */
export function stream(key, nonce, plain) {
  const out = new Uint8Array(plain.length);
  for (let from = 0; from < plain.length; from += 32) {
    const counter = new DataView(new ArrayBuffer(4));
    counter.setUint32(0, from / 32);
    const block = hmac(key, join(nonce, new Uint8Array(counter.buffer)));
    for (let i = from; i < Math.min(from + 32, plain.length); i += 1) out[i] = plain[i] ^ block[i - from];
  }
  return out;
}

function keysOf(secret) {
  if (!halves.has(secret)) {
    const key = fromHex(secret);
    halves.set(secret, { encrypt: hmac(key, utf8("outbox encrypt")), authenticate: hmac(key, utf8("outbox authenticate")) });
  }
  return halves.get(secret);
}

const seal = (key, attempt, { epoch, key: name, seq, kind, position, nonce, body }) => (
  toHex(hmac(key, utf8([MARK, attempt, epoch, name, seq, kind, position, nonce, body].join("|")))));

/** Return the record as it may lie on this machine: what it is about in clear, what was written sealed. */
export function sealRecord(secret, attempt, record) {
  const outside = Object.fromEntries(OUTSIDE.filter((name) => name in record).map((name) => [name, record[name]]));
  const inside = Object.fromEntries(Object.entries(record).filter(([name]) => !OUTSIDE.includes(name)));
  const { encrypt, authenticate } = keysOf(secret);
  const nonce = newNonce();
  const sealed = { ...outside, nonce: toHex(nonce), body: toBase64(stream(encrypt, nonce, utf8(JSON.stringify(inside)))) };
  return { ...sealed, mac: seal(authenticate, attempt, sealed) };
}

export const isSealed = (record) => "body" in record;

/** Return what was sealed; null for a record that this secret did not seal, or that was changed. */
export function openRecord(secret, attempt, record) {
  const { encrypt, authenticate } = keysOf(secret);
  if (seal(authenticate, attempt, record) !== record.mac) return null;
  const { nonce, body, mac, ...outside } = record;
  const inside = new TextDecoder().decode(stream(encrypt, fromHex(nonce), fromBase64(body)));
  return { ...outside, ...JSON.parse(inside) };
}
