"""Answers that wait on a shared machine: whoever has it, or a file of it, can neither read nor make one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from cbt.runner.models import JournalEntry, LateEntry, RecoveredEntry, RecoveryImport
from cbt.storage.unit_of_work import reading
from tests.conftest import Templates, installation
from tests.delivery.driver import Page
from tests.delivery.shelf_files import record, shelf_file
from tests.helpers import FakeClock
from tests.proctoring.test_recovery_files import END, Scene
from tests.world import START, World


@pytest.fixture
def scene(world: World) -> Scene:
    """The paper, closed; three answers wait in the browser, under one lease."""
    made = Scene(world)
    made.close()
    return made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def refusing(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """The same for files that are refused: what they must leave as it was, the next one finds as it was."""
    folder = tmp_path_factory.mktemp("refusing")
    with installation(templates, request.param, folder, FakeClock(START)) as (_, world):
        assert world is not None
        made = Scene(world)
        made.close()
        before = stored(made)
        yield made
        assert stored(made) == before


def stored(scene: Scene) -> list[list[Any]]:
    """Return what an import writes: evidence, imports, and what was saved before."""
    tables: list[Any] = [LateEntry, RecoveryImport, RecoveredEntry, JournalEntry]
    with scene.world.app.app_context(), reading() as session:
        return [sorted(map(tuple, session.execute(select(table.__table__))), key=repr) for table in tables]


def records(scene: Scene, secret: str = "") -> list[dict[str, Any]]:
    seal = secret or scene.page.opened["seal"]
    anchors = [scene.receipts[-1], None, None]
    return [
        record(seal, scene.page.ref, entry, anchor=anchor)
        for entry, anchor in zip(scene.entries, anchors, strict=True)
    ]


def file_of(scene: Scene, *changed: dict[str, Any], ref: str = "") -> str:
    return shelf_file(ref or scene.page.ref, *(changed or records(scene)), made_at=END)


def test_records_of_the_browser_come_in_as_evidence(scene: Scene) -> None:
    checked = scene.post(file_of(scene))
    assert checked.status_code == 200
    for word in ("王小明", "封签完好", "1 份保存回执"):
        assert word in checked.text
    assert scene.post(file_of(scene), keep=True).status_code == 303
    assert [(row.position, row.value, row.seq) for row in scene.late()] == [
        (2, '"B"', 3),
        (3, '"B"', 4),
        (4, '"B"', 5),
    ]


@pytest.mark.parametrize("turned", [False, True], ids=["as it was", "in another order"])
def test_the_same_records_are_not_taken_twice(scene: Scene, turned: bool) -> None:
    assert scene.post(file_of(scene), keep=True).status_code == 303
    again = scene.post(file_of(scene, *(records(scene)[::-1] if turned else records(scene))))
    assert (again.status_code, "导入过" in again.text) == (409, True)


def turned_over(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda one: {"body": turned_over(one["body"])}, id="the answer"),
        pytest.param(lambda one: {"position": 9}, id="its position"),
        pytest.param(lambda one: {"seq": 99}, id="its number"),
        pytest.param(lambda one: {"key": "answer:9"}, id="its name"),
        pytest.param(lambda one: {"nonce": "00" * 16}, id="the nonce"),
        pytest.param(lambda one: {"mac": "0" * 64}, id="the seal"),
        pytest.param(lambda one: {"mac": ""}, id="no seal"),
        pytest.param(lambda one: {"mac": "é"}, id="a seal of other letters"),
    ],
)
def test_a_changed_record_is_refused(refusing: Scene, change: Any) -> None:
    made = records(refusing)
    made[1] |= change(made[1])
    for keep in (False, True):
        reply = refusing.post(file_of(refusing, *made), keep=keep)
        assert (reply.status_code, "封签不符" in reply.text) == (422, True)
    assert refusing.late() == []


def test_a_record_of_another_lease_is_refused(world: World) -> None:
    scene = Scene(world)
    again = Page(world, "theory")
    again.client = scene.page.client
    assert again.start().status_code == 200
    scene.close()
    made = records(scene)
    made[0]["epoch"] = 2
    assert "封签不符" in scene.post(file_of(scene, *made)).text


def test_another_candidates_secret_seals_nothing_for_this_one(world: World) -> None:
    scene, other = Scene(world), Page(world, "second")
    assert other.start().status_code == 200
    scene.close()
    assert "封签不符" in scene.post(file_of(scene, *records(scene, other.opened["seal"]))).text


def test_records_put_under_another_candidates_name_are_refused(world: World) -> None:
    scene, other = Scene(world), Page(world, "extra")
    assert other.start().status_code == 200
    scene.close()
    assert "封签不符" in scene.post(file_of(scene, ref=other.ref)).text


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"records": []}, id="no records"),
        pytest.param({"records": None}, id="records that are none"),
        pytest.param({"records": [None]}, id="a record that is none"),
        pytest.param({"records": [{}]}, id="an empty record"),
        pytest.param({"attempt": 7}, id="an attempt that is a number"),
        pytest.param({"attempt": "x" * 200}, id="an endless attempt"),
        pytest.param({"made_at": "yesterday"}, id="no instant"),
        pytest.param({"made_at": "2026-11-24T09:00:00"}, id="an instant without a zone"),
    ],
)
def test_what_no_page_can_have_written_is_refused(refusing: Scene, content: dict[str, Any]) -> None:
    reply = refusing.post(json.dumps(json.loads(file_of(refusing)) | content))
    assert (reply.status_code, "不完整" in reply.text) == (422, True)


@pytest.mark.parametrize("name", ["epoch", "seq", "position", "key", "kind", "nonce", "body", "mac"])
@pytest.mark.parametrize("value", [None, [], -1, "x" * 300], ids=["null", "a list", "minus one", "endless"])
def test_a_record_with_a_strange_part_ends_in_a_refusal(refusing: Scene, name: str, value: Any) -> None:
    made = records(refusing)
    made[0][name] = value
    assert refusing.post(file_of(refusing, *made)).status_code in (409, 422)


def test_a_record_twice_in_a_file_is_refused(refusing: Scene) -> None:
    made = records(refusing)
    assert "不完整" in refusing.post(file_of(refusing, *made, made[0])).text


def test_a_lease_that_never_was_is_refused(refusing: Scene) -> None:
    made = records(refusing)
    made[0]["epoch"] = 9
    assert refusing.post(file_of(refusing, *made)).status_code == 409


def test_a_start_hands_out_the_secrets_of_its_own_attempt_alone(world: World) -> None:
    scene, other = Scene(world), Page(world, "second")
    again = Page(world, "theory")
    again.client = scene.page.client
    assert again.start().status_code == 200
    assert other.start().status_code == 200
    assert scene.page.opened["seals"] == {} == other.opened["seals"]
    assert again.opened["seals"] == {"1": scene.page.opened["seal"]}
    assert len({again.opened["seal"], scene.page.opened["seal"], other.opened["seal"]}) == 3
