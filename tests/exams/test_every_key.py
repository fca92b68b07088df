"""No key of a blueprint is without an effect: each is changed once, and something that people meet differs.

`test_every_key_has_a_case` walks the one table of keys, so a key that is added without a case here fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cbt.blueprints import spec
from cbt.rules.enrolment.conditions import PersonFacts
from cbt.rules.retake import PaperOutcome
from tests.exams import effects
from tests.exams import enrolment_effects as enrolment
from tests.exams.effects import MINUTE, SECOND
from tests.exams.sources import shipped
from tests.world import World

SHIPPED = shipped("l3").read_text("utf-8")
SHIPPED_L2 = shipped("l2").read_text("utf-8")
MULTIPLE = (
    '[[papers.theory.sections]]\nname = "判断题"\ntype = "true_false"\ncount = 40\npoints_each = 1\n'
    "shuffle_items = true\n\n[[papers.theory.sections]]\n"
    'name = "单选题"\ntype = "single_choice"\ncount = 60\npoints_each = 1\n'
    "shuffle_items = true\nshuffle_choices = true\n"
)
HALVED = (
    '[[papers.theory.sections]]\nname = "多选题"\ntype = "multiple_choice"\ncount = 5\npoints_each = 20\n'
    'credit = "all_or_nothing"\n'
)
UNITS = SHIPPED[SHIPPED.index("[[papers.skills.units]]\nnumber = 1") : SHIPPED.index("number = 3")]

Seen = Callable[[str], object]
SeenInWorld = Callable[[World, str], object]


@dataclass(frozen=True)
class Pure:
    """A key, what is written instead of what, and what is then seen: before, after."""

    key: str
    old: str
    new: str
    seen: Seen
    before: object
    after: object
    text: str = SHIPPED


@dataclass(frozen=True)
class InWorld:
    """The same, seen in an installation whose level 3 is governed by the text."""

    key: str
    old: str
    new: str
    seen: SeenInWorld
    before: object
    after: object


def put(seen: Callable[[World], object]) -> SeenInWorld:
    """Let the text govern the world before looking."""

    def look(world: World, text: str) -> object:
        effects.put(world, text)
        return seen(world)

    return look


PURE = [
    Pure("schema", "schema = 1", "schema = 2", effects.refused, [], ["blueprint.schema"]),
    Pure(
        "occupation.name", 'name = "客户服务管理员"', 'name = "电工"',
        lambda text: effects.printed(text, "电工"), False, True,
    ),
    Pure(
        "level.name", 'name = "三级"', 'name = "高级工"',
        lambda text: effects.printed(text, "高级工"), False, True,
    ),
    Pure(
        "papers.points", "points = 100\npass_points = 60", "points = 50\npass_points = 30",
        lambda text: effects.refused(text), [], ["blueprint.points_sum"],
    ),
    Pure(
        "papers.pass_points", "pass_points = 60", "pass_points = 65",
        lambda text: effects.scored(text, 64), ("64.0", True), ("64.0", False),
    ),
    Pure(
        "papers.score_step", "score_step = 0.1", "score_step = 5",
        lambda text: effects.scored(text, 63), ("63.0", True), ("65", True),
    ),
    Pure(
        "papers.void_points", "score_step = 0.1", 'score_step = 0.1\nvoid_points = "dropped"',
        effects.void_judgements, "40", "0",
    ),
    Pure(
        "papers.difficulty", "difficulty = [1, 2, 4, 2, 1]", "difficulty = [1, 3, 4, 1, 1]",
        effects.mean_difficulty, Decimal("3.0"), Decimal("2.8"),
    ),
    Pure(
        "papers.one_per_point", "difficulty = [", "one_per_point = false\ndifficulty = [",
        effects.drawn_of_few_points, "assembly.shortfall", "drawn",
    ),
    Pure(
        "papers.sections.type", 'type = "single_choice"', 'type = "true_false"',
        effects.refused, [], ["blueprint.section_repeated"],
    ),
    Pure(
        "papers.sections.count", "count = 40\npoints_each = 1", "count = 20\npoints_each = 2",
        effects.kinds, (40, 60), (20, 60),
    ),
    Pure(
        "papers.sections.points_each", "count = 40\npoints_each = 1", "count = 20\npoints_each = 2",
        lambda text: effects.drawn(text)["positions"][0]["points"], "1", "2",
    ),
    Pure(
        "papers.sections.shuffle_items", "shuffle_items = true\nshuffle_choices",
        "shuffle_items = false\nshuffle_choices", effects.items_in_order, False, True,
    ),
    Pure(
        "papers.sections.shuffle_choices", "shuffle_items = true\nshuffle_choices = true",
        "shuffle_items = true\nshuffle_choices = false", effects.choices_in_order, False, True,
    ),
    Pure(
        "papers.sections.credit", '"all_or_nothing"', '"subset"', effects.half_of_a_multiple_choice, "0",
        "1/2", text=SHIPPED.replace(MULTIPLE, HALVED),
    ),
    Pure(
        "papers.units.number", "number = 2", "number = 5", effects.refused, [], ["blueprint.unit_number"],
    ),
    Pure(
        "papers.units.project", 'project = "客户服务策划"', 'project = "安全管理"',
        lambda text: effects.printed(text, "安全管理"), False, True,
    ),
    Pure(
        "papers.units.select", 'select = "required"', 'select = "optional"',
        lambda text: effects.refused(text) or effects.printed(text, "必考"), True,
        ["blueprint.value_unknown"],
    ),
    Pure(
        "papers.units.credit", ', ordering = "adjacent_pairs" }', " }", effects.half_of_an_ordering, True,
        False,
    ),
    Pure(
        "papers.units.shuffle_choices", UNITS, UNITS.replace("shuffle_choices = true", "shuffle_choices = false"),
        lambda text: effects.choices_in_order(text, "skills", units={1, 2}), False, True,
    ),
]  # fmt: skip

TRAINED = 'training = "2"\nafter = "certificate"'

ENROLMENT = [
    Pure("enrolment.days_ahead", "days_ahead = 20", "days_ahead = 10", enrolment.earliest, 28, 14),
    Pure(
        "enrolment.counted_to", 'counted_to = "application"', 'counted_to = "exam"', enrolment.counting_day,
        date(2026, 11, 27), date(2026, 12, 30),
    ),
    Pure(
        "enrolment.gap_days", "gap_days = 30", "gap_days = 10",
        lambda text: enrolment.met(text, enrolment.GAP), [1], [],
    ),
    Pure(
        "majors.own", '"客户服务管理", ', '"客户服务管理", "声乐", ',
        lambda text: enrolment.studied(text, "声乐"), [], [3],
    ),
    Pure(
        "majors.related", '"市场营销", ', "", lambda text: enrolment.studied(text, "市场营销"), [3], [],
    ),
    Pure(
        "majors.other", "[majors]\n", '[majors]\nother = ["声乐"]\n',
        lambda text: enrolment.studied(text, "声乐"), [], [4],
    ),
    Pure(
        "fees.first", "first = 280", "first = 300.5",
        lambda text: enrolment.charged(text, theory="first", skills="first"), [28000], [30050],
    ),
    Pure(
        "fees.retake", "retake = 100", "retake = 120",
        lambda text: enrolment.charged(text, theory="retake"), [10000], [12000],
    ),
    Pure(
        "fees.materials", "materials = 0", "materials = 50",
        lambda text: enrolment.charged(text, skills="retake"), [10000], [10000, 5000],
    ),
    Pure(
        "fees.materials_papers", '["skills"]', '["theory"]',
        lambda text: enrolment.charged(text, theory="retake"), [10000], [10000, 5000],
        text=SHIPPED.replace("materials = 0", "materials = 50"),
    ),
    Pure(
        "fees.refund_withdrawn", "refund_withdrawn = true", "refund_withdrawn = false", enrolment.given_back,
        True, False,
    ),
    Pure(
        "fees.unpaid_may_sit", "unpaid_may_sit = true", "unpaid_may_sit = false", enrolment.sits_unpaid,
        True, False,
    ),
    Pure(
        "eligibility.number", "number = 5\ntext", "number = 6\ntext", effects.refused, [],
        ["blueprint.condition_number"],
    ),
    Pure(
        "eligibility.text", "连续从事本职业工作5年以上", "本职业从业满五年",
        lambda text: effects.printed(text, "本职业从业满五年"), False, True,
    ),
    Pure(
        "eligibility.years", "years = 5\n", "years = 6\n",
        lambda text: enrolment.met(text, enrolment.GAP), [1], [],
    ),
    Pure(
        "eligibility.education", 'education = "junior_college"', 'education = "bachelor"',
        lambda text: enrolment.met(text, enrolment.GRADUATE), [3], [],
    ),
    Pure(
        "eligibility.major", 'education = "junior_college"\nmajor = "related"',
        'education = "junior_college"\nmajor = "other"',
        lambda text: enrolment.met(text, enrolment.GRADUATE), [3], [],
    ),
    Pure(
        "eligibility.schools", '"technical_school", ', "",
        lambda text: enrolment.met(text, enrolment.SKILLED), [2], [],
    ),
    Pure(
        "eligibility.senior_skills", "senior_skills = true", "senior_skills = false",
        lambda text: enrolment.met(
            text, PersonFacts(diplomas=(replace(enrolment.SKILLED.diplomas[0], senior_skills=False),))
        ),
        [], [2],
    ),
    Pure(
        "eligibility.certificate", 'certificate = "3"', 'certificate = "2"',
        lambda text: [one.atom for one in enrolment.condition(text, 2, enrolment.WORKER).lacking],
        ["years"], ["certificate", "years"], text=SHIPPED_L2,
    ),
    Pure(
        "eligibility.training", TRAINED, TRAINED.replace("2", "3"),
        lambda text: enrolment.met(text, enrolment.WORKER), [3, 6], [6], text=SHIPPED_L2,
    ),
    Pure(
        "eligibility.training_hours", TRAINED, f"{TRAINED}\ntraining_hours = 120",
        lambda text: enrolment.condition(text, 3, enrolment.WORKER).questions, (), ("training_hours",),
        text=SHIPPED_L2,
    ),
    Pure(
        "eligibility.after", 'certificate = "3"\nafter = "certificate"', 'certificate = "3"',
        lambda text: enrolment.met(text, enrolment.WORKER), [3, 6], [2, 3, 6], text=SHIPPED_L2,
    ),
]  # fmt: skip

IN_WORLD = [
    InWorld(
        "bank", 'bank = "customer-service-l3"', 'bank = "no-such-bank"', put(effects.redraw), "drawn",
        "draw.no_bank",
    ),
    InWorld(
        "admission.check_in_opens", "check_in_opens = 40", "check_in_opens = 36",
        lambda world, text: effects.arrives(world, text, before=38 * MINUTE), "in", "admission.not_open",
    ),
    InWorld(
        "admission.report", "report = 30", "report = 25",
        lambda world, text: effects.before_start(effects.planned_from(world, text), "report_at"), 30.0, 25.0,
    ),
    InWorld(
        "admission.sign_in_opens", "sign_in_opens = 20", "sign_in_opens = 12.5",
        lambda world, text: effects.before_start(effects.planned_from(world, text), "sign_in_opens_at"),
        20.0, 12.5,
    ),
    InWorld(
        "admission.late_limit", "late_limit = 15", "late_limit = 10",
        lambda world, text: effects.arrives(world, text, before=16 * MINUTE), "in", "admission.late",
    ),
    InWorld(
        "admission.late_from", 'late_from = "report_at"', 'late_from = "start"',
        lambda world, text: effects.arrives(world, text, before=14 * MINUTE), "admission.late", "in",
    ),
    InWorld(
        "admission.sign_in_needs_check_in", "sign_in_needs_check_in = true", "sign_in_needs_check_in = false",
        lambda world, text: effects.planned_from(world, text).sign_in_needs_check_in, True, False,
    ),
    InWorld(
        "admission.leave_allowed", "leave_allowed = true", "leave_allowed = false",
        lambda world, text: effects.planned_from(world, text).leave_allowed, True, False,
    ),
    InWorld(
        "retake.years", "years = 2", "years = 3", put(lambda world: effects.last_retake(world, "extra")),
        date(2028, 11, 24), date(2029, 11, 24),
    ),
    InWorld(
        "retake.window_from", 'window_from = "release"', 'window_from = "exam"',
        put(lambda world: effects.last_retake(world, "extra", released=timedelta(days=3))),
        date(2028, 11, 27), date(2028, 11, 24),
    ),
    InWorld(
        "retake.absent_may_retake", "absent_may_retake = false", "absent_may_retake = true",
        put(lambda world: effects.last_retake(world, "factor")), None, date(2028, 11, 24),
    ),
    InWorld(
        "papers.name", 'name = "理论知识"', 'name = "应知"',
        put(lambda world: effects.paper_of(world)["title"]), "客户服务管理员（三级）· 理论知识",
        "客户服务管理员（三级）· 应知",
    ),
    InWorld(
        "papers.minutes", "minutes = 45\npoints = 100", "minutes = 50\npoints = 100",
        put(effects.minutes_left), 45.0, 50.0,
    ),
    InWorld(
        "papers.warnings", "warnings = [15, 5, 1]\ncalculator = false",
        "warnings = [10]\ncalculator = false",
        put(lambda world: effects.clock_of(world)["warnings"]), [900, 300, 60], [600],
    ),
    InWorld(
        "papers.unit_warnings", "unit_warnings = [3, 1]", "unit_warnings = [2]",
        put(lambda world: effects.clock_of(world, "factor")["unit_warnings"]), [180, 60], [120],
    ),
    InWorld(
        "papers.calculator", "calculator = false", "calculator = true",
        put(lambda world: effects.paper_of(world)["calculator"]), False, True,
    ),
    InWorld(
        "papers.tools", "calculator = false", 'calculator = false\ntools = ["masking", "ruler"]',
        put(lambda world: effects.paper_of(world)["tools"]), [], ["ruler", "masking"],
    ),
    InWorld(
        "papers.lock_down", "lock_down = true", "lock_down = false",
        put(effects.watermark), "王小明 261100010001", None,
    ),
    InWorld(
        "papers.release", 'release = "score"', 'release = "verdict"',
        put(lambda world: (lambda exam: (exam.outcome, exam.score))(effects.results(world, "theory").exams[0])),
        (PaperOutcome.PASSED, Decimal("72.5")), (PaperOutcome.PASSED, None),
    ),
    InWorld(
        "papers.submit.earliest", "earliest = 30", "earliest = 20",
        put(lambda world: effects.hands_in(world, 25 * MINUTE)), 425, 200,
    ),
    InWorld(
        "papers.submit.closed_before_end", "closed_before_end = 0", "closed_before_end = 10",
        put(lambda world: effects.hands_in(world, 36 * MINUTE)), 200, 409,
    ),
    InWorld(
        "papers.clock.unit_timing", 'unit_timing = "strict"', 'unit_timing = "pooled"',
        put(lambda world: effects.paper_of(world, "factor")["timing"]), "strict", "pooled",
    ),
    InWorld(
        "papers.clock.unused_time", 'unused_time = "carried"', 'unused_time = "lost"',
        put(lambda world: effects.unit_end(world, finish_first_at=4 * MINUTE)), "01:25:00", "01:19:00",
    ),
    InWorld(
        "papers.clock.late_start", 'late_start = "scale"', 'late_start = "cut"',
        put(lambda world: effects.unit_end(world, late=9 * MINUTE)), "01:17:00", "01:19:00",
    ),
    InWorld(
        "papers.clock.grace", "grace = 3", "grace = 6",
        put(lambda world: effects.saves_after_the_end(world, 5 * SECOND)), 410, 200,
    ),
    InWorld(
        "papers.sections.name", 'name = "判断题"', 'name = "是非题"',
        put(lambda world: effects.paper_of(world)["sections"][0]["name"]), "判断题", "是非题",
    ),
    InWorld(
        "papers.sections.minutes", MULTIPLE,
        MULTIPLE.replace("count = 40", "minutes = 20\ncount = 40").replace(
            "count = 60", "minutes = 25\ncount = 60"
        ),
        put(lambda world: (lambda paper: (paper["timing"], len(paper["units"])))(effects.paper_of(world))),
        ("none", 0), ("strict", 2),
    ),
    InWorld(
        "papers.units.name", 'name = "服务职责及规范要求"', 'name = "岗位规范"',
        put(lambda world: effects.paper_of(world, "factor")["units"][0]["name"]), "服务职责及规范要求",
        "岗位规范",
    ),
    InWorld(
        "papers.units.minutes", UNITS,
        UNITS.replace("minutes = 10", "minutes = 12").replace("minutes = 15", "minutes = 13"),
        put(effects.unit_end), "01:10:00", "01:12:00",
    ),
    InWorld(
        "papers.units.points", UNITS,
        UNITS.replace("points = 25", "points = 20").replace("points = 30", "points = 35"),
        put(lambda world: [unit["points"] for unit in effects.paper_of(world, "factor")["units"]][:2]),
        ["25", "30"], ["20", "35"],
    ),
]  # fmt: skip

ROSTERS = [
    ("ref", f'ref = "{effects.L3}"', 'ref = "trade-x"', {"level": "trade-x"}, ["roster.level"], []),
    (
        "occupation.code", 'code = "4-07-02-03"', 'code = "6-31-01-03"', {"occupation": "6-31-01-03"},
        ["roster.occupation"], [],
    ),
    (
        "occupation.aliases", 'aliases = ["客服服务管理员", ', 'aliases = ["客户经理", ',
        {"occupation": "客户经理"}, ["roster.occupation"], [],
    ),
    ("level.code", 'code = "3"', 'code = "9"', {"level": "9"}, ["roster.level"], []),
    (
        "papers.modes", 'modes = ["machine", "paper"]', 'modes = ["paper"]', {}, [], ["roster.paper_mode"],
    ),
]  # fmt: skip


def keys() -> set[str]:
    """Every key of a blueprint file, as docs/blueprints.md names them."""
    found = {field.key for field in spec.TOP}
    found |= {f"{table}.{field.key}" for table, fields in spec.TABLES.items() for field in fields}
    found |= {f"papers.{field.key}" for field in spec.PAPER}
    found |= {f"{rows}.{field.key}" for rows, fields in spec.LISTS.items() for field in fields}
    nested = {**spec.PAPER_TABLES, **spec.PAPER_LISTS}
    return found | {f"papers.{table}.{field.key}" for table, fields in nested.items() for field in fields}


def test_every_key_has_a_case() -> None:
    cases = (
        [case.key for case in [*PURE, *ENROLMENT]]
        + [case.key for case in IN_WORLD]
        + [key for key, *_ in ROSTERS]
    )
    assert len(cases) == len(set(cases))
    assert set(cases) == keys()


@pytest.mark.parametrize("case", [*PURE, *ENROLMENT], ids=lambda case: case.key)
def test_a_key_changes_what_is_read_drawn_or_scored(case: Pure) -> None:
    assert case.old in case.text
    assert case.seen(case.text) == case.before
    assert case.seen(case.text.replace(case.old, case.new, 1)) == case.after


@pytest.mark.parametrize("changed", [False, True], ids=["as shipped", "changed"])
@pytest.mark.parametrize("case", IN_WORLD, ids=[case.key for case in IN_WORLD])
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_key_changes_what_people_meet(world: World, case: InWorld, changed: bool) -> None:
    assert case.old in SHIPPED
    text = SHIPPED.replace(case.old, case.new, 1) if changed else SHIPPED
    assert case.seen(world, text) == (case.after if changed else case.before)


@pytest.mark.parametrize(
    ("old", "new", "person", "before", "after"),
    [pytest.param(*case[1:], id=case[0]) for case in ROSTERS],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_key_changes_whom_a_roster_may_bring(
    world: World,
    tmp_path: Path,
    old: str,
    new: str,
    person: dict[str, str],
    before: list[str],
    after: list[str],
) -> None:
    folder = tmp_path / "blueprints"
    folder.mkdir()
    assert old in SHIPPED
    assert effects.roster_of(world, folder, SHIPPED, **person) == before
    assert effects.roster_of(world, folder, SHIPPED.replace(old, new, 1), **person) == after
