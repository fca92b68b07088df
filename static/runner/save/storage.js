// Where answers wait on this machine: IndexedDB, else localStorage, else memory only (then the page warns).
// A record is {attempt, key, seq, kind, position, epoch, nonce, body, mac, …}, what was written sealed in `body`
// (sealing.js); (attempt, key) is unique. One of kind "lease" keeps the seat, for the name of a file.

const NAME = "cbt-outbox";
const TABLE = "entries";
const PREFIX = "cbt-outbox:";
const PATIENCE = 10_000; // a profile on a broken disk may never answer; the paper must open all the same

let opened;

/** Open the best storage this browser has, once a page. `durable` is false when nothing survives the page. */
export function openStorage() {
  opened ??= best();
  return opened;
}

/** Have this page keep nothing on the machine, and hold that for right: what it is told is not meant to last. */
export function keepNothing() {
  opened = Promise.resolve(local(memory(), true));
}

async function best() {
  try {
    return await indexed();
  } catch {
    return localWorks() ? local(window.localStorage, true) : local(memory(), false);
  }
}

function openDatabase() {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("silent")), PATIENCE);
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: ["attempt", "key"] });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
  });
}

async function indexed() {
  let database = await openDatabase();
  const run = (mode, work) => new Promise((resolve, reject) => {
    // "strict": on the disk before it is called kept, for a machine that loses its power.
    const transaction = database.transaction(TABLE, mode, { durability: "strict" });
    const answer = work(transaction.objectStore(TABLE));
    transaction.oncomplete = () => resolve(answer?.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
  // The browser may close a database under the page (its data cleared, its process gone): then it is opened again.
  const act = (mode, work) => run(mode, work).catch(async (error) => {
    if (error?.name !== "InvalidStateError") throw error;
    database = await openDatabase();
    return run(mode, work);
  });
  const of = (attempt) => IDBKeyRange.bound([attempt, ""], [attempt, "\uffff"]);
  return {
    durable: true,
    all: (attempt) => act("readonly", (table) => table.getAll(of(attempt))),
    every: () => act("readonly", (table) => table.getAll()),
    put: (record) => act("readwrite", (table) => table.put(record)),
    // A newer value written meanwhile must survive the receipt of the older one.
    remove: (attempt, key, seq) => act("readwrite", (table) => {
      const found = table.get([attempt, key]);
      found.onsuccess = () => {
        if (found.result && found.result.seq <= seq) table.delete([attempt, key]);
      };
    }),
  };
}

function local(area, durable) {
  const name = (attempt, key) => `${PREFIX}${attempt}:${key}`;
  const read = (prefix) => Array.from({ length: area.length }, (_, index) => area.key(index))
    .filter((key) => key.startsWith(prefix)).map((key) => JSON.parse(area.getItem(key)));
  return {
    durable,
    all: async (attempt) => read(`${PREFIX}${attempt}:`),
    every: async () => read(PREFIX),
    put: async (record) => area.setItem(name(record.attempt, record.key), JSON.stringify(record)),
    remove: async (attempt, key, seq) => {
      const found = JSON.parse(area.getItem(name(attempt, key)) ?? "null");
      if (found && found.seq <= seq) area.removeItem(name(attempt, key));
    },
  };
}

function localWorks() {
  try {
    window.localStorage.setItem(`${PREFIX}?`, "1");
    window.localStorage.removeItem(`${PREFIX}?`);
    return true;
  } catch {
    return false;
  }
}

function memory() {
  const kept = new Map();
  return {
    get length() { return kept.size; },
    key: (index) => [...kept.keys()][index],
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
}
