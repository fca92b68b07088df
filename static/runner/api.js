// One way to talk to the server. A reply always comes back: status 0 means that none did within the time.

export const TIMEOUT = 4000;
/** The refusal of a lease or login that belongs to another machine. Source: R-42. */
export const OTHER_MACHINE = "machine.other";
const flying = new Set();
let quietUntil = 0;
let other = null;

/** Have `answer(url, body)` reply in the network's place: a 试答 has no server. */
export function answerBy(answer) {
  other = answer;
}

/**
 * Send a request and return `{status, body, after, sent, got}`; `sent` and `got` are `performance.now()` readings,
 * for the clock; `begun` is given what ends the request, `keepalive` has it outlive the page, `after` the milliseconds to wait before the next try where the server names them. Errors carry `{code, message, fix}` in the body.
 */
export async function call(url, { method = "POST", body, headers = {}, credentials = "same-origin", timeout = TIMEOUT, begun = () => {}, keepalive = false } = {}) {
  if (other) return other(url, body);
  const abort = new AbortController();
  begun(abort);
  const timer = setTimeout(() => abort.abort(), timeout);
  const sent = performance.now();
  const said = { "X-CBT-Locale": document.documentElement.lang === "en" ? "en" : "zh", ...headers }; // also without cookies
  const flight = { until: sent + timeout, abort };
  flying.add(flight);
  try {
    const reply = await fetch(url, {
      method, credentials, cache: "no-store", redirect: "error", signal: abort.signal, keepalive,
      headers: body === undefined ? said : { "Content-Type": "application/json", ...said },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await reply.text();
    const after = toCome(reply.headers.get("Retry-After"));
    return { status: reply.status, body: parse(text), after, sent, got: performance.now() };
  } catch {
    return { status: 0, body: {}, sent, got: performance.now() };
  } finally {
    clearTimeout(timer);
    flying.delete(flight);
  }
}

/**
 * The milliseconds until this page may ask the server again, which has said when; 0 when it may. Whatever asks by itself
 * keeps to it: what comes sooner is refused like what came before, and keeps a server that is behind from catching up.
 * Source: I14.
 */
export const quiet = () => Math.max(0, quietUntil - performance.now());

/** Whole seconds of a hall are spread over the second that follows. */
function toCome(seconds) {
  const after = Number(seconds) > 0 ? 1000 * (Number(seconds) + Math.random()) : 0;
  quietUntil = Math.max(quietUntil, performance.now() + after);
  return after;
}

/** Give up requests whose time was up while timers stood still: the page was frozen, or throttled in the background. */
export function abortOverdue() {
  for (const { until, abort } of flying) if (performance.now() > until) abort.abort();
}

function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** True for replies that mean "not now": no connection, overload, a proxy without its server. */
export const isTransient = (status) => status === 0 || status === 429 || status >= 500;
