"""The shipped blueprints say what the notice says, and another trade's says something quite different."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cbt.blueprints.commands import schema_text
from cbt.blueprints.spec import PAPER, SECTION, UNIT
from cbt.blueprints.store import load_blueprint_file, read_blueprint
from cbt.blueprints.toml_file import KeyKind
from cbt.errors import InvalidInput, NotFound
from cbt.http.i18n import catalogues
from cbt.paths import product_dir
from cbt.rules.exam import AdmissionPolicy, ClockPolicy, Paper, RetakePolicy, Section, SubmitPolicy, Unit
from cbt.rules.items.content import ItemType, PartialCredit
from tests.exams.sources import ELECTRICIAN, minutes, shipped

UNITS = {
    "l3": [
        ("客户服务策划", "服务职责及规范要求", 10, 25),
        ("客户服务提供", "服务信息及人员管理", 15, 30),
        ("客户服务控制", "服务质量及过程控制", 10, 25),
        ("客户服务改进", "客户投诉及关系处理", 10, 20),
    ],
    "l2": [
        ("客户服务策划", "组织体系及流程设计", 20, 30),
        ("客户服务提供", "服务信息及沟通管理", 15, 25),
        ("客户服务控制", "服务质量及成本控制", 10, 20),
        ("客户服务改进", "满意度测量预防纠偏", 15, 25),
    ],
}


@pytest.mark.parametrize("level", ["l3", "l2"])
def test_the_theory_paper_is_forty_statements_and_sixty_single_choices_in_45_minutes(level: str) -> None:
    paper = load_blueprint_file(shipped(level)).papers["theory"]
    assert (paper.duration, paper.points, paper.pass_points) == (minutes(45), Decimal(100), Decimal(60))
    assert [(part.name, part.type, part.count, part.points) for part in paper.sections] == [
        ("判断题", ItemType.TRUE_FALSE, 40, Decimal(40)),
        ("单选题", ItemType.SINGLE_CHOICE, 60, Decimal(60)),
    ]
    assert paper.windows == ()


@pytest.mark.parametrize(("level", "total"), [("l3", 45), ("l2", 60)])
def test_the_skills_paper_has_the_four_units_of_the_notice(level: str, total: int) -> None:
    paper = load_blueprint_file(shipped(level)).papers["skills"]
    assert (paper.duration, paper.points, paper.pass_points) == (minutes(total), Decimal(100), Decimal(60))
    assert [(unit.project, unit.name, unit.minutes, unit.points) for unit in paper.units] == [
        (project, name, minutes(span), Decimal(points)) for project, name, span, points in UNITS[level]
    ]
    assert {unit.select for unit in paper.units} == {"required"}
    assert paper.units[0].credit == {
        ItemType.MULTIPLE_CHOICE: PartialCredit.SUBSET,
        ItemType.FILL_BLANK: PartialCredit.PER_PART,
        ItemType.MATCHING: PartialCredit.PER_PART,
        ItemType.ORDERING: PartialCredit.ADJACENT_PAIRS,
    }
    assert paper.windows == tuple(unit.minutes for unit in paper.units)


@pytest.mark.parametrize("level", ["l3", "l2"])
def test_the_shipped_policies_are_those_of_the_rules(level: str) -> None:
    blueprint = load_blueprint_file(shipped(level))
    assert blueprint.occupation_code == "4-07-02-03"
    assert blueprint.aliases == ("客服服务管理员", "客户服务管理师")
    assert blueprint.admission == AdmissionPolicy()
    assert blueprint.retake == RetakePolicy()
    for paper in blueprint.papers.values():
        assert paper.submit == SubmitPolicy(minutes(30), minutes(0))
        assert paper.clock == ClockPolicy("strict", "carried", "scale", timedelta(seconds=3))
        assert paper.warnings == (minutes(15), minutes(5), minutes(1))
        assert paper.unit_warnings == (minutes(3), minutes(1))
        assert paper.score_step == Decimal("0.1")
        assert paper.modes == ("machine", "paper")


def test_the_names_and_places_of_the_two_levels_differ() -> None:
    first, second = load_blueprint_file(shipped("l3")), load_blueprint_file(shipped("l2"))
    assert (first.level_name, first.bank) == ("三级", "customer-service-l3")
    assert (second.level_name, second.bank) == ("二级", "customer-service-l2")


def test_another_trade_differs_in_everything_a_centre_may_decide() -> None:
    blueprint = load_blueprint_file(ELECTRICIAN)
    theory, practice = blueprint.papers["theory"], blueprint.papers["practice"]
    assert blueprint.admission.late_from == "start"
    assert blueprint.admission.late_limit == minutes(5)
    assert blueprint.admission.leave_allowed
    assert blueprint.retake == RetakePolicy(years=1, window_from="exam", absent_may_retake=True)
    assert theory.windows == (minutes(50), minutes(40))
    assert theory.submit.closed_before_end == minutes(10)
    assert theory.sections[1].credit is PartialCredit.SUBSET
    assert theory.score_step == Decimal("0.5")
    assert [unit.number for unit in practice.units] == [1, 2, 3]
    assert practice.clock == ClockPolicy("strict", "lost", "cut", timedelta(seconds=2))


def test_the_shipped_schema_is_the_one_the_reader_makes() -> None:
    assert (product_dir("blueprints") / "blueprint.schema.json").read_text("utf-8") == schema_text()


def test_the_schema_knows_every_key_and_which_must_be_there() -> None:
    schema = json.loads(schema_text())
    paper = schema["properties"]["papers"]["additionalProperties"]
    assert schema["required"] == ["ref", "schema", "bank", "level", "occupation", "papers"]
    assert paper["properties"]["sections"]["items"]["required"] == ["name", "type", "count", "points_each"]
    assert paper["properties"]["units"]["items"]["properties"]["credit"]["properties"]["matching"]
    assert paper["properties"]["release"]["enum"] == ["score", "verdict", "none"]


@pytest.mark.parametrize(
    ("fields", "value"), [(PAPER, Paper), (SECTION, Section), (UNIT, Unit)], ids=["paper", "section", "unit"]
)
def test_the_file_can_say_everything_a_value_holds(fields: tuple[object, ...], value: type) -> None:
    said = {field.target for field in fields}  # type: ignore[attr-defined]  # fields of the tables of spec
    assert said | {"code", "sections", "units", "submit", "clock"} >= set(value.__dataclass_fields__)
    assert all(isinstance(field.kind, KeyKind) for field in fields)  # type: ignore[attr-defined]  # fields of the tables of spec


@pytest.fixture
def refused() -> Iterator[None]:
    with catalogues():
        yield


def findings_of(text: str) -> list[tuple[int, str]]:
    with pytest.raises(InvalidInput) as error:
        read_blueprint(text, name="blueprint.toml")
    assert error.value.code == "blueprint.refused"
    listed = error.value.params["findings"]
    assert isinstance(listed, list)
    for found in listed:
        assert found["file"] == "blueprint.toml"
        assert found["fix"]
        assert not found["what"].startswith("error.")
        assert not found["fix"].startswith("error.")
    return [(found["line"], found["what"]) for found in listed]


def line_of(text: str, start: str, nth: int = 1) -> int:
    """Return the line of the nth occurrence of a line that begins with `start`."""
    places = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith(start)]
    return places[nth - 1]


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("old", "new", "start", "nth", "said"),
    [
        pytest.param("minutes = 15", "minutes = 14", "minutes = 45", 2, "合计 44 分钟", id="minutes"),
        pytest.param("points = 30", "points = 31", "points = 100", 2, "合计 101 分", id="points"),
        pytest.param("count = 60", "count = 59", "points = 100", 1, "合计 99 分", id="counts"),
        pytest.param("number = 3", "number = 2", "number = 2", 2, "应为 3", id="unit numbers"),
        pytest.param('late_from = "report_at"', 'late_from = "noon"', "late_from", 1, "noon", id="a choice"),
        pytest.param("late_limit = 15", "late_limt = 15", "late_limt", 1, "late_limt", id="an unknown key"),
        pytest.param("grace = 3", 'grace = "3 s"', "grace", 1, "3 s", id="a text for a number"),
        pytest.param(
            "calculator = false", "calculator = 0", "calculator", 1, "0", id="a number for a switch"
        ),
        pytest.param(
            "pass_points = 60", "pass_points = 160", "pass_points", 1, "160", id="a pass mark over the top"
        ),
        pytest.param(
            "earliest = 30", "earliest = 50", "[papers.theory.submit]", 1, "50", id="never to be handed in"
        ),
        pytest.param(
            "unit_warnings = [3, 1]", "unit_warnings = [12]", "unit_warnings", 1, "12", id="a late warning"
        ),
        pytest.param(
            "sign_in_opens = 20", "sign_in_opens = 50", "sign_in_opens", 1, "50", id="sign-in before check-in"
        ),
        pytest.param(
            'ordering = "adjacent_pairs"', 'ordering = "subset"', "credit", 1, "subset", id="credit"
        ),
        pytest.param(
            'ordering = "adjacent_pairs"', 'ordering = "half"', "credit", 1, "half", id="no such credit"
        ),
        pytest.param('type = "true_false"', 'type = "case"', "type", 1, "case", id="a case in a section"),
        pytest.param(
            "difficulty = [1, 2, 4, 2, 1]", "difficulty = [1, 2]", "difficulty", 1, "五个", id="mix"
        ),
        pytest.param("schema = 1", "schema = 7", "schema", 1, "7", id="another schema"),
        pytest.param('name = "判断题"\n', "", "[[papers.theory.sections]]", 1, "name", id="a missing key"),
        pytest.param("years = 2", "years = 0", "years", 1, "0", id="no years"),
    ],
)
def test_what_does_not_hold_is_named_at_its_line(old: str, new: str, start: str, nth: int, said: str) -> None:
    text = shipped("l3").read_text("utf-8").replace(old, new, 1)
    assert any(line == line_of(text, start, nth) and said in what for line, what in findings_of(text))


@pytest.mark.usefixtures("refused")
def test_a_text_that_is_no_toml_is_named_at_its_line() -> None:
    assert findings_of('ref = "a"\nschema =\n')[0][0] == 2
    assert findings_of('ref = "a')[0][0] == 1


@pytest.mark.usefixtures("refused")
def test_an_empty_text_lists_all_that_is_missing() -> None:
    whats = [what for _line, what in findings_of("")]
    assert [what.split(" ")[0] for what in whats] == [
        *("ref", "schema", "bank"),
        *("occupation", "occupation.code", "occupation.name"),
        *("level", "level.code", "level.name"),
        "papers",
    ]


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("papers = 1", "papers", id="a number for a table"),
        pytest.param("[papers]\ntheory = 1", "papers.theory", id="a number for a paper"),
        pytest.param("[papers.theory]\nsections = 1", "papers.theory.sections", id="a number for sections"),
        pytest.param(
            "[papers.theory]\nwarnings = [1, true]", "papers.theory.warnings", id="a switch among minutes"
        ),
    ],
)
def test_a_wrong_kind_of_value_is_named(text: str, said: str) -> None:
    assert any(what.startswith(f"{said} 的值") for _line, what in findings_of(text))


def test_a_missing_file_and_one_that_is_no_text_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_blueprint_file(tmp_path / "none.toml")
    (tmp_path / "gbk.toml").write_bytes('name = "三级"'.encode("gbk"))
    with pytest.raises(InvalidInput):
        load_blueprint_file(tmp_path / "gbk.toml")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "saved-by-notepad.toml"
    path.write_text(shipped("l3").read_text("utf-8"), "utf-8-sig")
    assert load_blueprint_file(path) == load_blueprint_file(shipped("l3"))


@pytest.mark.parametrize("minutes", ["1e400", "1e12", "1440"])
def test_a_time_no_sitting_has_is_refused_at_its_line(minutes: str) -> None:
    text = shipped("l3").read_text("utf-8").replace("minutes = 15", f"minutes = {minutes}")
    with catalogues(), pytest.raises(InvalidInput) as refused:
        read_blueprint(text, name="l3.toml")
    assert "units[2].minutes" in str(refused.value.params["what"])
