"""Checks of the PostgreSQL server: what a commit waits for, how far standbys are, whether connections suffice.

Each asks as the product does, by the same address: what is set for its role or its database alone counts as well.

Source: I12, R-40.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row

from cbt.config import Settings
from cbt.ops.doctor.findings import Grade, Patient, Seen, Symptom
from cbt.storage.engine import MOST_CONNECTIONS

PATIENCE_SECONDS = 5
MIB = 1024 * 1024


@contextmanager
def _server(patient: Patient) -> Iterator[psycopg.Connection | None]:
    """Lend a connection; None where there is none to look at, or it is refused, which another check tells."""
    connection = _connected(patient.settings)
    try:
        yield connection
    finally:
        if connection is not None:
            connection.close()


def _connected(settings: Settings) -> psycopg.Connection | None:
    if settings.embedded:
        return None
    url = settings.database_url.replace("postgresql+psycopg://", "postgresql://")
    try:
        # Nothing of what the address asks for is overridden: its options are looked at, too.
        return psycopg.connect(url, autocommit=True, connect_timeout=PATIENCE_SECONDS)
    except psycopg.Error:
        return None


COMMITS_CODES = {
    "forced": Grade.OK, "nothing": Grade.NONE, "unwaited": Grade.FAIL, "unforced": Grade.FAIL,
    "local": Grade.WARN,
}  # fmt: skip
_SAFE = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}
_SETTINGS = """
    SELECT name, setting, source, sourcefile, sourceline, current_user AS role, current_database() AS database
    FROM pg_settings WHERE name = ANY(%s)"""


@dataclass(frozen=True, slots=True)
class ServerSetting:
    """A setting as it holds for the product's connections, and where it comes from (pg_settings)."""

    name: str
    setting: str
    source: str
    sourcefile: str | None
    sourceline: int | None
    role: str
    database: str

    @property
    def where(self) -> str:
        """Return where it is set, as whoever changes it knows the place."""
        if self.source == "configuration file":
            return f"{self.sourcefile}:{self.sourceline}" if self.sourcefile else "postgresql.conf"
        places = {"command line": "postgres -c", "client": "CBT_DATABASE_URL (options)"}
        return self._altered("SET").rpartition(" SET")[0] or places.get(self.source, self.source)

    @property
    def command(self) -> str:
        """Return what puts it right: a command, or what is to stand there."""
        if altered := self._altered("RESET"):
            return f"psql -c '{altered}'"
        if self.source in ("command line", "client", "environment variable"):
            return f"-c {self.name}={_SAFE[self.name]}"
        return f"psql -c 'ALTER SYSTEM SET {self.name} = {_SAFE[self.name]}' -c 'SELECT pg_reload_conf()'"

    def _altered(self, way: str) -> str:
        """Return the statement that sets it for a role or a database; "" where it is set elsewhere."""
        role, database = f'"{self.role}"', f'"{self.database}"'
        of = {
            "database": f"DATABASE {database}",
            "user": f"ROLE {role}",
            "database user": f"ROLE {role} IN DATABASE {database}",
        }
        return f"ALTER {of[self.source]} {way} {self.name}" if self.source in of else ""


def examine_commits(patient: Patient) -> Seen:
    """Look whether a commit that is acknowledged is on the server's disk by then."""
    with _server(patient) as connection:
        if connection is None:
            yield Symptom("nothing")
            return
        with connection.cursor(row_factory=class_row(ServerSetting)) as cursor:
            found = {row.name: row for row in cursor.execute(_SETTINGS, [list(_SAFE)])}
        yield from judge_commits(found, awaited=bool(_shown(connection, "synchronous_standby_names")))


