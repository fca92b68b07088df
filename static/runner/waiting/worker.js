// A page of the exam that is loaded while the server is away: in place of a browser's error page it is the answer page
// without a person (paper/shells), which says what is the matter and goes on by itself. It answers nothing else: a server
// that is there is always asked first, and no request of a page but for its own files is touched. Browsers run it only
// where the page came over https or from this machine itself.

const CACHE = "cbt-away";
const AWAY = [502, 503, 504]; // a proxy without its server, or one with no room for anybody
const FILES = ["script", "style"];
const PATIENCE = 10_000; // a line that is half open answers never

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (FILES.includes(request.destination)) event.respondWith(file(request));
});

async function page(request) {
  const late = new Promise((resolve) => setTimeout(() => resolve(null), PATIENCE));
  const reply = await Promise.race([fetch(request).catch(() => null), late]);
  if (reply && !AWAY.includes(reply.status)) return reply;
  const kept = await caches.match(`${self.registration.scope}-`, { cacheName: CACHE });
  return kept ?? reply ?? Response.error();
}

/** A file of that page, by the hash in its name: what is kept of it never changes. */
async function file(request) {
  return (await caches.match(request, { cacheName: CACHE })) ?? fetch(request);
}
