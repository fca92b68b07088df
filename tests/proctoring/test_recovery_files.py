"""导入作答恢复文件: what is accepted, what is refused with which words, what is kept."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.audit.verification import verify
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import JournalEntry, LateEntry, RecoveredEntry, RecoveryImport
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed
from cbt.storage.unit_of_work import reading
from tests.delivery.driver import Page
from tests.delivery.recovery_files import carried, recovery_file, seal
from tests.proctoring.desk import audited, log_kinds, running
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
END = PLANNED + 45 * MINUTE


class Scene:
    """A theory paper with two saved answers; three more never arrived, one of them for an answered position."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.page = running(world, "theory")["theory"]
        world.clock.set(PLANNED + 40 * MINUTE)
        self.receipts: list[dict[str, Any]] = []
        for position in (1, 2):
            self.receipts += self.page.answer(position, "A").get_json()["receipts"]
        typed = PLANNED + 41 * MINUTE
        self.entries = [carried(self.page, position, "B", typed) for position in (2, 3, 4)]
        self.file = recovery_file(self.page, *self.entries, receipts=self.receipts, made_at=END)

    def close(self) -> None:
        """Let the deadline close the paper, and score it."""
        self.world.clock.set(END + MINUTE)
        with self.world.app.app_context():
            expire_overdue(now=self.world.clock.now())
            score_closed(now=self.world.clock.now())

    def post(self, text: str, *, role: str = "proctor", keep: bool = False, room: str = "") -> TestResponse:
        """Send a file to be checked, or (`keep`) the checked one to be kept."""
        url = f"/proctor/rooms/{room or self.world.room_ref}/recovery"
        client = self.world.staff(role)
        if keep:
            return client.post(url, data={"content": text})
        return client.post(url, data={"file": (io.BytesIO(text.encode()), "seat-01.cbtr")})

    def late(self) -> list[LateEntry]:
        """Return the evidence."""
        with self.world.app.app_context(), reading() as session:
            return list(session.scalars(select(LateEntry).order_by(LateEntry.seq)))


@pytest.fixture
def scene(world: World) -> Scene:
    """The paper, still running."""
    return Scene(world)


def test_a_file_is_checked_then_kept_as_evidence_and_scores_nothing(scene: Scene) -> None:
    scene.close()
    checked = scene.post(scene.file)
    assert checked.status_code == 200
    for word in ("王小明", "封签完好", "2 份保存回执"):
        assert word in checked.text
    assert scene.world.sitters["theory"].document not in checked.text
    assert scene.late() == []
    kept = scene.post(scene.file, keep=True)
    assert kept.status_code == 303
    assert [(row.position, row.value, row.seq) for row in scene.late()] == [
        (2, '"B"', 3),
        (3, '"B"', 4),
        (4, '"B"', 5),
    ]
    with scene.world.app.app_context(), reading() as session:
        record = session.scalars(select(RecoveryImport)).one()
        assert (record.entries, record.fresh, record.lease_epoch) == (3, 3, 1)
        typed = session.scalars(select(RecoveredEntry.typed_at)).all()
        assert typed == [PLANNED + 41 * MINUTE] * 3
        assert len(session.scalars(select(JournalEntry)).all()) == 2
        assert len(session.scalars(select(Score)).all()) == 1
        assert score_closed(now=scene.world.clock.now()) == 0
        assert verify(session).broken_at is None
    assert "attempt.recover" in audited(scene.world)
    assert "recovered" in log_kinds(scene.world)
    assert (
        "王小明 的作答恢复文件"
        in scene.world.staff("proctor").get(f"/proctor/rooms/{scene.world.room_ref}").text
    )


def test_a_file_says_what_is_delivered_kept_and_overtaken(scene: Scene) -> None:
    first = {**scene.entries[0], "seq": 2, "position": 2, "value": "A"}
    scene.page.send({"seq": 5, "kind": "answer", "position": 4, "value": "B"})
    scene.world.clock.set(END + timedelta(seconds=30))
    scene.page.send({"seq": 4, "kind": "answer", "position": 3, "value": "B"})
    scene.close()
    stale = {**scene.entries[2], "seq": 3, "value": "A"}
    fresh = {**scene.entries[2], "seq": 6, "position": 5, "at": (END + MINUTE).isoformat()}
    text = recovery_file(scene.page, first, scene.entries[1], stale, fresh, made_at=END)
    page = scene.post(text).text
    for word in ("已送达，已计入", "已作为证据保存", "已被更晚的作答取代", "收卷后", "其中服务器没有的 2 题"):
        assert word in page


