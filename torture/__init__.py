"""`python -m torture`: breaks an installation on purpose and lets a ledger of acknowledgements judge it.

**The parts.** `site` builds an examination day of its own (30 candidates, frozen forms, one room) on SQLite or
PostgreSQL. `server` starts `cbt serve` on it in a process group of its own, kills it and starts it again.
`client` is a candidate's browser reduced to its outbox: it sends answers, retries with the same number, takes
a new lease when it must; `local` is the same served in this process with a clock that is set, `driver` the
same served by one process that may be killed at any of its system calls. `load` keeps all browsers busy across
every restart. `ledger` writes down what was sent and what the server acknowledged, and nothing else.
`invariants` compares the database with the ledger (I1 to I12). `trial` is what one fault gets; `registry` knows
every fault.

**How a fault is written.** One module in `torture/faults/`, its functions listed in `registry.FAULTS`:

    def kill_worker(trial: Trial) -> None:
        site = trial.site()
        with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
            for _ in range(trial.times):
                load.wait_for_saves(30)
                server.kill_worker(trial.rng)
                trial.injected()
                trial.measure("ready_s", server.wait_ready())
            trial.drain(load)
        trial.judge(site)

    Fault("kill-worker", kill_worker, short=2, long=80, in_short=("sqlite", "postgresql"))

- `trial.times` is how often the short or the long run injects; `trial.rng` is seeded by name and seed.
- `trial.kind` is "sqlite" or "postgresql"; a fault that means something on one only says so in `databases`.
- `needs` names what the machine must have (`tools.NEEDS`: strace, faketime, root, tmpfs, …); where it is
  missing, the fault is skipped and the report says why.
- `trial.judge(site)` runs every invariant that fits; `trial.expect(holds, "I12", "…")` adds one finding of the
  fault's own. Nothing raises: a broken invariant is a row of the report, and exit code 1.
- `trial.measure(name, value)` keeps a figure for the report; no figure is a verdict.
- A server is only ever ended by its own handle, and everything lies below `trial.folder`.

Its short run is a case of `tests/torture/test_faults.py`, which runs the whole registry.
"""
