"""Importing a roster by command: looked at first, then all of it or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cbt.batches.commands import roster as roster_command
from cbt.batches.roster import roster_import
from cbt.batches.roster.planner import CheckedRoster
from cbt.candidates.models import Registration
from cbt.errors import CbtError
from cbt.http.app_context import register_factory
from tests.candidates.rosters import row, xlsx
from tests.candidates.test_importing import BLUEPRINTS, count
from tests.sittings.conftest import Day


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
        return roster_import.dry_run(
            sitting_ref=day.sitting_ref, file_name="a.xlsx", body=body, folder=BLUEPRINTS
        )
