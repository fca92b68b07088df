"""`cbt blueprint`: the table of each paper, or every fault with its line and remedy."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from cbt.assembly import commands as assembly_commands
from cbt.exams.commands import blueprint
from cbt.exams.schema import schema_text
from cbt.exams.table import align, width
from cbt.paths import product_dir

L3 = product_dir("blueprints") / "customer-service-l3.toml"


def test_the_check_is_part_of_the_group() -> None:
    assert blueprint.commands["check"] is assembly_commands.check


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(blueprint, [str(arg) for arg in args])


def test_a_sound_file_prints_the_table_of_each_paper() -> None:
    result = run("check", L3)
    assert result.exit_code == 0
    assert "客户服务管理员（三级）" in result.output
    assert "     2  客户服务提供  服务信息及人员管理  必考                15    30" in result.output
    assert "  判断题  判断    40         1    40" in result.output
    assert "45   100" in result.output


def test_another_trade_shows_its_own_rules() -> None:
    result = run("check", Path(__file__).with_name("electrician.toml"))
    assert result.exit_code == 0
    assert "结束前 10 分钟内不得交卷" in result.output
    assert "剩余时间作废" in result.output


def test_a_faulty_file_prints_line_and_remedy_and_exits_with_2(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(L3.read_text("utf-8").replace("minutes = 15", "minutes = 14"), "utf-8")
    result = run("check", bad, L3)
    line = (
        next(n for n, text in enumerate(bad.read_text("utf-8").splitlines(), 1) if text == "[papers.skills]")
        + 2
    )
    assert result.exit_code == 2
    assert f"{bad}:{line}: 考试时长写的是 45 分钟，各部分合计 44 分钟。" in result.output
    assert "请修改各部分时间或考试时长，使两者相等。" in result.output
    assert f"{L3}: 核对无误" in result.output


def test_a_missing_file_is_explained() -> None:
    result = run("check", "nowhere.toml")
    assert result.exit_code == 2
    assert "没有考核方案文件 nowhere.toml。" in result.output


def test_the_schema_can_be_printed() -> None:
    assert run("schema").output == schema_text()


def test_columns_line_up_where_wide_and_narrow_characters_mix() -> None:
    assert width("a单b") == 4
    assert align([["单", "1"], ["ab c", "20"]], frozenset({1})) == ["单     1", "ab c  20"]
