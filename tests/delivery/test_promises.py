"""Saves, hand-ins and starts that wait for their commit in no thread: answered and explained as ever."""

from __future__ import annotations

import gc
import gzip
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cbt.audit.anchor import FILE, Anchor
from cbt.audit.chain import head_of
from cbt.errors import Unavailable
from cbt.http.responses import SECURITY_HEADERS
from cbt.http.server.front import Front
from cbt.http.server.lanes import ThreadPool, lane_of
from cbt.http.server.wsgi import BufferedRequest
from cbt.runner.attempt_changes import send_message
from cbt.runner.models import Attempt
from cbt.runner.save import handler
from cbt.runner.start.handler import OpenedReply, pack_papers
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.attacks.test_bodies import Protocol
from tests.delivery import fronted
from tests.delivery.driver import Page, opened_page
from tests.delivery.fronted import Fronted, play, said
from tests.world import World


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What a thread was asked to do."""
    found: list[Callable[[], None]] = []
    put = ThreadPool.put

    def noted(self: ThreadPool, work: Callable[[], None]) -> bool:
        found.append(work)
        return put(self, work)

    monkeypatch.setattr(ThreadPool, "put", noted)
    return found


@pytest.fixture
def page(world: World) -> Page:
    return opened_page(world)


def sent(page: Page, path: str, body: object, **headers: str) -> Protocol:
    """Send one request through the front, as a server process has it."""
    protocols = []

    async def scene(fronted: Fronted) -> None:
        protocol, asked = fronted.post(f"/attempts/{page.ref}/{path}", body, **headers)
        await asked
        protocols.append(protocol)

    play(page, scene, lane=lane_of(page.world.app))
    return protocols[0]


def save(page: Page, *entries: dict[str, Any], **headers: str) -> Protocol:
    return sent(page, "answers", {"epoch": page.epoch, "entries": list(entries)}, **headers)


def test_a_save_is_answered_as_ever_and_no_thread_waits(page: Page, works: list[Any]) -> None:
    entry = page.entry(1, "A")
    by_client = page.send(entry)
    protocol = save(page, entry)
    assert works == []
    assert said(protocol) == (200, by_client.get_data(as_text=True))
    assert protocol.answer is not None
    headers = dict(protocol.answer[1])
    assert headers.items() >= {**SECURITY_HEADERS, "Content-Type": "application/json"}.items()
    assert int(headers["Content-Length"]) == len(protocol.answer[2])


def test_an_attempt_that_the_process_has_not_met_is_met_by_a_thread(page: Page, works: list[Any]) -> None:
    page.world.app.extensions["cbt_journal"].infos._known.clear()
    status, text = said(save(page, page.entry(1, "A")))
    assert (status, len(json.loads(text)["receipts"]), len(works)) == (200, 1, 1)


def test_a_long_body_is_read_by_a_thread(
    page: Page, works: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "SHORT_BODY", 10)
    assert said(save(page, page.entry(1, "A")))[0] == 200
    assert len(works) == 1


def test_a_refusal_is_explained_by_the_view_in_a_thread(page: Page, works: list[Any]) -> None:
    page.epoch += 1
    status, text = said(save(page, page.entry(1, "A")))
    assert (status, json.loads(text)["code"], len(works)) == (409, "lease.lost", 1)


def test_what_cannot_be_read_is_explained_by_the_view(page: Page) -> None:
    status, text = said(sent(page, "answers", []))
    assert (status, json.loads(text)["code"]) == (422, "web.bad_request")


def test_a_commit_that_fails_promises_nothing(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise Unavailable("db.write")

    monkeypatch.setattr(page.world.app.extensions["cbt_journal"].commits, "before_commit", fail)
    status, text = said(save(page, page.entry(1, "A")))
    assert (status, json.loads(text)["code"]) == (503, "db.write")
    monkeypatch.undo()
    assert page.start().get_json()["journal"]["answers"] == {}


@pytest.mark.parametrize(
    ("locale", "said_is"),
    [("zh", "服务器正忙，这次没有保存。"), ("en", "The server is busy; this was not saved.")],
)
@pytest.mark.parametrize("path", ["answers", "submit", "start"])
def test_whoever_comes_too_early_is_told_when_to_come_again_by_no_thread(
    page: Page, works: list[Any], monkeypatch: pytest.MonkeyPatch, path: str, locale: str, said_is: str
) -> None:
    admissions = {one.admission for one in page.world.app.extensions["cbt_journal"]._writers}
    for one in admissions:
        monkeypatch.setattr(one, "refusal", lambda *_a, **_g: Unavailable("db.busy", seconds=4))
    page.world.app.extensions["cbt_news"].look()
    body = {} if path == "start" else {"epoch": page.epoch, "entries": [page.entry(1, "A")]}
    protocol = sent(page, path, body, **{"x-cbt-locale": locale})
    assert works == []
    assert protocol.answer is not None
    status, headers, raw = protocol.answer
    told = json.loads(raw)
    assert (status, dict(headers)["Retry-After"]) == (503, "4")
    assert dict(headers).items() >= SECURITY_HEADERS.items()
    assert (told["code"], told["seconds"], told["message"]) == ("db.busy", 4, said_is)
    assert "receipts" not in told, "nothing is acknowledged"
    monkeypatch.undo()
    assert page.start().get_json()["journal"]["answers"] == {}


def test_what_waited_for_longer_than_the_grace_is_refused_by_no_thread(
    page: Page, works: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cbt.runner.save.attempt_row.Guard.is_stale", lambda *_a, **_g: True)
    protocol = save(page, page.entry(1, "A"))
    status, text = said(protocol)
    assert (status, json.loads(text)["code"], works) == (503, "request.stale", [])
    assert protocol.answer is not None
    assert int(dict(protocol.answer[1])["Retry-After"]) >= 1


def test_a_refusal_is_the_same_where_another_server_calls_the_app(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = page.world.app.extensions["cbt_journal"].writer
    monkeypatch.setattr(writer.admission, "refusal", lambda *_a, **_g: Unavailable("db.busy", seconds=4))
    reply = page.send(page.entry(1, "A"))
    assert (reply.status_code, reply.get_json()["code"]) == (503, "db.busy")
    assert reply.headers["Retry-After"] == "4"


@pytest.mark.parametrize(
    ("waited", "status"),
    [pytest.param(3.99, 200, id="still waited for"), pytest.param(4.0, 503, id="given up")],
)
def test_what_waited_for_a_thread_until_its_page_gave_it_up_is_not_carried_out(
    page: Page, monkeypatch: pytest.MonkeyPatch, waited: float, status: int
) -> None:
    page.world.app.extensions["cbt_journal"].infos._known.clear()  # a thread's, as any other request
    instants = iter([100.0 - waited])
    monkeypatch.setattr(fronted, "Front", partial(Front, timer=lambda: next(instants, 100.0)))
    monkeypatch.setattr("cbt.http.server.front.Front._tend", no_looks)
    protocol = save(page, page.entry(1, "A"))
    assert protocol.answer is not None
    assert protocol.answer[0] == status
    if status != 200:
        assert int(dict(protocol.answer[1])["retry-after"]) >= 1
    assert bool(page.start().get_json()["journal"]["answers"]) is (status == 200)


async def no_looks(_front: object) -> None:
    """Look after no bodies: the time stands still here."""


def test_each_request_is_counted_once_by_what_it_was(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[str, int]] = []

    def count(endpoint: str, status: int, _seconds: float) -> None:
        counted.append((endpoint, status))

    monkeypatch.setattr(page.world.app.extensions["cbt_metrics"], "answered", count)
    save(page, page.entry(1, "A"))
    save(page)
    opened(page)
    page.epoch += 7
    save(page, page.entry(1, "A"))
    assert counted == [
        ("attempts.answers", 200),
        ("attempts.beat", 200),
        ("attempts.start", 200),
        ("attempts.answers", 409),
    ]


def test_a_reminder_comes_with_a_promised_save(page: Page) -> None:
    remind(page)
    told = json.loads(said(save(page, page.entry(1, "A")))[1])
    assert [one["text"] for one in told["clock"]["messages"]] == ["请保持安静"]


def remind(page: Page) -> None:
    world = page.world
    with world.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        send_message(session, attempt, now=world.clock.now(), text="请保持安静", actor="staff:test")


def test_the_loop_waits_for_no_commit(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    on_disk = threading.Event()
    carrier = page.world.app.extensions["cbt_journal"].writer.carriers[0]
    carry_out = carrier.carry_out

    def held(*given: Any) -> Any:
        assert on_disk.wait(60)
        return carry_out(*given)

    monkeypatch.setattr(carrier, "carry_out", held)

    async def scene(fronted: Fronted) -> None:
        body = {"epoch": page.epoch, "entries": [page.entry(1, "A")]}
        protocol, asked = fronted.post(f"/attempts/{page.ref}/answers", body)
        clock, seen = fronted.poll(f"/attempts/{page.ref}/clock")
        await seen
        assert (clock.answer is not None, asked.done(), protocol.answer) == (True, False, None)
        on_disk.set()
        await asked
        assert said(protocol)[0] == 200

    play(page, scene, lane=lane_of(page.world.app))


# --- hand-ins ----------------------------------------------------------------------------------------------


@pytest.fixture
def ripe(page: Page) -> Page:
    """A page whose paper may be handed in."""
    page.world.clock.advance(timedelta(minutes=31))
    page.send()
    return page


def hand_in(page: Page, *entries: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    protocol = sent(page, "submit", {"epoch": page.epoch, "entries": list(entries)})
    status, text = said(protocol)
    return status, json.loads(text)


def anchored(page: Page, folder: Path) -> Anchor:
    anchor = page.world.app.extensions["cbt_anchor"] = Anchor(folder / FILE, folder / "mark")
    return anchor


def test_a_paper_is_handed_in_as_ever_and_no_thread_waits(ripe: Page, works: list[Any]) -> None:
    entry = ripe.entry(1, "A")
    status, told = hand_in(ripe, entry)
    assert (status, works) == (200, [])
    assert [one["seq"] for one in told["receipts"]] == [entry["seq"]]
    assert hand_in(ripe, entry) == (200, told)
    assert works == []
    assert ripe.submit(entry).get_json() == told


def test_a_hand_in_that_is_refused_is_explained_by_the_view_and_not_tried_again(
    page: Page, works: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    journal = page.world.app.extensions["cbt_journal"]
    carry_out = journal.commits.carry_out
    monkeypatch.setattr(
        journal.commits, "carry_out", lambda batch, *how: asked.append(batch) or carry_out(batch, *how)
    )
    status, told = hand_in(page)
    assert (status, told["code"], len(works), len(asked)) == (425, "submit.too_early", 1, 1)


def test_a_hand_in_under_a_lease_that_was_lost_is_explained_by_the_view(ripe: Page, works: list[Any]) -> None:
    ripe.epoch += 1
    status, told = hand_in(ripe)
    assert (status, told["code"], len(works)) == (409, "lease.lost", 1)


def test_a_hand_in_whose_commit_fails_is_promised_nothing(
    ripe: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise Unavailable("db.write")

    monkeypatch.setattr(ripe.world.app.extensions["cbt_journal"].commits, "before_commit", fail)
    status, told = hand_in(ripe)
    assert (status, told["code"]) == (503, "db.write")
    monkeypatch.undo()
    assert ripe.send().status_code == 200  # it is open as before


def test_a_hand_in_is_answered_by_a_thread_once_its_head_is_on_the_other_disk(
    ripe: Page, works: list[Any], tmp_path: Path
) -> None:
    anchor = anchored(ripe, tmp_path)
    lines_at_answer = []
    text = handler.handed_in_text

    def noted(*what: Any) -> str:
        lines_at_answer.append(anchor.path.read_text().count("\n"))
        return text(*what)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler, "handed_in_text", noted)
        status, _ = hand_in(ripe)
    assert (status, len(works), lines_at_answer) == (200, 1, [1])
    with ripe.world.app.app_context(), reading() as session:
        assert anchor.path.read_text().splitlines() == [str(head_of(session))]
    assert hand_in(ripe)[0] == 200
    assert len(works) == 1  # nothing follows a repeat


def test_a_hand_in_whose_follow_up_breaks_gets_its_receipt_from_the_view(
    ripe: Page, works: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchor = anchored(ripe, tmp_path)

    def breaks(_line: str) -> None:
        raise MemoryError

    monkeypatch.setattr(anchor, "follow", breaks)
    status, told = hand_in(ripe)
    assert (status, len(works)) == (200, 1)
    assert ripe.submit().get_json()["receipt"] == told["receipt"]


def test_a_hand_in_is_counted_as_one(ripe: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[str, int]] = []
    metrics = ripe.world.app.extensions["cbt_metrics"]
    monkeypatch.setattr(
        metrics, "answered", lambda endpoint, status, _took: counted.append((endpoint, status))
    )
    hand_in(ripe)
    assert counted == [("attempts.submit", 200)]


# --- starts ------------------------------------------------------------------------------------------------


def opened(page: Page, *, encoding: str = "gzip") -> tuple[int, dict[str, Any]]:
    """Start through the front, in a process that looked at the end of the log just now."""
    watcher = page.world.app.extensions["cbt_news"]
    now = watcher._timer()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watcher, "_timer", lambda: now)  # a busy machine makes no look an old one
        watcher.look()
        protocol = sent(page, "start", {}, **{"accept-encoding": encoding})
    assert protocol.answer is not None
    status, headers, body = protocol.answer
    assert int(dict(headers)["Content-Length"]) == len(body)
    packed = dict(headers).get("Content-Encoding") == "gzip"
    assert packed or encoding != "gzip" or status != 200
    told: dict[str, Any] = json.loads(gzip.decompress(body) if packed else body)
    return status, told


def packed_page(world: World) -> Page:
    """Return a page whose paper lies there packed, in a process that has written the head of such a paper."""
    world.admit_all()
    with world.app.app_context():
        pack_papers(now=world.clock.now())
    world.start()
    page = Page(world, "theory")
    assert page.start().status_code == 200
    return page


def the_same(told: dict[str, Any], before: dict[str, Any]) -> bool:
    changing = {"lease", "epoch", "seal", "seals", "number"}
    return all(told[name] == before[name] for name in before if name not in changing)


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_paper_that_lies_there_is_opened_as_ever_and_no_thread_waits(
    world: World, works: list[Any], encoding: str
) -> None:
    page = packed_page(world)
    status, told = opened(page, encoding=encoding)
    assert (status, works) == (200, [])
    assert told["epoch"] == page.epoch + 1
    assert the_same(told, page.opened)


def test_a_paper_that_is_to_be_joined_is_joined_by_a_thread(page: Page, works: list[Any]) -> None:
    status, told = opened(page)
    assert (status, len(works), told["epoch"]) == (200, 1, page.epoch + 1)
    assert the_same(told, page.opened)


def test_a_start_before_the_end_of_the_log_is_known_is_begun_by_a_thread(
    world: World, works: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = packed_page(world)
    watcher = world.app.extensions["cbt_news"]
    monkeypatch.setattr(type(watcher), "is_up_to_date", False)
    status, told = opened(page)
    assert (status, len(works), told["epoch"]) == (200, 1, page.epoch + 1)


def test_a_reply_that_fails_is_written_again_by_a_thread(
    world: World, works: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = packed_page(world)
    packed, failed = OpenedReply.packed, list[OpenedReply]()

    def fails_once(reply: OpenedReply) -> bytes:
        if not failed:
            failed.append(reply)
            raise MemoryError
        return packed(reply)

    monkeypatch.setattr(OpenedReply, "packed", fails_once)
    status, told = opened(page)
    assert (status, len(works), told["epoch"]) == (200, 1, page.epoch + 1)


def test_a_reminder_comes_with_the_paper(world: World) -> None:
    page = packed_page(world)
    remind(page)
    status, told = opened(page)
    assert status == 200
    assert [one["text"] for one in told["clock"]["messages"]] == ["请保持安静"]


def test_a_start_that_is_refused_is_explained_by_the_view(page: Page, works: list[Any]) -> None:
    elsewhere = Page(page.world, "theory", machine="seat-99")
    status, told = opened(elsewhere)
    assert (status, told["code"], len(works)) == (409, "lease.held", 1)
    page.ref = page.world.sitters["second"].attempt_ref
    status, told = opened(page)
    assert (status, told["code"]) == (404, "attempt.unknown")


def test_nothing_of_a_promised_request_waits_for_the_collector(page: Page) -> None:
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(2):  # the thread that told of a batch lets it go with the next one
            assert said(save(page, page.entry(1, "A")))[0] == 200
        gc.collect()
        left = [one for one in gc.garbage if isinstance(one, BufferedRequest)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []
