"""Blueprints in the browser: brought, checked at their lines, put in force, gone back to; and who uses which."""

from __future__ import annotations

import io
import re

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.audit.models import AuditEntry
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.office.text_check import checked, text_of
from cbt.blueprints.versions import store_blueprint
from cbt.candidates.models import Registration
from cbt.candidates.roster.row import choices
from cbt.errors import InvalidInput
from cbt.http.i18n import catalogues
from cbt.rules.canonical import digest
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.exams.sources import minutes, shipped
from tests.helpers import flat
from tests.world import World

SOUND = shipped("l3").read_text("utf-8")
REF = "customer-service-l3"
CHANGED = SOUND.replace("pass_points = 60", "pass_points = 65", 1)
FAULTY = CHANGED.replace("count = 40", "count = 41").replace('select = "required"', 'select = "any"', 1)


def bring(world: World, text: str | bytes, name: str = "l3.toml") -> TestResponse:
    body = text.encode() if isinstance(text, str) else text
    return world.staff("officer").post("/office/blueprints/file", data={"file": (io.BytesIO(body), name)})


def send(world: World, text: str, *, seen: str = SOUND, act: str = "keep") -> TestResponse:
    sent = {"text": text.replace("\n", "\r\n"), "act": act, "begun_from": digest(seen), "reason": "新公告"}
    return world.staff("officer").post("/office/blueprints/text", data=sent)


def versions(world: World) -> list[str]:
    with world.app.app_context(), reading() as session:
        rows = session.scalars(select(BlueprintVersion).where(BlueprintVersion.ref == REF))
        return [row.source for row in sorted(rows, key=lambda row: row.loaded_at)]


def test_a_blueprint_goes_from_a_file_to_a_version_and_back(world: World) -> None:
    with world.app.app_context(), reading() as session:
        before = session.scalars(select(Registration.blueprint_version_id)).all()
    faulty = flat(bring(world, FAULTY).get_data(as_text=True))
    rows = FAULTY.splitlines()
    for start, said in (('select = "any"', "any"), ("points = 100", "101")):
        line = rows.index(start) + 1
        assert f'data-line="{line}"' in faulty
        assert said in faulty
    assert send(world, FAULTY).status_code == 422
    assert versions(world) == [SOUND]

    sound = flat(send(world, CHANGED, act="check").get_data(as_text=True))
    assert "第 2 版" in sound
    assert re.search(r'<li class="more">.*?pass_points = 65</li>', sound)
    assert re.search(r'<li class="less">.*?pass_points = 60</li>', sound)
    assert versions(world) == [SOUND]
    world.clock.advance(minutes(1))
    kept = send(world, CHANGED)
    assert (kept.status_code, kept.location) == (303, f"/office/blueprints/of/{REF}")
    assert versions(world) == [SOUND, CHANGED]
    page = flat(world.staff("author").get(kept.location).get_data(as_text=True))
    assert "65 分及以上合格" in page
    assert "2026 年第四批" in page
    assert world.staff("author").get(f"{kept.location}/1.toml").get_data(as_text=True) == SOUND
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(Registration.blueprint_version_id)).all() == before
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "blueprint.keep")).one()
    assert (entry.subject, entry.reason) == (f"blueprint:{REF}", "新公告")

    world.clock.advance(minutes(1))
    again = world.staff("officer").post(f"/office/blueprints/of/{REF}/again", data={"number": "1"})
    assert again.status_code == 303
    assert versions(world) == [CHANGED, SOUND]
    listed = flat(world.staff("inspector").get("/office/blueprints").get_data(as_text=True))
    assert "customer-service-l2" in listed
    assert "60 分合格" in listed


@pytest.mark.once
def test_the_page_of_a_blueprint_says_which_paper_people_have_to_mark(world: World) -> None:
    page = f"/office/blueprints/of/{REF}"
    assert "要人工阅卷" not in world.staff("officer").get(page).text
    world.clock.advance(minutes(1))
    kept = send(world, SOUND.replace('type = "true_false"', 'type = "short_answer"', 1))
    assert "要人工阅卷" in world.staff("officer").get(kept.location).text


def test_who_looked_at_another_version_is_told_and_loses_nothing(world: World) -> None:
    world.clock.advance(minutes(1))
    with world.app.app_context(), unit_of_work() as session:
        store_blueprint(session, CHANGED, now=world.clock.now(), actor="cli")
    mine = SOUND.replace("earliest = 30", "earliest = 10", 1)
    refused = send(world, mine)
    page = flat(refused.get_data(as_text=True))
    assert refused.status_code == 409
    assert "earliest = 10" in page
    assert f'name="begun_from" value="{digest(CHANGED)}"' in page
    assert send(world, mine, seen=CHANGED).status_code == 303
    assert versions(world)[-1] == mine


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"\xff\xfe\x00", "UTF-8", id="no text"),
        pytest.param(b"#" * 70_000, "64 KiB", id="no end"),
    ],
)
def test_a_file_that_is_none_is_refused_on_the_list(world: World, body: bytes, said: str) -> None:
    reply = bring(world, body)
    assert reply.status_code == 422
    assert said in reply.get_data(as_text=True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("a" + ".a" * 30_000 + " = 1", "blueprint.too_long", id="a key of thirty thousand parts"),
        pytest.param("".join(f"k{n} = 1\n" for n in range(6000)), "", id="six thousand keys there are not"),
        pytest.param("[" + ".".join("a" * 200) + "]\nx = " + "[" * 80, "", id="few bytes that go deep"),
        pytest.param("x = " + "[" * 30_000, "", id="brackets without end"),
        pytest.param(
            'ref = "A B"\n' + SOUND.replace('ref = "customer-service-l3"\n', "", 1),
            "",
            id="a name with a blank",
        ),
    ],
)
def test_a_text_that_would_keep_its_reader_busy_is_told_in_time(text: str, code: str) -> None:
    with catalogues():
        if code:
            with pytest.raises(InvalidInput, match=code):
                checked(text)
        else:
            found = checked(text).findings
            assert 1 <= len(found) <= 100
            assert all(one.line >= 1 and not one.what.startswith("error.") for one in found)


def test_a_byte_order_mark_is_no_part_of_a_text() -> None:
    assert text_of(b"\xef\xbb\xbf" + SOUND.encode(), "l3.toml") == SOUND


def test_a_withdrawn_blueprint_is_offered_nowhere_and_can_be_used_again(world: World) -> None:
    def offered() -> list[str]:
        with world.app.app_context(), reading() as session:
            return [one.blueprint.ref for one in choices(session, shipped("l3").parent)]

    office, url = world.staff("officer"), f"/office/blueprints/of/{REF}"
    assert REF in offered()
    assert office.post(f"{url}/withdraw").status_code == 303
    assert office.post(f"{url}/withdraw").status_code == 303
    assert REF not in offered()
    assert "已停用" in office.get("/office/blueprints").get_data(as_text=True)
    assert "没有生效的版本" in office.get(url).get_data(as_text=True)
    assert office.get(f"{url}/form").status_code == office.get(f"{url}/text").status_code == 200
    world.clock.advance(minutes(1))
    assert office.post(f"{url}/again", data={"number": "1"}).status_code == 303
    assert REF in offered()
    with world.app.app_context(), reading() as session:
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.subject == f"blueprint:{REF}")).all()
    assert acts.count("blueprint.withdraw") == 1
