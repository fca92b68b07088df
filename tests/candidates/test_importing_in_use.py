"""Importing a roster by page and by command: looked at first, then all of it or nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cbt.candidates.commands import roster as roster_command
from cbt.candidates.models import Registration
from cbt.candidates.roster import commit
from cbt.candidates.roster.commit import CheckedRoster
from cbt.errors import CbtError, NotFound
from cbt.rules.roles import Role
from cbt.sheets.drafts import LIFE, SheetDraft
from cbt.web.cli import register_factory
from tests.candidates.rosters import row, xlsx
from tests.candidates.test_importing import BLUEPRINTS, SECOND, count
from tests.sittings.conftest import OFFICER, Day
from tests.sittings.test_planning import browser


def test_the_officer_checks_first_and_confirms(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}/roster"
    sent = client.post(page, data={"file": (stream(xlsx([row(1), row(2)])), "名册.xlsx")})
    check = sent.headers["Location"]
    assert "将要报名的 2 人次" in client.get(check).text
    assert count(day, Registration) == 0
    done = client.post(f"{check}/confirm")
    assert done.headers["Location"] == f"/office/sittings/{day.sitting_ref}"
    assert "考生2" in client.get(done.headers["Location"]).text
    assert (count(day, Registration), count(day, SheetDraft)) == (2, 0)


def stream(body: bytes) -> io.BytesIO:
    return io.BytesIO(body)


def test_what_stops_a_roster_is_listed_and_cannot_be_confirmed(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    body = xlsx([row(1), row(2, level="特级"), row(3, "<script>alert(1)</script>", paper="面试")])
    sent = client.post(
        f"/office/sittings/{day.sitting_ref}/roster", data={"file": (stream(body), "<b>.xlsx")}
    )
    page = client.get(sent.headers["Location"]).text
    assert "第 3 行 · 级别*" in page
    assert "没有这个级别的考核方案" in page
    assert "<script>alert" not in page
    assert "<b>.xlsx" not in page
    refused = client.post(f"{sent.headers['Location']}/confirm")
    assert refused.status_code == 422
    assert count(day, Registration) == 0


def test_a_draft_is_seen_by_its_author_only_and_holds_no_number_in_clear(day: Day) -> None:
    mine = browser(day.app, day.clock, "zhou", Role.OFFICER)
    other = browser(day.app, day.clock, "qian", Role.OFFICER)
    sent = mine.post(
        f"/office/sittings/{day.sitting_ref}/roster", data={"file": (stream(xlsx([row(1)])), "a.xlsx")}
    )
    assert other.get(sent.headers["Location"]).status_code == 404
    assert other.post(f"{sent.headers['Location']}/confirm").status_code == 404
    with day.read() as session:
        assert session.scalars(select(SheetDraft.sealed)).one()[:2] != b"PK"
    mine.post(f"{sent.headers['Location']}/drop")
    assert mine.get(sent.headers["Location"]).status_code == 404


def test_drafts_are_dropped_after_a_day(day: Day) -> None:
    for actor in (OFFICER, "staff:st-second"):
        day.clock.advance(LIFE + SECOND)
        keep_draft(day, actor)
    assert count(day, SheetDraft) == 1


def test_the_next_file_of_the_same_person_takes_the_place_of_the_former(day: Day) -> None:
    first, other, second = (keep_draft(day, actor) for actor in (OFFICER, "staff:st-second", OFFICER))
    with day.read() as session:
        assert set(session.scalars(select(SheetDraft.ref))) == {other, second}
    assert first != second


def test_a_draft_for_one_sitting_is_none_of_another(day: Day) -> None:
    draft = keep_draft(day, OFFICER)
    with day.app.app_context(), pytest.raises(NotFound) as refused:
        commit.open_draft(sitting_ref="si-another", ref=draft, actor=OFFICER)
    assert refused.value.code == "roster.draft_gone"


def keep_draft(day: Day, actor: str) -> str:
    with day.app.app_context():
        return commit.save_draft(
            sitting_ref=day.sitting_ref, file_name="a", body=b"x", now=day.clock.now(), actor=actor
        )


@pytest.fixture
def runner(day: Day) -> CliRunner:
    register_factory(lambda: day.app)
    return CliRunner()


def test_the_command_checks_imports_and_reports_as_json(day: Day, runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "名册.xlsx"
    file.write_bytes(xlsx([row(1), row(2, level="特级")]))
    bad = runner.invoke(roster_command, ["import", str(file), "--sitting", day.sitting_ref, "--json"])
    told = json.loads(bad.output)
    assert bad.exit_code == 2
    assert (told["imported"], told["problems"][0]["row"], told["problems"][0]["column"]) == (
        False,
        3,
        "级别*",
    )
    assert told["problems"][0]["fix"].startswith("可用的级别")
    assert count(day, Registration) == 0
    file.write_bytes(xlsx([row(1)]))
    dry = runner.invoke(roster_command, ["import", str(file), "--sitting", day.sitting_ref, "--dry-run"])
    assert (dry.exit_code, count(day, Registration)) == (0, 0)
    done = runner.invoke(roster_command, ["import", str(file), "--sitting", day.sitting_ref])
    assert (done.exit_code, count(day, Registration)) == (0, 1)
    assert "已导入 1" in done.output


def test_the_template_is_a_roster_without_people(day: Day, runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "template.xlsx"
    assert runner.invoke(roster_command, ["template", str(file)]).exit_code == 0
    with pytest.raises(CbtError) as refused:
        bring_file(day, file.read_bytes())
    assert refused.value.code == "roster.empty"


def bring_file(day: Day, body: bytes) -> CheckedRoster:
    with day.app.app_context():
        return commit.dry_run(sitting_ref=day.sitting_ref, file_name="a.xlsx", body=body, folder=BLUEPRINTS)
