"""What a centre writes into its table of reasons, from the form to the record, the board and the results."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from cbt.blueprints.models import ReasonsVersion
from cbt.proctoring.models import Incident
from cbt.sittings.models import RoomHold
from tests.attacks.second_scene import Scene, allow
from tests.exams.sources import REASONS, start_with_reasons
from tests.proctoring.desk import Desk, attempt, done, refused, registration, row, running
from tests.results.late_scene import Scene as LateScene
from tests.results.scene import end_with, finish, release, rescore, set_violation
from tests.world import World

pytestmark = pytest.mark.once

GLASSES = """
[[violations]]
code = "smart_glasses"
zh = "佩戴智能眼镜"
en = "Wore smart glasses"
clause = "机房守则第 9 条"
tier = "cheating"
effects = ["terminate", "paper_void"]
evidence = ["statement", "object"]
"""
FLOOD = """
[[reasons]]
code = "flood"
zh = "漏水"
en = "Water <leak>"
"""
OWN = REASONS + GLASSES + FLOOD
WITHOUT_NOISE = REASONS.replace('code = "noise"', 'code = "noise"\nretired = true')
WITHOUT_POWER = REASONS.replace('code = "power"', 'code = "power"\nretired = true')
WORDS = {
    "zh": ("佩戴智能眼镜 — 终止考试、该科无效（立即收卷）", "佩戴智能眼镜", "漏水"),
    "en": (
        "Wore smart glasses — exam ended, paper void (closed at once)",
        "Wore smart glasses",
        "Water &lt;leak&gt;",
    ),
}


def start_with(world: World, folder: Path, text: str) -> None:
    world.clock.advance(timedelta(seconds=1))
    start_with_reasons(world.app, folder, text, now=world.clock.now())


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_a_centres_own_violation_goes_from_the_form_to_the_results(
    world: World, tmp_path: Path, locale: str
) -> None:
    start_with(world, tmp_path, OWN)
    offered, words, _ = WORDS[locale]
    scene = Scene(world)
    officer = scene.as_("officer")
    for client in (scene.desk.client, officer):
        client.set_cookie("locale", locale)
    assert offered in scene.desk.ask("violation", "theory").text

    ref = scene.ask("violation", "theory", code="smart_glasses", reason="镜腿闪光")
    assert words in officer.get(f"/approvals/{ref}").text
    assert scene.step(ref, "approve", client=officer).status_code == 303

    found = registration(world, "theory")
    assert (found.violation_code, attempt(world, "theory").closed_by) == ("smart_glasses", "violation")
    assert row(world, ReasonsVersion, id=found.violation_version_id).source == OWN
    assert '"code":"smart_glasses"' in row(world, Incident, kind="violation").params
    assert words in scene.desk.page()
    assert words in scene.desk.client.get(f"{scene.desk.url}/seats/{found.ref}").text

    end_with(world, {name: "60.0" for name in world.sitters if name != "theory"})
    rescore(world, "theory", "60.0")
    allow(world, by_password=True)
    release(world)
    answer = officer.post(f"/results/{world.sitting_ref}/workbook")
    book = CalamineWorkbook.from_filelike(BytesIO(answer.data))
    lines = [line for line in book.get_sheet_by_index(1).to_python() if world.sitters["theory"].name in line]
    assert [line[-1] for line in lines] == ["违纪" if locale == "zh" else "Violation"]


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_a_centres_own_reason_goes_from_the_form_to_the_log(
    world: World, tmp_path: Path, locale: str
) -> None:
    start_with(world, tmp_path, OWN)
    words = WORDS[locale][2]
    running(world, "theory")
    desk = Desk(world)
    desk.client.set_cookie("locale", locale)
    assert words in desk.ask("hold").text
    done(desk.act("hold", since="now", reason_code="flood"))
    assert row(world, RoomHold).reason_code == "flood"
    assert words in desk.page()


def test_a_centres_own_reason_stands_beside_a_ruling_on_late_answers(world: World, tmp_path: Path) -> None:
    start_with(world, tmp_path, OWN)
    scene = LateScene(world)
    assert '<option value="flood">漏水</option>' in scene.page()
    assert scene.rule("theory", fault="spill").status_code == 422
    assert scene.rule("theory", fault="flood").status_code == 303
    start_with(world, tmp_path, REASONS + FLOOD.replace("\nzh", "\nretired = true\nzh"))
    page = scene.page()
    assert "<td>漏水" in page
    assert 'value="flood"' not in page
    assert scene.rule("second", fault="flood").status_code == 422
    start_with(world, tmp_path, REASONS)
    assert "<td>flood" in scene.page()


def test_a_retired_violation_is_read_in_records_and_recorded_no_more(world: World, tmp_path: Path) -> None:
    running(world, "theory")
    desk = Desk(world)
    done(desk.act("violation", "theory", code="noise", reason="大声说话"))
    done(desk.act("hold", since="now", reason_code="power"))
    start_with(world, tmp_path, WITHOUT_NOISE)
    assert 'value="noise"' not in desk.ask("violation", "theory").text
    assert (
        refused(desk.act("violation", "theory", code="noise", reason="又一次")) == "proctoring.no_violation"
    )
    assert "喧哗、扰乱秩序" in desk.page()


def test_a_retired_reason_is_read_in_records_and_given_no_more(world: World, tmp_path: Path) -> None:
    running(world, "theory")
    desk = Desk(world)
    done(desk.act("hold", since="now", reason_code="power", reason="跳闸"))
    start_with(world, tmp_path, WITHOUT_POWER)
    time = {"kind": "general", "minutes": "5", "reason_code": "power"}
    assert refused(desk.act("adjust_room", **time)) == "proctoring.reason_code"
    assert "停电" in desk.page()


def test_a_paper_is_made_void_by_two_though_it_goes_on(world: World, tmp_path: Path) -> None:
    start_with(
        world,
        tmp_path,
        OWN.replace(
            '["terminate", "paper_void"]\nevidence = ["statement", "object"]',
            '["paper_void"]\nevidence = ["object"]',
        ),
    )
    running(world, "theory")
    desk, glasses = Desk(world), {"code": "smart_glasses", "reason": "镜腿闪光"}
    assert refused(desk.act("violation", "theory", **glasses)) == "second.needed"
    assert registration(world, "theory").violation_code is None
    done(desk.act("violation", "theory", second="officer", **glasses))
    assert registration(world, "theory").violation_code == "smart_glasses"
    assert attempt(world, "theory").closed_by is None


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_a_code_that_no_table_has_any_more_is_shown_as_it_is(
    world: World, tmp_path: Path, locale: str
) -> None:
    start_with(world, tmp_path, OWN)
    running(world, "theory")
    desk = Desk(world)
    desk.client.set_cookie("locale", locale)
    done(desk.act("violation", "theory", code="smart_glasses", reason="镜腿闪光", second="officer"))
    done(desk.act("hold", since="now", reason_code="flood"))
    start_with(world, tmp_path, REASONS)
    page = desk.page()
    assert "smart_glasses" in page
    assert "flood" in page
    assert "violation.smart_glasses" not in page


def test_what_was_recorded_keeps_what_it_did_when_the_table_is_edited(world: World, tmp_path: Path) -> None:
    """A later table changes neither a violation on record nor which of two weighs more."""
    finish(world)
    chief = Desk(world, "chief_proctor")
    done(chief.act("violation", "theory", code="noise", reason="大声说话"))
    set_violation(world, "second", "noise")
    lighter = REASONS.replace('effects = ["warning"]', 'effects = ["deduct"]\ndeduct = 20')
    start_with(world, tmp_path, lighter)
    done(chief.act("violation", "skills", code="noise", reason="大声说话"))
    done(chief.act("violation", "theory", code="wrong_seat", reason="换座"))
    release(world)
    page = world.staff("officer").get(f"/results/{world.sitting_ref}").text
    scores = {
        name: page.split(world.sitters[name].ticket)[1].split('class="n score">')[1].split("<")[0]
        for name in ("theory", "skills", "second")
    }
    assert scores == {"theory": "52.5", "skills": "40.0", "second": "0.0"}
    assert registration(world, "theory").violation_code == "wrong_seat"