def test_a_file_that_brings_nothing_offers_no_import(scene: Scene) -> None:
    scene.page.send({"seq": 3, "kind": "answer", "position": 2, "value": "B"})
    scene.close()
    text = recovery_file(scene.page, scene.entries[0], made_at=END)
    assert "没有需要导入的内容" in scene.post(text).text
    assert scene.post(text, keep=True).status_code == 409
    assert scene.late() == []


def altered(text: str, **changed: object) -> str:
    """Return a file with parts of its outside changed."""
    return json.dumps({**json.loads(text), **changed})


@pytest.mark.parametrize(
    ("case", "status", "words"),
    [
        pytest.param("body", 422, "封签不符", id="a changed answer"),
        pytest.param("epoch", 422, "封签不符", id="sealed under another lease"),
        pytest.param("whose", 422, "封签不符", id="put under another candidate's name"),
        pytest.param("cut", 422, "不完整", id="cut in the middle"),
        pytest.param("other", 422, "不完整", id="some other file"),
        pytest.param("unknown", 409, "没有这份文件对应的答卷", id="an attempt of another system"),
        pytest.param("future", 409, "没有这份文件对应的答卷", id="a lease that never was"),
        pytest.param("receipt", 409, "矛盾", id="receipts the journal does not know"),
        pytest.param("number", 409, "矛盾", id="a number the journal gave to another answer"),
        pytest.param("shape", 422, "不完整", id="an answer no page can have written"),
    ],
)
def test_what_is_refused(scene: Scene, case: str, status: int, words: str) -> None:
    again = Page(scene.world, "theory")
    again.client = scene.page.client
    assert again.start().status_code == 200
    assert Page(scene.world, "extra").start().status_code == 200
    scene.close()
    page, whole = scene.page, json.loads(scene.file)
    body = whole["body"]
    files = {
        "body": altered(scene.file, body=("B" if body[0] == "A" else "A") + body[1:]),
        "epoch": altered(scene.file, epoch=2),
        "whose": altered(scene.file, attempt=scene.world.sitters["extra"].attempt_ref),
        "cut": scene.file[: len(scene.file) // 2],
        "other": '{"format": "something else"}',
        "unknown": altered(scene.file, attempt="at_nobody"),
        "future": altered(scene.file, epoch=9),
        "receipt": recovery_file(
            page, receipts=[{**scene.receipts[0], "at": PLANNED.isoformat()}], made_at=END
        ),
        "number": recovery_file(page, {**scene.entries[0], "seq": 1}, made_at=END),
        "shape": recovery_file(page, {**scene.entries[0], "value": "Z"}, made_at=END),
    }
    for keep in (False, True):
        reply = scene.post(files[case], keep=keep)
        assert (reply.status_code, words in reply.text) == (status, True)
    assert scene.late() == []


def test_another_candidates_lease_cannot_seal_for_this_one(scene: Scene) -> None:
    other = Page(scene.world, "second")
    assert other.start().status_code == 200
    scene.close()
    content = {"made_at": END.isoformat(), "entries": scene.entries, "receipts": []}
    forged = seal(content, other.opened["seal"], scene.page.ref, 1)
    assert "封签不符" in scene.post(forged).text


def test_a_second_import_and_another_room_are_refused(scene: Scene) -> None:
    scene.close()
    assert scene.post(scene.file, keep=True).status_code == 303
    again = scene.post(scene.file)
    assert (again.status_code, "导入过" in again.text) == (409, True)
    elsewhere = scene.post(scene.file, role="proctor_elsewhere", room=scene.world.other_room_ref)
    assert (elsewhere.status_code, "其他考场" in elsewhere.text) == (409, True)
    assert "王小明" not in elsewhere.text
    assert scene.post(scene.file, role="proctor_elsewhere").status_code == 404


def test_while_the_paper_is_open_the_page_is_told_to_send(scene: Scene) -> None:
    reply = scene.post(scene.file)
    assert (reply.status_code, "自行送达" in reply.text) == (409, True)
    assert scene.post("", keep=False).status_code == 422
    assert (
        scene.world.staff("proctor").get(f"/proctor/rooms/{scene.world.room_ref}/recovery").status_code == 200
    )


def test_the_file_cannot_be_read_without_the_secret_of_its_lease(scene: Scene) -> None:
    whole = json.loads(scene.file)
    assert set(whole) == {"format", "attempt", "epoch", "nonce", "body", "seal"}
    assert scene.page.opened["seal"] not in scene.file
    assert len(scene.page.opened["seal"]) == 64
