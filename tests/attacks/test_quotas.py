"""One lease cannot fill the disk, and no honest candidate notices that it cannot (R-40, R-41; I12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select

from cbt.errors import TooMany
from cbt.http.auth.machine import token_hash
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import AttemptLive, JournalEntry, LateEntry
from cbt.runner.protocol import Save, read_entries
from cbt.runner.save import batch, journal
from cbt.runner.save.batch import MOST_BYTES, MOST_ROWS
from cbt.runner.save.journal import BURST, PER_SECOND, LeaseRate
from cbt.storage.engine import WRITE
from cbt.storage.migrate import _config, migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.conftest import close_engine
from tests.delivery.driver import Page
from tests.helpers import count_queries
from tests.proctoring.desk import Desk, attempt, done, room, running
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
PREVIOUS = "0010"
"""The revision before the counters."""
ROWS = 12
"""A quota small enough to be reached by a test."""


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST_ROWS", ROWS)


@pytest.fixture
def few_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST_BYTES", 400)


@pytest.fixture
def page(world: World) -> Page:
    return running(world, "theory")["theory"]


def counted(world: World, name: str = "theory") -> tuple[int, int]:
    with world.app.app_context(), reading() as session:
        live = session.get_one(AttemptLive, world.sitters[name].attempt_id)
        return live.kept_rows, live.kept_bytes


def stored(world: World, name: str = "theory") -> tuple[int, int]:
    """What is on disk, counted row by row."""
    rows = size = 0
    with world.app.app_context(), reading() as session:
        for table in (JournalEntry, LateEntry):
            values = session.scalars(
                select(table.value).where(table.attempt_id == world.sitters[name].attempt_id)
            ).all()
            rows += len(values)
            size += sum(len(value.encode()) for value in values if value is not None)
    return rows, size


KINDS = [
    pytest.param("answer", 1, "A", id="answers"),
    pytest.param("answer", 1, None, id="answers taken back"),
    pytest.param("flag", 1, True, id="flags"),
    pytest.param("strike", 41, "A", id="strikes"),
    pytest.param("note", 1, "笔记", id="notes"),
    pytest.param("mark", 1, [[0, 1, 4]], id="marks"),
    pytest.param("setting", 0, {"size": "large"}, id="settings"),
    pytest.param("event", 0, {"type": "blur"}, id="events"),
]


@pytest.mark.parametrize(("kind", "position", "value"), KINDS)
def test_every_kind_counts(
    page: Page, world: World, few_rows: None, kind: str, position: int, value: Any
) -> None:
    for _ in range(ROWS):
        assert page.answer(position, value, kind).status_code == 200
    refused = page.answer(position, value, kind)
    assert (refused.status_code, refused.get_json()["code"]) == (413, "attempt.full")
    assert refused.get_json()["message"]
    assert refused.get_json()["receipts"] == []
    assert counted(world) == stored(world)
    assert stored(world)[0] == ROWS


@pytest.mark.parametrize("late", [False, True], ids=["at one time", "after another login took the lease"])
def test_a_full_journal_stays_full(page: Page, world: World, few_rows: None, late: bool) -> None:
    for _ in range(ROWS):
        page.answer(1, "A")
    if late:
        world.clock.advance(30 * SECOND)
        assert page.start().status_code == 200
    assert page.answer(1, "B").status_code == 413


def test_a_heartbeat_always_finds_room_and_the_seat_is_heard(
    page: Page, world: World, few_rows: None
) -> None:
    for _ in range(ROWS):
        page.answer(1, "A")
    world.clock.advance(10 * SECOND)
    assert page.send().status_code == 200
    world.clock.advance(10 * SECOND)
    assert page.answer(1, "B").status_code == 413
    with world.app.app_context(), reading() as session:
        live = session.get_one(AttemptLive, world.sitters["theory"].attempt_id)
        assert live.seen_at == world.clock.now(), "who is refused for room is not 掉线"


def test_what_is_saved_already_gets_its_receipt_from_a_full_journal(
    page: Page, world: World, few_rows: None
) -> None:
    entries = [page.entry(1, "A") for _ in range(ROWS)]
    first = page.send(*entries).get_json()["receipts"]
    assert page.send(*entries).get_json()["receipts"] == first
    again = page.send(*entries, page.entry(1, "B"))
    assert again.status_code == 413
    assert again.get_json()["receipts"] == first


def test_after_its_end_a_full_paper_says_that_it_is_closed_for_what_it_has(
    page: Page, world: World, few_rows: None
) -> None:
    entries = [page.entry(1, "A") for _ in range(ROWS)]
    first = page.send(*entries).get_json()["receipts"]
    world.clock.advance(7200 * SECOND)
    closed = page.send(*entries).get_json()
    assert (closed["code"], closed["receipts"]) == ("attempt.closed", first)
    assert page.send(*entries, page.entry(1, "B")).get_json()["code"] == "attempt.full"


def test_a_request_that_is_too_much_is_refused_as_a_whole_and_a_smaller_one_fits(
    page: Page, world: World, few_rows: None
) -> None:
    page.answer(1, "A")
    assert page.send(*(page.entry(1, "A") for _ in range(ROWS))).status_code == 413
    assert stored(world)[0] == 1
    assert page.send(*(page.entry(1, "A") for _ in range(ROWS - 1))).status_code == 200


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param("note", "a" * 300, id="letters"),
        pytest.param("note", "考" * 100, id="Chinese counts by its bytes"),
        pytest.param("note", "𬭎" * 80, id="rare characters"),
    ],
)
def test_bytes_count_as_rows_do(page: Page, world: World, few_bytes: None, kind: str, value: str) -> None:
    assert page.answer(1, value, kind).status_code == 200
    assert page.answer(1, value, kind).status_code == 413
    assert counted(world) == stored(world)
    assert page.answer(1, "A").status_code == 200, "a small one still fits"


@pytest.mark.parametrize("path", ["advance", "submit"])
def test_the_other_ways_in_count_too(world: World, few_rows: None, path: str) -> None:
    page = running(world, "skills")["skills"]
    world.clock.set(PLANNED + 31 * MINUTE)
    entries = tuple(page.entry(1, True, "flag") for _ in range(ROWS + 1))
    reply = page.advance(2, completed=True, entries=entries) if path == "advance" else page.submit(*entries)
    assert (reply.status_code, reply.get_json()["code"]) == (413, "attempt.full")
    assert stored(world, "skills") == (0, 0)
    assert attempt(world, "skills").state == "interacting"


def test_evidence_after_the_closing_counts(page: Page, world: World, few_rows: None) -> None:
    page.answer(1, "A")
    world.clock.set(PLANNED + 46 * MINUTE)
    with world.app.app_context():
        assert expire_overdue(now=world.clock.now()) == 1
    late = [page.entry(1, "B") for _ in range(ROWS - 1)]
    for _ in range(3):
        assert page.send(*late).status_code == 410, "what is kept already needs no room"
    assert stored(world)[0] == ROWS
    refused = page.answer(1, "A")
    assert (refused.status_code, stored(world)[0]) == (413, ROWS)
    assert counted(world) == stored(world)


def test_evidence_of_a_unit_that_is_over_counts(world: World, few_rows: None) -> None:
    page = running(world, "skills")["skills"]
    assert page.advance(1, completed=True).status_code == 200
    replies = [page.answer(1, True, "flag").status_code for _ in range(ROWS + 1)]
    assert replies == [410] * ROWS + [413]
    assert counted(world, "skills") == stored(world, "skills")


def test_a_repeat_is_not_counted_twice(page: Page, world: World) -> None:
    entries = [page.entry(1, "A"), page.entry(2, "B"), page.entry(3, "笔记", "note")]
    for _ in range(5):
        assert page.send(*entries).status_code == 200
    assert counted(world) == stored(world)
    assert counted(world)[0] == 3


def test_saves_of_one_batch_share_what_is_left(page: Page, world: World, few_rows: None) -> None:
    """Ten requests that arrive together find the same row: they count as if one after the other."""
    journal = world.app.extensions["cbt_journal"]
    with world.app.app_context():
        info = journal.infos.get(page.ref)
        saves = [
            Save(
                info.attempt_id,
                token_hash(page.lease),
                page.epoch,
                read_entries(info, [page.entry(1, "A"), page.entry(2, "有", "note")]),
                world.clock.now(),
                page.machine,
            )
            for _ in range(10)
        ]
        with unit_of_work() as session:
            cursor = session.connection().connection.cursor()
            outcomes = [one.outcome.value for one in journal.perform(cursor, saves)]
    assert outcomes == ["saved"] * (ROWS // 2) + ["attempt.full"] * (10 - ROWS // 2)
    assert counted(world) == stored(world)
    assert stored(world)[0] == ROWS


def test_the_neighbours_of_a_full_journal_save_on(world: World, few_rows: None) -> None:
    pages = running(world, "theory", "second")
    for _ in range(ROWS + 3):
        pages["theory"].answer(1, "A")
    assert pages["theory"].answer(1, "A").status_code == 413
    assert pages["second"].answer(1, "A").status_code == 200


def test_a_save_costs_no_statement_more(page: Page, world: World) -> None:
    page.answer(1, "A")
    with count_queries(world.app) as seen:
        assert page.answer(2, "B").status_code == 200
    assert [one.split()[0] for one in seen if "attempt" in one or "journal" in one].count("UPDATE") <= 1


def test_the_counters_begin_with_what_is_there(page: Page, world: World) -> None:
    """The migration counts what an installation has written before it, and knows a room that is evacuated."""
    for value in ("甲", "乙乙", None):
        page.answer(1, value, "note")
    done(Desk(world).act("evacuate"))
    before, evacuated_at = counted(world), room(world).evacuated_at
    assert evacuated_at is not None
    with world.app.app_context():
        close_engine(world.app)
        with db.engine.execution_options(**{WRITE: True}).begin() as connection:
            command.downgrade(_config(connection), PREVIOUS)
        migrate()
    assert counted(world) == before == stored(world)
    assert room(world).evacuated_at == evacuated_at


# --- how fast ----------------------------------------------------------------------------------------------


@pytest.fixture
def eager(page: Page) -> Page:
    """A page that has just used up its burst."""
    for _ in range(BURST):
        assert page.send().status_code == 200
    return page


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("answers", id="saves"),
        pytest.param("clock", id="the clock"),
        pytest.param("advance", id="unit ends"),
        pytest.param("submit", id="hand-ins"),
        pytest.param("messages/1/read", id="reminders read"),
    ],
)
def test_too_many_requests_of_one_lease_are_refused_with_the_time_to_wait(eager: Page, path: str) -> None:
    send = eager.client.get if path == "clock" else eager.client.post
    extra = {} if path == "clock" else {"json": {"epoch": eager.epoch, "entries": [], "from_unit": 1}}
    headers = {"X-CBT-Lease": eager.lease, "Accept": "application/json"}
    reply = send(f"/attempts/{eager.ref}/{path}", headers=headers, **extra)
    assert (reply.status_code, reply.get_json()["code"]) == (429, "attempt.too_fast")
    assert int(reply.headers["Retry-After"]) >= 1
    assert "%" not in reply.get_json()["fix"]


def test_nothing_of_a_refused_request_is_stored_and_it_is_taken_after_the_wait(
    eager: Page, world: World
) -> None:
    entry = eager.entry(1, "A")
    refused = eager.send(entry)
    assert refused.status_code == 429
    assert stored(world) == (0, 0)
    world.clock.advance(int(refused.headers["Retry-After"]) * SECOND)
    assert eager.send(entry).status_code == 200


def test_nobody_uses_up_the_rate_of_another(eager: Page, world: World) -> None:
    assert eager.send().status_code == 429
    guessed = world.app.test_client()
    for number in range(5):
        guessed.post(
            f"/attempts/{eager.ref}/answers",
            json={"epoch": 1, "entries": []},
            headers={"X-CBT-Lease": f"guess-{number}"},
        )
    other = Page(world, "extra")
    assert other.start().status_code == 200
    assert other.answer(1, "A").status_code == 200


def test_guessed_leases_do_not_slow_the_true_one(page: Page, world: World) -> None:
    for number in range(BURST + 20):
        page.client.post(
            f"/attempts/{page.ref}/answers",
            json={"epoch": 1, "entries": []},
            headers={"X-CBT-Lease": f"guess-{number % 7}"},
        )
    assert page.answer(1, "A").status_code == 200


def test_a_lease_that_keeps_asking_gets_its_share_and_no_more() -> None:
    rate, taken = LeaseRate(), 0
    for tick in range(60 * 100):  # a minute, a hundred tries a second
        try:
            rate.spend("lease", PLANNED + tick * SECOND / 100)
            taken += 1
        except TooMany:
            pass
    assert BURST + 59 * PER_SECOND <= taken <= BURST + 61 * PER_SECOND


def test_what_a_process_remembers_of_leases_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_LEASES", 100)
    rate = LeaseRate()
    for number in range(1000):
        rate.spend(f"lease-{number}", PLANNED)
    assert len(rate._owed) <= 100


# --- the honest --------------------------------------------------------------------------------------------


def test_the_backlog_of_a_long_outage_passes_at_once(page: Page, world: World) -> None:
    """Every answer, flag, note and strike of the paper and a row of events wait: all of it in one breath."""
    positions = len(page.opened["paper"]["items"])
    backlog = [page.entry(number, "A") for number in range(1, positions + 1)]
    backlog += [page.entry(number, True, "flag") for number in range(1, positions + 1)]
    backlog += [page.entry(number, "记" * 200, "note") for number in range(1, positions + 1)]
    backlog += [page.entry(0, {"type": "blur"}, "event") for _ in range(60)]
    for start in range(0, len(backlog), 100):
        assert page.send(*backlog[start : start + 100]).status_code == 200
    assert counted(world) == stored(world)


def test_four_hundred_entries_in_one_request_pass(page: Page) -> None:
    assert page.send(*(page.entry(1 + number % 100, "A") for number in range(400))).status_code == 200


@pytest.mark.parametrize(
    ("rows", "size"),
    [
        pytest.param(
            100 * 5 * 3 + 1_800, 8_000_000, id="an essay typed for an hour, all items changed five times"
        ),
        pytest.param(100 * 10, 100_000, id="every choice changed ten times"),
        pytest.param(1_800 * 2, 2_000_000, id="a text typed without a break in an exam twice as long"),
    ],
)
def test_the_quota_is_far_above_what_an_honest_candidate_writes(rows: int, size: int) -> None:
    assert rows * 8 <= MOST_ROWS
    assert size * 8 <= MOST_BYTES


def test_a_key_held_down_for_twenty_seconds_is_no_attack() -> None:
    rate = LeaseRate()
    for number in range(20 * 20):
        rate.spend("lease", PLANNED + number * SECOND / 20)


def test_what_a_refusal_says_is_in_both_languages(page: Page, world: World, few_rows: None) -> None:
    for _ in range(ROWS):
        page.answer(1, "A")
    said = set()
    for language in ("zh", "en"):
        # The page sends no cookies with its saves: it says its language itself.
        body = (
            world.app.test_client(use_cookies=False)
            .post(
                f"/attempts/{page.ref}/answers",
                json={"epoch": page.epoch, "entries": [page.entry(1, "A")]},
                headers={"X-CBT-Lease": page.lease, "X-CBT-Locale": language},
            )
            .get_json()
        )
        said.add((body["message"], body["fix"]))
    assert len(said) == 2
    assert not any("attempt.full" in text for pair in said for text in pair)
