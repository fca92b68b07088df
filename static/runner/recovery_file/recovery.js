// 作答恢复文件: what could not be delivered. A page that has its lease's secret encrypts and authenticates it, with the
// latest receipts of that lease (cbt/runner/recovery_file.py opens it). Where nobody has the secret, as on the seat page,
// the records go into the file as they lie here, sealed one by one (cbt/runner/recovery_file.py). Source.

import { hmac } from "./sha256.js";
import { fromHex, isSealed, newNonce, stream, toBase64, toHex, utf8 } from "./sealing.js";
import { openStorage } from "../save/storage.js";

const FORMAT = "cbt-recovery-1";
const FORMAT_OF_RECORDS = "cbt-recovery-2";
const MOST_RECEIPTS = 8;

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
  const nonce = newNonce();
  const body = toBase64(stream(hmac(key, utf8("encrypt")), nonce, utf8(JSON.stringify(content))));
  const signed = utf8([FORMAT, attempt, epoch, toHex(nonce), body].join("|"));
  const mac = toHex(hmac(hmac(key, utf8("authenticate")), signed));
  return JSON.stringify({ format: FORMAT, attempt, epoch, nonce: toHex(nonce), body, seal: mac });
}

/** Return the text of a file of records as they lie here, which only the server can open. */
export function recordsFile({ attempt, records, madeAt }) {
  return JSON.stringify({
    format: FORMAT_OF_RECORDS, attempt, made_at: madeAt,
    records: records.map(({ key, seq, kind, position, epoch, nonce, body, mac }) => ({ key, seq, kind, position, epoch, nonce, body, mac })),
  });
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
    const sealed = answers.filter(isSealed);
    return { attempt, count: answers.length, save: sealed.length ? () => saveRecords(attempt, lease?.seat, sealed) : null };
  });
}

function saveRecords(attempt, seat, records) {
  const now = new Date();
  download(recordsFile({ attempt, records, madeAt: now.toISOString() }), fileName(seat, now));
}

/**
 * Forget what the server has by now, and everything of a paper that is over and fully delivered. `ask({attempt, keys})`
 * tells of one attempt which of the keys `{epoch, seq}` the server `held`, and whether it is `over`. Source: R-16.
 */
export async function tidy(ask) {
  const storage = await openStorage();
  const records = await storage.every();
  for (const attempt of new Set(records.map((record) => record.attempt))) {
    const mine = records.filter((record) => record.attempt === attempt);
    const asked = mine.filter((record) => isUndelivered(record) && record.epoch);
    const { held, over } = await ask({ attempt, keys: asked.map(({ epoch, seq }) => ({ epoch, seq })) });
    const gone = new Set(asked.filter((_, index) => held[index]));
    const done = over && mine.every((record) => !isUndelivered(record) || gone.has(record));
    for (const record of mine) if (done || gone.has(record)) await storage.remove(attempt, record.key, record.seq);
  }
}
