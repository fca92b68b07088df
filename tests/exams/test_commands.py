"""`cbt blueprint`: the table of each paper, or every fault with its line and remedy."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from cbt.assembly import commands as assembly_commands
from cbt.assembly.commands import form
from cbt.blueprints.commands import blueprint, schema_text
from cbt.console.output import align, width
from cbt.errors import NotFound
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


def test_a_paper_that_people_have_to_mark_says_so(tmp_path: Path) -> None:
    file = tmp_path / "l3.toml"
    text = L3.read_text("utf-8")
    file.write_text(text.replace('type = "true_false"', 'type = "short_answer"', 1), "utf-8")
    assert "要人工阅卷" in run("check", file).output
    assert "要人工阅卷" not in run("check", L3).output


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


def test_a_paper_is_proved_against_a_bank_or_its_shortfall_is_named_by_unit() -> None:
    banks = product_dir("question_bank")
    proved = run("check", L3, "--bank", banks)
    assert proved.exit_code == 0
    assert "专业能力：题库 customer-service-l3 可以抽出试卷" in proved.output
    short = run("check", L3, "--bank", banks / "customer-service-l2")
    assert short.exit_code == 2
    assert "专业能力：单元“客户投诉及关系处理”没有合用的案例，缺 1 个" in short.output


def test_a_bank_that_is_none_or_cannot_be_read_is_named_with_the_remedy(tmp_path: Path) -> None:
    nowhere = run("check", L3, "--bank", tmp_path)
    assert nowhere.exit_code == 2
    assert f"{tmp_path} 不是文本题库" in nowhere.output
    taxonomy = product_dir("question_bank") / "customer-service-l3" / "taxonomy.toml"
    (tmp_path / "taxonomy.toml").write_text(taxonomy.read_text("utf-8"), "utf-8")
    items = tmp_path / "items.toml"
    for text, place in (
        ('[[item]]\ntype = "true_false"\nstem = ""\nanswer = true\n', f"{items}:3"),
        ("[[item", f"{items}:1"),
    ):
        items.write_text(text, "utf-8")
        faulty = run("check", L3, "--bank", tmp_path)
        assert faulty.exit_code == 2
        assert f"读不出来的内容：{place}。" in faulty.output
        assert f"cbt bank lint {tmp_path}" in faulty.output


def test_papers_that_share_items_are_compared_for_a_paper_the_blueprint_has() -> None:
    bank = product_dir("question_bank") / "customer-service-l3"
    shown = CliRunner().invoke(form, ["overlap", str(L3), "skills", "--bank", str(bank), "--forms", "2"])
    assert shown.exit_code == 0
    assert "2 份试卷两两重复" in shown.output
    unknown = CliRunner().invoke(form, ["overlap", str(L3), "practice", "--bank", str(bank)])
    assert isinstance(unknown.exception, NotFound)
    assert unknown.exception.code == "blueprint.no_such_paper"
    assert (
        CliRunner()
        .invoke(form, ["overlap", str(L3), "skills", "--bank", str(bank), "--forms", "1"])
        .exit_code
        == 2
    )
