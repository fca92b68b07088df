// What this page needs to be loaded again while the server is away: its shell and files in a store of this browser, and
// the worker that gives them (worker.js). A browser offers neither over plain http from another machine: there a
// reload is held back instead (guard.js).

const CACHE = "cbt-away";

/**
 * Keep the page that `told` names (`away`, `files`, `worker`) for the pages below `home`; what was kept of a former version
 * goes. Nothing depends on it.
 */
export async function keepForAway({ away, files, worker }, home) {
  if (!away || !("serviceWorker" in navigator) || !("caches" in window)) return;
  const scope = new URL(".", new URL(home, window.location.href)).href;
  try {
    const cache = await caches.open(CACHE);
    const wanted = files.map((file) => new URL(file, scope).href);
    const lies = new Set((await cache.keys()).map(({ url }) => url));
    await cache.addAll(wanted.filter((url) => !lies.has(url)));
    await cache.put(`${scope}-`, await fetch(away));
    for (const url of lies) if (!wanted.includes(url) && url !== `${scope}-`) await cache.delete(url);
    await navigator.serviceWorker.register(worker, { scope, updateViaCache: "all" });
  } catch {
    // the disk is full, or the browser keeps nothing: as over plain http
  }
}