def judge_commits(found: Mapping[str, ServerSetting], *, awaited: bool) -> Iterator[Symptom]:
    """Return what follows from the settings by name; `awaited`: a standby is named that commits are to wait for."""
    codes = {"synchronous_commit": {"off": "unwaited"}}
    if awaited:
        codes["synchronous_commit"]["local"] = "local"
    whole = True
    for name in _SAFE:
        row = found[name]
        code = codes.get(name, {"off": "unforced"}).get(row.setting)
        if code is not None:
            whole = False
            yield Symptom(
                code, {"name": name, "value": row.setting, "where": row.where, "command": row.command}
            )
    if whole:
        yield Symptom("forced", {"value": found["synchronous_commit"].setting})


STANDBYS_CODES = {
    "near": Grade.OK, "nothing": Grade.NONE, "alone": Grade.NONE, "lags": Grade.WARN, "missing": Grade.FAIL,
    "gone": Grade.WARN, "unseen": Grade.WARN,
}  # fmt: skip
FAR_BYTES, FAR_SECONDS = 16 * MIB, 10
"""From here on a standby is behind: a segment of the log, or so long until what was committed was on its disk."""
_STANDBYS = """
    SELECT coalesce(application_name, '') AS name, coalesce(sync_state, '') AS sync_state,
        state IS NOT NULL AS seen,
        coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn), 0)::bigint AS bytes,
        coalesce(extract(epoch FROM flush_lag), 0)::float AS seconds
    FROM pg_stat_replication WHERE coalesce(state, '') <> 'backup' ORDER BY application_name, pid"""
