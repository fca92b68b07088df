"""What the doctor says of a real PostgreSQL server: what commits wait for, who receives the log, connections."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from cbt.config import Settings, Sourced
from cbt.ops.doctor import postgresql
from cbt.ops.doctor.commands import CHECKS
from cbt.ops.doctor.findings import Diagnosis, Grade, Patient, diagnosis
from cbt.ops.doctor.postgresql import FAR_BYTES, ConnectionLimit, ServerSetting, Standby
from tests.conftest import IN_CI
from tests.databases import PostgresServer, find_binaries, start_own
from torture.sites.waiting import wait_for

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
MOST, RESERVED = 40, 3
ROLE = "CREATE ROLE exam LOGIN"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server as it comes: every COMMIT waits for the disk, few connections."""
    started = start_own({"max_connections": str(MOST), "wal_sender_timeout": "0", "autovacuum": "off"})
    if started is None:
        if IN_CI:
            pytest.fail("PostgreSQL is missing: install postgresql")
        pytest.skip("PostgreSQL is missing: the doctor did not look at it")
    started.create("exam")
    ask(started, ROLE)
    yield started
    started.stop()


def ask(server: PostgresServer, *queries: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        for query in queries:
            cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def reloaded(server: PostgresServer, *queries: str) -> None:
    """Change the server's own settings; whoever connects from now on has them."""
    ask(server, *queries, "SELECT pg_reload_conf()", "SELECT pg_sleep(0.1)")


def found(server: PostgresServer, check: str, *, workers: int = 1, more: str = "") -> list[Diagnosis]:
    """What the product's role is told of its own database."""
    url = server.url("exam").replace("://cbt@", "://exam@") + more
    settings = Settings(data_dir=Path("data"), database_url=url, workers=workers)
    patient = Patient(Sourced(settings, None, {}, adrift=False), NOW, "")
    return [diagnosis(check, CHECKS[check].codes, seen) for seen in CHECKS[check].examine(patient)]


def codes(diagnoses: list[Diagnosis]) -> list[tuple[str, Grade]]:
    return [(one.code, one.grade) for one in diagnoses]


def test_what_a_commit_waits_for_is_asked_where_the_product_is_told(server: PostgresServer) -> None:
    """Off for the server, role, database, the role in it, or by the address: each is named, and put right."""
    assert codes(found(server, "commits")) == [("forced", Grade.OK)]
    off = "SET synchronous_commit = off"
    for place, command in (
        ('ALTER DATABASE "exam"', """psql -c 'ALTER DATABASE "exam" RESET synchronous_commit'"""),
        ('ALTER ROLE "exam"', """psql -c 'ALTER ROLE "exam" RESET synchronous_commit'"""),
        ('ALTER ROLE "exam" IN DATABASE "exam"',
         """psql -c 'ALTER ROLE "exam" IN DATABASE "exam" RESET synchronous_commit'"""),
        ("ALTER SYSTEM",
         "psql -c 'ALTER SYSTEM SET synchronous_commit = on' -c 'SELECT pg_reload_conf()'"),
    ):  # fmt: skip
        reloaded(server, f"{place} {off}")
        [told] = found(server, "commits")
        assert (told.code, told.grade) == ("unwaited", Grade.FAIL)
        assert command in told.fix
        assert place in told.what or "postgresql" in told.what
        for statement in command.split("'")[1::2]:  # what it says puts it right
            ask(server, statement)
        reloaded(server, "SELECT 1")
        assert codes(found(server, "commits")) == [("forced", Grade.OK)], place
    [told] = found(server, "commits", more="?options=-c%20synchronous_commit%3Doff")
    assert "CBT_DATABASE_URL" in told.what
    assert "-c synchronous_commit=on" in told.fix

    reloaded(server, "ALTER SYSTEM SET fsync = off")
    assert codes(found(server, "commits")) == [("unforced", Grade.FAIL)]
    reloaded(server, "ALTER SYSTEM SET fsync = on", "ALTER SYSTEM SET full_page_writes = off")
    assert codes(found(server, "commits")) == [("unforced", Grade.FAIL)]
    reloaded(server, "ALTER SYSTEM RESET ALL")


def test_a_standby_is_far_behind_gone_or_lacking(server: PostgresServer, tmp_path: Path) -> None:
    assert codes(found(server, "standbys")) == [("alone", Grade.NONE)]
    ask(server, "SELECT pg_create_physical_replication_slot('second', true)")
    binaries = find_binaries()
    assert binaries is not None
    process = subprocess.Popen(
        [binaries / "pg_receivewal", "--synchronous", "--slot", "second", "--directory", tmp_path, "--no-loop",
         "--dbname", f"{server.admin_url.replace('/postgres', '')}?application_name=second"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def comes(*wanted: tuple[str, Grade]) -> bool:
        return wait_for(lambda: codes(found(server, "standbys")) == list(wanted), 20)

    try:
        assert comes(("unseen", Grade.WARN))
        [told] = found(server, "standbys")
        ask(server, told.fix.split("'")[1])  # what it says puts it right
        assert comes(("near", Grade.OK))
        reloaded(server, "ALTER SYSTEM SET synchronous_standby_names = 'second'")
        assert comes(("near", Grade.OK))
        reloaded(server, "ALTER ROLE exam SET synchronous_commit = local")
        assert codes(found(server, "commits")) == [("local", Grade.WARN)]
        reloaded(server, "ALTER ROLE exam RESET synchronous_commit")

        process.send_signal(signal.SIGSTOP)
        piece = FAR_BYTES // 8
        wal = f"SELECT pg_logical_emit_message(false, 'cbt', repeat('x', {piece})) FROM generate_series(1, 9)"
        ask(server, "SET synchronous_commit = local", wal)
        assert comes(("lags", Grade.WARN))
        [told] = found(server, "standbys")
        assert "second" in told.what
        assert "16 MiB" in told.what
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait(60)
    assert comes(("missing", Grade.FAIL), ("gone", Grade.WARN))
    reloaded(server, "ALTER SYSTEM RESET ALL")
    assert comes(("gone", Grade.WARN))
    [told] = found(server, "standbys")
    ask(server, told.fix.split('"')[1])
    assert comes(("alone", Grade.NONE))


def test_connections_are_held_against_what_the_workers_ask_for(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    [told] = found(server, "connections", workers=3)
    assert (told.code, told.grade) == ("few", Grade.WARN)
    assert "248" in told.what  # three times 80, and 8 beside
    advised = re.search(r"max_connections = (\d+)", told.fix)
    assert advised is not None
    assert 248 + RESERVED <= int(advised[1]) <= 248 + RESERVED + 4  # and who is just leaving

    monkeypatch.setattr(postgresql, "MOST_CONNECTIONS", 10)
    assert codes(found(server, "connections")) == [("enough", Grade.OK)]
    ask(server, "ALTER ROLE exam CONNECTION LIMIT 12")
    [told] = found(server, "connections")
    assert told.code == "few"
    assert 'ALTER ROLE "exam" CONNECTION LIMIT 18' in told.fix
    ask(server, told.fix.split("'")[1])
    assert codes(found(server, "connections")) == [("enough", Grade.OK)]

    with ExitStack() as held:
        for _ in range(34):
            held.enter_context(closing(psycopg.connect(server.admin_url)))
        [told] = found(server, "connections")
        assert (told.code, told.grade) == ("near", Grade.FAIL)
        assert re.search(r" 3[4-6] ", told.what)  # and who is just leaving
    ask(server, "ALTER ROLE exam CONNECTION LIMIT -1")


def limit(most: int, used: int, ours: int) -> ConnectionLimit:
    return ConnectionLimit("max_connections", most, used, ours, "{}")


def test_the_edges_of_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last that is well, and the first that is not."""
    monkeypatch.setattr(postgresql, "MOST_CONNECTIONS", 12)  # one worker and 8 beside: 20
    judge = postgresql.judge_connections
    assert judge([limit(30, 15, 5)], workers=1).code == "enough"
    assert judge([limit(29, 15, 5)], workers=1).code == "few"
    assert judge([limit(29, 15, 5)], workers=1).params["command"] == "30"
    assert judge([limit(100, 89, 89)], workers=1).code == "enough"
    assert judge([limit(100, 90, 90)], workers=1).code == "near"

    def standby(**changed: object) -> Standby:
        values = {"name": "a", "sync_state": "async", "seen": True, "bytes": 0, "seconds": 0.0} | changed
        return Standby(**values)  # type: ignore[arg-type]

    def told(*standbys: Standby, named: str = "") -> list[str]:
        return [one.code for one in postgresql.judge_standbys(standbys, [], named=named, role="exam")]

    assert told(standby(bytes=FAR_BYTES - 1, seconds=9.9)) == ["near"]
    assert told(standby(bytes=FAR_BYTES)) == ["lags"]
    assert told(standby(seconds=10.0)) == ["lags"]
    both = standby(sync_state="sync"), standby(name="b", sync_state="quorum")
    for named, wanted in (("a, b", 1), ("FIRST 2 (a, b)", 2), ("any 3 (a, b, c)", 3), ("2(a, b)", 2)):
        for count in range(3):
            assert ("missing" in told(*both[:count], named=named)) is (count < wanted), named


def test_nothing_is_said_of_a_database_that_is_not_there(tmp_path: Path) -> None:
    for url in ("", "postgresql+psycopg://exam@127.0.0.1:1/exam"):
        settings = Settings(data_dir=tmp_path, database_url=url)
        patient = Patient(Sourced(settings, None, {}, adrift=False), NOW, "")
        for check in ("commits", "standbys", "connections"):
            assert [one.code for one in CHECKS[check].examine(patient)] == ["nothing"]  # type: ignore[union-attr]


def test_where_a_setting_stands_is_said_as_whoever_changes_it_knows_it() -> None:
    def row(source: str, file: str | None = None) -> ServerSetting:
        return ServerSetting("fsync", "off", source, file, 7 if file else None, "exam", "exam")

    assert row("configuration file", "/etc/pg.conf").where == "/etc/pg.conf:7"
    assert row("configuration file").where == "postgresql.conf"
    assert row("command line").where == "postgres -c"
    assert row("command line").command == "-c fsync=on"
