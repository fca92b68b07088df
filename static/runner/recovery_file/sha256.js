// SHA-256 and HMAC over bytes (FIPS 180-4, RFC 2104). WebCrypto exists in secure contexts only, and an exam hall
// serves plain http on its own network; what is hashed here is some hundred bytes for each answer.

const BLOCK = 64;

/** The first 32 fractional bits of the square (power 1/2) or cube (1/3) roots of the first `count` primes. */
function roots(count, power) {
  const found = [];
  for (let n = 2; found.length < count; n += 1) {
    let prime = true;
    for (let d = 2; d * d <= n; d += 1) if (n % d === 0) prime = false;
    if (prime) found.push(Math.floor((n ** power % 1) * 2 ** 32) >>> 0);
  }
  return found;
}

let START;
let ROUND;
const turn = (word, by) => (word >>> by) | (word << (32 - by));

/** Return the 32 bytes of the digest of `bytes`. */
export function sha256(bytes) {
  START ??= roots(8, 1 / 2); // when they are first needed: a paper is in sight before
  ROUND ??= roots(64, 1 / 3);
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / BLOCK) * BLOCK);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, (bytes.length << 3) >>> 0);
  const state = Uint32Array.from(START);
  const words = new Uint32Array(64);
  for (let from = 0; from < padded.length; from += BLOCK) {
    for (let i = 0; i < 16; i += 1) words[i] = view.getUint32(from + 4 * i);
    for (let i = 16; i < 64; i += 1) {
      const [x, y] = [words[i - 15], words[i - 2]];
      words[i] = words[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + words[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
    }
    mix(state, words);
  }
  const out = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => out.setUint32(4 * i, word));
  return new Uint8Array(out.buffer);
}

function mix(state, words) {
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i += 1) {
    const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[i] + words[i]) | 0;
    const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] += word; });
}

/** Return HMAC-SHA-256 of `bytes` under `key`, both bytes. */
export function hmac(key, bytes) {
  const short = key.length > BLOCK ? sha256(key) : key;
  const pad = (fill) => Uint8Array.from({ length: BLOCK }, (_, i) => (short[i] ?? 0) ^ fill);
  return sha256(join(pad(0x5c), sha256(join(pad(0x36), bytes))));
}

/** Return byte arrays one after the other. */
export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