_GONE = "SELECT slot_name FROM pg_replication_slots WHERE NOT active ORDER BY slot_name"
_COUNT = re.compile(r"^\s*(?:(?:FIRST|ANY)\s+)?(\d+)\s*\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Standby:
    """Who receives the log, so many bytes and seconds behind on its disk; `sync_state` as PostgreSQL says it."""

    name: str
    sync_state: str
    seen: bool
    """Whether the product's role may see how far it is."""
    bytes: int
    seconds: float


def examine_standbys(patient: Patient) -> Seen:
    """Look who receives the log of a primary, how far behind, and who ought to and does not."""
    with _server(patient) as connection:
        if connection is None or _shown(connection, "in_hot_standby") == "on":
            yield Symptom("nothing")  # a standby serves nobody, which another check tells
            return
        with connection.cursor(row_factory=class_row(Standby)) as cursor:
            standbys = cursor.execute(_STANDBYS).fetchall()
        gone = [str(name) for (name,) in connection.execute(_GONE)]
        named = _shown(connection, "synchronous_standby_names")
        (role,) = connection.execute("SELECT current_user").fetchone() or ("",)
    yield from judge_standbys(standbys, gone, named=named, role=role)


def judge_standbys(
    standbys: Sequence[Standby], gone: Sequence[str], *, named: str, role: str
) -> Iterator[Symptom]:
    """Return what follows from who is connected and which slots nobody reads; `named` as the setting says it."""
    seen = [one for one in standbys if one.seen]
    far = [one for one in seen if one.bytes >= FAR_BYTES or one.seconds >= FAR_SECONDS]
    wanted = _wanted(named)
    # Of whom nothing may be seen it is not known what they are to commits.
    awaited = sum(one.sync_state in ("sync", "quorum") for one in seen) + len(standbys) - len(seen)
    if awaited < wanted:
        yield Symptom("missing", {"names": named, "count": awaited, "wanted": wanted})
    for one in far:
        told = {"mib": one.bytes // MIB, "seconds": f"{one.seconds:.0f}"}
        yield Symptom("lags", {"name": one.name, **told, "most": FAR_BYTES // MIB, "longest": FAR_SECONDS})
    for name in gone:
        yield Symptom("gone", {"name": name})
    if len(seen) < len(standbys):
        yield Symptom("unseen", {"count": len(standbys) - len(seen), "role": role})
    elif seen and not far:
        yield Symptom("near", {"names": [one.name for one in seen]})
    elif not (seen or gone or wanted):
        yield Symptom("alone")


def _wanted(named: str) -> int:
    """Return how many standbys a commit waits for by `synchronous_standby_names`."""
    count = _COUNT.match(named)
    return int(count[1]) if count else int(bool(named.strip()))


CONNECTIONS_CODES = {
    "enough": Grade.OK, "nothing": Grade.NONE, "few": Grade.WARN, "near": Grade.FAIL,
}  # fmt: skip
BESIDE = 8
"""Connections of a node beside its workers' pools: its leader, its watch over the clock, its jobs, a command."""
NEAR_PERCENT = 90
_LIMITS = """
    SELECT current_user AS role, current_database() AS database, rolsuper AS superuser, rolconnlimit AS of_role,
        datconnlimit AS of_database, current_setting('max_connections')::int AS most,
        current_setting('superuser_reserved_connections')::int
            + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
        (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL AND pid <> pg_backend_pid()) AS used,
        (SELECT count(*) FROM pg_stat_activity WHERE datid = pg_database.oid AND pid <> pg_backend_pid())
            AS used_in_database,
        (SELECT count(*) FROM pg_stat_activity WHERE usesysid = pg_roles.oid AND pid <> pg_backend_pid())
            AS used_by_role,
        (SELECT count(*) FROM pg_stat_activity WHERE usesysid = pg_roles.oid AND datid = pg_database.oid
            AND pid <> pg_backend_pid()) AS ours
    FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()"""


@dataclass(frozen=True, slots=True)
class ConnectionLimit:
    """One of the limits that hold for the product: how many, taken by anybody and by the product itself."""

    name: str
    most: int
    used: int
    ours: int
    command: str
    """What raises it, with `{}` for how many it is to be."""
    reserved: int = 0
    """Kept for others of what `command` sets."""


def examine_connections(patient: Patient) -> Seen:
    """Hold what is connected, and what this node's workers may ask for, against the tightest limit."""
    with _server(patient) as connection:
        if connection is None:
            yield Symptom("nothing")
            return
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(_LIMITS).fetchone()
        assert row is not None
        role, database = (sql.Identifier(row[name]).as_string(connection) for name in ("role", "database"))
    ours = row["ours"]
    reserved = 0 if row["superuser"] else row["reserved"]
    limits = [
        ConnectionLimit(
            "max_connections", row["most"] - reserved, row["used"], ours,
            "psql -c 'ALTER SYSTEM SET max_connections = {}'", reserved,
        )
    ]  # fmt: skip
    if not row["superuser"]:  # other limits do not hold for one
        for kind, name, most, used in (
            ("ROLE", role, row["of_role"], row["used_by_role"]),
            ("DATABASE", database, row["of_database"], row["used_in_database"]),
        ):
            if most >= 0:
                place = f"{kind} {name} CONNECTION LIMIT"
                limits.append(ConnectionLimit(place, most, used, ours, f"psql -c 'ALTER {place} {{}}'"))
    yield judge_connections(limits, workers=patient.settings.workers)


def judge_connections(limits: Sequence[ConnectionLimit], *, workers: int) -> Symptom:
    """Return what follows from the tightest limit: the one that leaves the product the fewest connections."""
    need = workers * MOST_CONNECTIONS + BESIDE
    tight = min(limits, key=lambda one: one.most - one.used)
    short = min(limits, key=lambda one: one.most - (one.used - one.ours))
    near = tight.used * 100 >= tight.most * NEAR_PERCENT
    limit = tight if near else short
    others = limit.used - limit.ours
    code = "near" if near else "few" if limit.most - others < need else "enough"
    command = limit.command.format(need + others + limit.reserved)
    named = {"limit": limit.name, "most": limit.most, "used": limit.used, "others": others}
    return Symptom(code, {**named, "need": need, "workers": workers, "command": command})


def _shown(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT coalesce(current_setting(%s, true), '')", [name]).fetchone()
    assert row is not None
    return str(row[0])
