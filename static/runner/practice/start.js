// While somebody tries the answer page, the room may start: the server is asked as the waiting room asks it, and the paper
// opens at once. Source: R-20.

const EVERY = 2000; // until the server has said how long

export function awaitStart({ state, home }, app) {
  const go = (url) => {
    app.running = false; // nothing here is worth a question whether to leave
    window.location.replace(url);
  };
  const ask = async () => {
    let pause = EVERY * (0.8 + 0.4 * Math.random());
    try {
      const reply = await fetch(state, { headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(4000) });
      if (reply.status === 401 || reply.status === 403 || reply.redirected) return go(home);
      const { go: begun, url, evacuated, opens_ms: opens, next_ms: next } = await reply.json();
      if (evacuated) return go(home);
      if (begun && url) return setTimeout(go, opens, url);
      pause = next;
    } catch {
      // asked again; the practice needs no network
    }
    setTimeout(ask, pause);
    return undefined;
  };
  ask();
}
