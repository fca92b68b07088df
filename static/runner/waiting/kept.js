// Who this tab is of, and how its clock stood: kept with the tab for the same page without a server (worker.js), and
// forgotten with the paper. Nothing of the paper itself is kept.

const KEPT = "cbt-kept";

export function keepPerson({ csrf, attempt, clock }) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ csrf, attempt, clock: clock.kept() }));
  } catch { /* then the page waits for the server without a name */ }
}

/** Return what was kept `{attempt, csrf, clock}`; null where this page is not that paper's. */
export function keptPerson() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT));
  return kept && window.location.pathname.endsWith(`/${kept.attempt.ref}`) ? kept : null;
}

export function forgetPerson() {
  try {
    sessionStorage.removeItem(KEPT);
  } catch { /* there was none */ }
}
