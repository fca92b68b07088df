// A zip of files that are packed already: stored as they are, in the order given, without a clock, so that the same
// files make the same zip.
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
const UTF8_NAMES = 0x0800;
const FIRST_DAY = 0x0021; // 1 January 1980, the first one a zip knows

function checksum(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** Little-endian numbers, each [value, bytes]. */
function packed(...numbers) {
  const made = new DataView(new ArrayBuffer(numbers.reduce((sum, [, size]) => sum + size, 0)));
  let at = 0;
  for (const [value, size] of numbers) {
    if (size === 4) made.setUint32(at, value, true);
    else made.setUint16(at, value, true);
    at += size;
  }
  return new Uint8Array(made.buffer);
}

/** Return the Blob of a zip of files {name, bytes (Uint8Array)}. */
export function zipOf(files) {
  const parts = [];
  const entries = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const called = new TextEncoder().encode(name);
    const shared = [
      [20, 2], [UTF8_NAMES, 2], [0, 2], [0, 2], [FIRST_DAY, 2],
      [checksum(bytes), 4], [bytes.length, 4], [bytes.length, 4], [called.length, 2], [0, 2],
    ];
    const head = packed([0x04034b50, 4], ...shared);
    entries.push(
      packed([0x02014b50, 4], [20, 2], ...shared, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]),
      called,
    );
    parts.push(head, called, bytes);
    offset += head.length + called.length + bytes.length;
  }
  const size = entries.reduce((sum, part) => sum + part.length, 0);
  const end = packed(
    [0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [size, 4], [offset, 4], [0, 2],
  );
  return new Blob([...parts, ...entries, end], { type: "application/zip" });
}
