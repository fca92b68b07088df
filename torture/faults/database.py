"""PostgreSQL that stops, connections that end, a database process that dies in the middle of a commit.

Whether such a commit came is unknown to the server, so it promises nothing; the browser sends the same number
again and gets the first receipt, or the entry is appended now.

Source: R-41; I1, I3, I4, I12.
"""

from __future__ import annotations

import contextlib
import os
import signal

import psycopg

from torture.sites.postgres import PostgresServer
from torture.sites.site import Site
from torture.sites.waiting import PATIENCE_SECONDS, pause, wait_for
from torture.trial import Trial

SAVES_BETWEEN = 40
TOGETHER = 3
"""So many connections are ended at once."""
LOOKS = 400
LOOK_EVERY = 0.002


def crash(trial: Trial) -> None:
    """Stop the database at once, as `pg_ctl stop -m immediate` does, and start it again."""
    site, database = trial.site(), _database(trial)
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        for _ in range(trial.times):
            load.wait_for_saves(SAVES_BETWEEN)
            database.crash()
            trial.injected()
            refused = wait_for(lambda: not server.healthy(), 10)
            trial.expect(refused, "I12", "it says that answers can be saved without a database")
            database.start()
            trial.measure("ready_s", server.wait_ready())
            trial.expect(load.wait_for_saves(SAVES_BETWEEN), "I12", "nothing is saved after the restart")
        trial.drain(load)
    trial.judge(site)


def end_backends(trial: Trial) -> None:
    """End connections of the server with pg_terminate_backend, whatever they are doing."""
    site, database = trial.site(), _database(trial)
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        for _ in range(trial.times):
            load.wait_for_saves(SAVES_BETWEEN)
            with psycopg.connect(database.admin_url, autocommit=True) as connection:
                ended = connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = %s AND pid <> pg_backend_pid() ORDER BY random() LIMIT %s",
                    (_name(site), TOGETHER),
                ).fetchall()
            trial.injected(len(ended))
        trial.drain(load)
    trial.judge(site)


def kill_in_commit(trial: Trial) -> None:
    """SIGKILL a database process that is committing; the database recovers, the outcome was unknown."""
    site, database = trial.site(), _database(trial)
    with site.serving() as server, site.load(trial.seed, lambda: server.port, pause=0.0) as load:
        for _ in range(trial.times):
            load.wait_for_saves(SAVES_BETWEEN)
            victim = _committing(database, site)
            if victim is None:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                trial.injected()
            recovered = wait_for(server.healthy, PATIENCE_SECONDS)
            trial.expect(recovered, "I12", "the server does not come back after the database did")
            trial.expect(load.wait_for_saves(SAVES_BETWEEN), "I12", "nothing is saved after the recovery")
        trial.drain(load)
    trial.expect(trial.injections > 0, "X", "no commit was met")
    trial.judge(site)


def _committing(database: PostgresServer, site: Site) -> int | None:
    """Return a backend of this site that is committing at this moment, or any active one after many looks."""
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = %s AND state = 'active'"
        " AND pid <> pg_backend_pid() AND upper(query) LIKE %s LIMIT 1"
    )
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        for number in range(LOOKS):
            wanted = "COMMIT%" if number < LOOKS - 50 else "%"
            found = connection.execute(query, (_name(site), wanted)).fetchone()
            if found is not None:
                return int(found[0])
            pause(LOOK_EVERY)
    return None


def _database(trial: Trial) -> PostgresServer:
    server = trial.shop.postgres()
    if server is None:
        raise LookupError("PostgreSQL is missing")
    return server


def _name(site: Site) -> str:
    return site.settings.database_url.rsplit("/", 1)[1]
