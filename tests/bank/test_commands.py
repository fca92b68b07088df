"""`cbt bank`: lint, show, template and import from the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from click.testing import CliRunner, Result

from cbt.bank.commands import bank
from cbt.config import LOCALES
from cbt.errors import CbtError
from cbt.http import app_context
from cbt.interchange.tables.sheet import open_tables
from cbt.paths import product_dir
from tests.bank.sheets import sheets, single, truth, workbook

BANKS = product_dir("question_bank")


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(bank, [str(arg) for arg in args])


@pytest.fixture
def installed(app: flask.Flask) -> Iterator[flask.Flask]:
    """Let commands find the app of this test."""
    former = list(app_context._factory)
    app_context.register_factory(lambda: app)
    yield app
    app_context._factory[:] = former


def test_the_shipped_banks_pass_lint() -> None:
    result = run("lint", BANKS, "--guess")
    assert result.exit_code == 0
    rates = [line.split("：")[0] for line in result.output.splitlines() if line.startswith("猜中率")]
    levels = ("customer-service-l2", "customer-service-l3", "各级合计")
    assert rates[:6] == [f"猜中率 {level} {kind}" for level in levels for kind in ("单选", "判断")]
    assert "把握" in result.output
    assert result.output.splitlines()[-1].startswith("0 错误 0 自动修正 ")


def test_a_faulty_bank_is_listed_by_line_and_exits_with_2(tmp_path: Path) -> None:
    (tmp_path / "taxonomy.toml").write_text(
        (BANKS / "customer-service-l3" / "taxonomy.toml").read_text("utf-8"), "utf-8"
    )
    items = tmp_path / "items.toml"
    items.write_text(
        '[[item]]\nref = "T1"\ntype = "true_false"\npoint = "A-A-A-1"\nstem = "客服员应当守信"\nanswer = 1\n',
        "utf-8",
    )
    result = run("lint", tmp_path)
    assert result.exit_code == 2
    assert f"{items}:6: 错误: 答案“1”与题目对不上。" in result.output
    assert f"{items}:4: 自动修正: 鉴定点代码“A-A-A-1”已改为“A-A-A-001”。" in result.output
    assert f"{items}:5: 自动修正: 判断题题干的结尾已改为句号" in result.output
    assert result.output.splitlines()[-1].startswith("1 错误 2 自动修正 ")
    listed = json.loads(run("lint", tmp_path, "--json").output)
    assert (listed["error"], listed["fixed"]) == (1, 2)
    assert listed["guess"] == [{"bank": tmp_path.name, "types": []}]
    assert {"severity", "code", "place", "value", "why", "fix"} <= set(listed["findings"][0])


def test_a_bank_is_shown_as_one_array() -> None:
    shown = json.loads(run("show", BANKS / "customer-service-l2", "--json").output)
    assert len(shown) == 372
    assert {"ref", "type", "stem", "choices", "answer_key", "knowledge_point", "difficulty"} <= set(shown[0])


def test_what_can_be_read_of_a_bank_is_listed_by_type_and_half_a_bank_is_refused(tmp_path: Path) -> None:
    first = run("show", BANKS / "customer-service-l3").output.splitlines()[0].split()
    assert first[:2] == ["U1-C1", "案例"]
    (tmp_path / "taxonomy.toml").write_bytes(b"\xff")
    refused = run("show", tmp_path).exception
    assert isinstance(refused, CbtError)
    assert (refused.code, refused.params["place"]) == ("bank.text_unreadable", f"{tmp_path}/taxonomy.toml")


def test_a_template_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    assert run("template", path).exit_code == 0
    assert open_tables(path.read_bytes())[0].rows[0][2] == "试题(题干)"
    second = run("template", path)
    assert isinstance(second.exception, CbtError)
    assert second.exception.code == "console.file_there"


@pytest.mark.usefixtures("installed")
def test_a_folder_then_a_sheet_are_imported(tmp_path: Path) -> None:
    first = run("import", BANKS / "customer-service-l3")
    assert first.exit_code == 0
    assert first.output.splitlines()[-1] == "已入库：新增 372，更新 0；与库中相同 0；未导入 0。"
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook([truth("接待员在客户离柜前应当确认诉求已经办结。"), single(answer="E")]))
    refused = run("import", path, "--bank", "customer-service-l3")
    assert refused.exit_code == 2
    assert "a.xlsx!试题:I3: 错误: 答案 E 没有对应的选项，本题选项到 D 为止。" in refused.output
    dry = run("import", path, "--bank", "customer-service-l3", "--dry-run", "--json")
    assert dry.exit_code == 2
    assert json.loads(dry.stdout)["added"] == 1
    stored = run("import", path, "--bank", "customer-service-l3", "--partial", "--json")
    assert stored.exit_code == 0
    said = json.loads(stored.stdout)
    assert (said["stored"], said["added"], said["blocked"]) == (True, 1, 1)
    finding = next(found for found in said["findings"] if found["severity"] == "error")
    assert (finding["sheet"], finding["row"], finding["column"], finding["value"]) == ("试题", 3, "I", "E")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("locale", LOCALES)
def test_our_own_template_filled_in_is_imported_without_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    path = tmp_path / "a.xlsx"
    assert run("import", BANKS / "customer-service-l3").exit_code == 0
    monkeypatch.setenv("CBT_LOCALE", locale)
    assert run("template", path).exit_code == 0
    first, rules = open_tables(path.read_bytes())
    own = [truth("接待员在客户离柜前应当确认诉求已经办结。"), single("客户来电时，接待员最先应当（　　）。")]
    path.write_bytes(sheets({first.name: [*first.rows, *own], rules.name: rules.rows}))
    asked = run("import", path, "--bank", "customer-service-l3", "--json")
    assert asked.exit_code == 0, asked.output
    said = json.loads(asked.stdout)
    assert (said["stored"], said["added"], said["inferred"]) == (True, 2, [])


@pytest.mark.usefixtures("installed")
def test_a_sheet_needs_to_know_its_bank(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook([truth()]))
    result = run("import", path)
    assert isinstance(result.exception, CbtError)
    assert result.exception.code == "bank.ref_needed"
