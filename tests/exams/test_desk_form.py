"""A blueprint by form: what is typed becomes the TOML it says, and what the form does not show stays."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.office.pages import act_on, blank_form, data_of, form_of, head_of, sent_form, written
from cbt.blueprints.reader import read
from cbt.paths import product_dir, translations_dir
from cbt.storage.unit_of_work import reading
from tests.exams.sources import ELECTRICIAN, shipped
from tests.helpers import flat
from tests.world import World

SOURCES = [shipped("l3").read_text("utf-8"), shipped("l2").read_text("utf-8"), ELECTRICIAN.read_text("utf-8")]
FIELD = re.compile(
    r'<input(?=[^>]*\bname="(?P<name>[^"]+)")(?![^>]*type="file")[^>]*?\bvalue="(?P<value>[^"]*)"'
    r'|<select[^>]*\bname="(?P<select>[^"]+)".*?<option value="(?P<chosen>[^"]*)" selected>',
    re.S,
)


def tables(text: str) -> dict[str, Any]:
    return tomllib.loads(text, parse_float=Decimal)


@pytest.mark.parametrize("text", SOURCES, ids=["l3", "l2", "another trade"])
def test_a_form_that_is_left_as_it_is_says_the_same_tables(text: str) -> None:
    data = tables(text)
    said = data_of(form_of(data), data)
    assert tables(written(said, head_of(text))) == said == data
    assert read(written(said))[0] == read(text)[0]


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
tidy = names.map(lambda text: " ".join(text.split())).filter(bool)


@settings(max_examples=40)
@given(names, names, st.decimals(0, 10**6, places=2), st.lists(names, max_size=3))
def test_whatever_is_written_is_read_the_same(
    name: str, code: str, points: Decimal, aliases: list[str]
) -> None:
    data = {
        "ref": name,
        "schema": 1,
        "occupation": {"code": code, "aliases": aliases},
        "papers": {
            code: {
                "name": name,
                "points": points,
                "calculator": True,
                "tools": ["ruler"],
                "units": [{"credit": {"matching": name}}],
            }
        },
    }
    assert tables(written(data)) == data


@settings(max_examples=40)
@given(
    st.lists(
        st.sampled_from(
            [
                "row:theory",
                "row:skills",
                "less:theory:0",
                "less:skills:1",
                "drop:skills",
                "paper:skills",
                "row:none",
                "less:theory:9",
            ]
        ),
        max_size=8,
    ),
    tidy,
)
def test_rows_and_papers_come_and_go_and_what_is_typed_stays(acts: list[str], name: str) -> None:
    form = form_of(tables(SOURCES[0]))
    form.values["occupation.name"] = name
    for act in acts:
        act_on(form, act)
    data = data_of(form, tables(SOURCES[0]))
    assert data["occupation"]["name"] == name
    assert data["admission"] == tables(SOURCES[0])["admission"]
    assert [row["number"] for row in data["papers"].get("skills", {}).get("units", [])] == list(
        range(1, len(data["papers"].get("skills", {}).get("units", [])) + 1)
    )
    assert tables(written(data)) == data


def test_a_row_that_is_taken_away_takes_its_own_rules_with_it() -> None:
    data = tables(SOURCES[0])
    data["papers"]["skills"]["units"][0]["shuffle_choices"] = False
    form = form_of(data)
    act_on(form, "less:skills:0")
    said = data_of(form, data)["papers"]["skills"]["units"]
    assert [(row["number"], row["name"], row["shuffle_choices"]) for row in said] == [
        (number, row["name"], True) for number, row in enumerate(data["papers"]["skills"]["units"][1:], 1)
    ]


def test_full_width_figures_are_figures_and_words_are_left_to_the_reader() -> None:
    form = blank_form()
    form.papers[0].values |= {
        "minutes": "４５",
        "points": "一百",
        "pass_points": "60.5",
        "warnings": "15、5 1",
    }
    said = data_of(form, {})["papers"]["theory"]
    assert (said["minutes"], said["points"], said["pass_points"]) == (45, "一百", Decimal("60.5"))
    assert said["warnings"] == [15, 5, 1]


def test_more_than_a_form_has_is_cut() -> None:
    sent = MultiDict(
        [("paper", "theory"), *[("row.theory", "new")] * 500, *[("paper", f"p{n}") for n in range(50)]]
    )
    form = sent_form(sent)
    assert len(form.papers[0].rows) == 30
    assert len(form.papers) <= 4


def fields_of(page: str) -> list[tuple[str, str]]:
    """What a browser would send of the form on a page."""
    inside = page[page.index('class="blue-form"') :]
    found = [
        (one["name"] or one["select"], one["value"] if one["name"] else one["chosen"])
        for one in FIELD.finditer(inside)
    ]
    return [pair for pair in found if pair[0] != "csrf_token"]


def send(world: World, fields: list[tuple[str, str]], act: str, **changed: str) -> TestResponse:
    sent = [(name, changed.get(name, value)) for name, value in fields]
    return world.staff("officer").post("/office/blueprints/form", data=MultiDict([*sent, ("act", act)]))


def test_a_level_is_made_and_changed_by_form_alone(world: World) -> None:
    office = world.staff("officer")
    fields = fields_of(office.get("/office/blueprints/new").get_data(as_text=True))
    typed = {
        "ref": "cook-l4", "bank": "cook-l4", "occupation.code": "4-03-02-01", "occupation.name": "中式烹调师",
        "level.code": "4", "level.name": "四级", "papers.theory.name": "理论", "papers.theory.minutes": "20",
        "papers.theory.points": "100", "papers.theory.pass_points": "60", "papers.theory.submit.earliest": "5",
        "papers.theory.sections.0.name": "判断题", "papers.theory.sections.0.count": "49",
        "papers.theory.sections.0.points_each": "2",
    }  # fmt: skip
    one = send(world, fields, "drop:skills", **typed)
    page = one.get_data(as_text=True)
    assert "papers.skills" not in page
    refused = send(world, fields_of(page), "keep")
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert re.search(r'id="f-papers\.theory\.points-error">.*?98', page, re.S)
    checked = send(world, fields_of(page), "check", **{"papers.theory.sections.0.count": "50"})
    assert "新增考核方案 cook-l4" in flat(checked.get_data(as_text=True))
    kept = send(world, fields_of(checked.get_data(as_text=True)), "keep")
    assert kept.location == "/office/blueprints/of/cook-l4"
    again = fields_of(office.get("/office/blueprints/of/cook-l4/form").get_data(as_text=True))
    as_text = send(world, again, "text", **{"papers.theory.pass_points": "70"})
    assert "pass_points = 70" in as_text.get_data(as_text=True)
    assert send(world, again, "keep", **{"papers.theory.pass_points": "70"}).status_code == 303
    with world.app.app_context(), reading() as session:
        rows = session.scalars(
            select(BlueprintVersion).where(BlueprintVersion.ref == "cook-l4").order_by("id")
        )
        found = [read(row.source)[0] for row in rows]
    assert [one and one.papers["theory"].pass_points for one in found] == [60, 70]


def test_what_is_chosen_from_a_list_fills_its_fields() -> None:
    sent = MultiDict(
        {
            "pick.level": "3|三级",
            "level.code": "9",
            "pick.occupation": "",
            "occupation.code": "4-03-02-01",
            "occupation.name": "中式烹调师",
            "pick.bank": "cook-l3",
        }
    )
    said = data_of(sent_form(sent), {})
    assert said["level"] == {"code": "3", "name": "三级"}
    assert said["occupation"] == {"code": "4-03-02-01", "name": "中式烹调师"}
    assert said["bank"] == "cook-l3"


def test_the_form_offers_the_banks_the_occupations_and_the_levels_there_are(world: World) -> None:
    page = flat(world.staff("officer").get("/office/blueprints/new").get_data(as_text=True))
    for option in (
        '<option value="customer-service-l3">客户服务管理员（三级）（customer-service-l3）</option>',
        '<option value="4-07-02-03|客户服务管理员">客户服务管理员（4-07-02-03）</option>',
        '<option value="3|三级">三级（高级工）</option>',
    ):
        assert option in page
    again = flat(
        world.staff("officer").get("/office/blueprints/of/customer-service-l3/form").get_data(as_text=True)
    )
    for option in (
        'value="customer-service-l3" selected',
        'value="3|三级" selected',
        'value="strict" selected',
    ):
        assert option in again


def test_how_hard_the_minutes_of_a_unit_are_is_asked(world: World) -> None:
    fields = [
        pair
        for pair in form_fields("customer-service-l3", world)
        if pair[0] != "papers.skills.clock.unit_timing"
    ]
    for act in ("check", "keep"):
        answer = send(world, fields, act)
        page = flat(answer.get_data(as_text=True))
        assert "请选择各单元是逐个计时还是合并计时" in page
        assert "没有问题" not in page
    assert answer.status_code == 422
    asked = [*fields, ("papers.skills.clock.unit_timing", "pooled")]
    assert 'unit_timing = "pooled"' in flat(send(world, asked, "text").get_data(as_text=True)).replace(
        "&#34;", '"'
    )


def test_conditions_and_fees_are_shown_and_changed(world: World) -> None:
    fields = form_fields("customer-service-l3", world)
    assert ("fees.first", "280") in fields
    assert ("eligibility.0.years", "5") in fields
    page = send(world, fields, "condition").get_data(as_text=True)
    more = sent_by(page)
    assert [value for name, value in more if name == "condition"] == ["0", "1", "2", "3", "4", "new"]
    changed = {"fees.first": "300.5", "fees.refund_withdrawn": "false", "enrolment.days_ahead": "15"}
    rest = [(name, value) for name, value in more if not name.startswith("eligibility.5.")]
    kept = send(
        world, [*rest, ("eligibility.5.text", "取得四级证书后连续工作 3 年。"), ("eligibility.5.years", "3"),
                ("eligibility.5.certificate", "4"), ("eligibility.5.after", "certificate")], "keep", **changed,
    )  # fmt: skip
    assert kept.status_code == 303, re.findall(r"field-error.*?</p>", kept.get_data(as_text=True), re.S)
    with world.app.app_context(), reading() as session:
        query = select(BlueprintVersion).where(BlueprintVersion.ref == "customer-service-l3")
        row = session.scalars(query.order_by(BlueprintVersion.id.desc())).first()
        assert row is not None
        blueprint = read(row.source)[0]
    assert blueprint is not None
    assert (blueprint.fees.first, blueprint.fees.refund_withdrawn) == (30050, False)
    assert blueprint.enrolment.days_ahead == 15
    last = blueprint.conditions[-1]
    assert (last.number, last.years, last.certificate, last.after) == (6, 3, "4", "certificate")
    assert blueprint.majors.own == ("客户服务管理", "客户信息服务")
    shown = flat(world.staff("officer").get(kept.location).get_data(as_text=True))
    assert "取得四级证书后连续工作 3 年。" in shown
    assert "评价考核费 300.50 元" in shown


def form_fields(ref: str, world: World) -> list[tuple[str, str]]:
    """What a browser would send of the form of a blueprint as it stands."""
    return sent_by(world.staff("officer").get(f"/office/blueprints/of/{ref}/form").get_data(as_text=True))


def sent_by(page: str) -> list[tuple[str, str]]:
    """What a browser would send of a form: also what stands in areas, and no box that is not ticked."""
    page = re.sub(r'<input type="checkbox"(?:(?!checked)[^>])*>', "", page)
    areas = re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', page, re.S)
    return [*fields_of(page), *((name, value.strip()) for name, value in areas)]


def test_no_page_names_a_file_of_the_documentation() -> None:
    """Whoever reads a page has the product, and not its sources; what a command prints may name them."""
    printed = {"certificates.cli.https", "error.service.no_systemd.fix"}
    for file in translations_dir().glob("*/*.po"):
        for entry in file.read_text("utf-8").split("\n\n"):
            name = re.search(r'^msgid "(.*)"', entry, re.M)
            if name and name[1] not in printed and ".cli." not in name[1]:
                assert not re.search(r"\b[\w/-]+\.md\b", entry), (file, name[1])
    for template in product_dir("templates").rglob("*.html"):
        assert not re.search(r"\b[\w/-]+\.md\b", template.read_text("utf-8")), template
