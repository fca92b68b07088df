"""The office edits the table of reasons a row at a time; what is offered changes at once, records do not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from cbt.blueprints.models import ReasonsVersion
from cbt.blueprints.reason_file import written
from cbt.blueprints.reasons import table_in_force, version_in_force
from cbt.blueprints.store import read_reasons, shipped_reasons
from cbt.blueprints.versions import load_reasons
from cbt.http.i18n import catalogues
from cbt.rules.violations import Effect, Evidence, Reason, ReasonTable, Tier, Violation
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.exams.sources import shipped_table
from tests.helpers import count_queries
from tests.proctoring.desk import Desk, audited, done, registration, row, running
from tests.world import World

WORDS = st.text(min_size=1, max_size=30).map(str.strip).filter(lambda text: text != "" and text.isprintable())
CODE = "c" + "a" * 8
ROW = {"zh": "带走草稿纸", "en": "Took paper away", "clause": "考场须知第 8 条", "tier": "breach"}
ROW |= {"effect_deduct": "1", "deduct": "2.5", "evidence_object": "1"}
PLACE = "/office/reasons/violations"


def table(world: World) -> ReasonTable:
    with world.app.app_context(), reading() as session:
        return table_in_force(session)


def keep(world: World, client: FlaskClient, url: str, **fields: str) -> TestResponse:
    with world.app.app_context(), reading() as session:
        version = str(version_in_force(session) or "")
    return client.post(url, data={"begun_from": version, **fields})


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_violation_is_added_used_renamed_and_retired(world: World) -> None:
    running(world, "theory")
    officer, chief = world.staff("officer"), world.staff("chief_proctor")
    with count_queries(world.app) as asked:
        page = officer.get("/office/reasons").text
    assert len(asked) <= 6
    assert "喧哗、扰乱秩序" in page
    assert f"{PLACE}/new" in page
    assert f"{PLACE}/new" not in chief.get("/office/reasons").text
    assert chief.get(f"{PLACE}/new").status_code == 403

    refused = keep(world, officer, f"{PLACE}/new", code="paper", **(ROW | {"deduct": ""}))
    assert refused.status_code == 422
    assert 'value="带走草稿纸"' in refused.text
    assert keep(world, officer, f"{PLACE}/new", code="noise", **ROW).status_code == 422
    assert keep(world, officer, f"{PLACE}/new", code="Paper!", **ROW).status_code == 422
    assert table(world) == shipped_table()
    assert keep(world, officer, f"{PLACE}/new", code="paper", **ROW).status_code == 303
    assert table(world).violation("paper") == Violation(
        "paper", ROW["zh"], ROW["en"], ROW["clause"], Tier.BREACH, (Effect.DEDUCT,), (Evidence.OBJECT,),
        deduct=Decimal("2.5"),
    )  # fmt: skip

    desk = Desk(world)
    done(desk.act("violation", "theory", code="paper", reason="交卷时带走"))
    recorded = registration(world, "theory").violation_version_id
    stale = officer.post(f"{PLACE}/of/paper", data={"begun_from": "0", **ROW, "retired": "1"})
    assert stale.status_code == 409
    assert keep(world, officer, f"{PLACE}/of/paper", **ROW, retired="1").status_code == 303
    assert "带走草稿纸" not in desk.ask("violation", "theory").text
    assert registration(world, "theory").violation_version_id == recorded
    assert audited(world).count("reasons.keep") == 2
    assert officer.get("/office/reasons/reasons.toml").data.decode().count("retired = true") == 1


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_what_the_product_itself_writes_stays_and_a_start_takes_only_what_is_new(world: World) -> None:
    officer = world.staff("officer")
    with world.app.app_context(), unit_of_work() as session:
        load_reasons(session, shipped_reasons().parent, now=world.clock.now(), actor="cli")
    url = "/office/reasons/reasons/of/other"
    assert keep(world, officer, url, zh="其他", en="Other", retired="1").status_code == 422
    assert keep(world, officer, url, zh="别的", en="Other").status_code == 303
    assert officer.get("/office/reasons/nonesuch/new").status_code == 404
    assert officer.get("/office/reasons/reasons/of/nonesuch").status_code == 404
    world.clock.advance(timedelta(hours=1))
    with world.app.app_context(), unit_of_work() as session:
        load_reasons(session, shipped_reasons().parent, now=world.clock.now(), actor="cli")
    found = table(world).reason("other")
    assert found is not None
    assert found.zh == "别的"
    assert row(world, ReasonsVersion, filed_at=None).source == written(table(world))


@given(
    reasons=st.lists(st.tuples(WORDS, WORDS, st.booleans()), max_size=3),
    points=st.decimals("0.01", "99", places=2),
)
def test_a_written_table_reads_back_the_same(reasons: list[tuple[str, str, bool]], points: Decimal) -> None:
    shipped = shipped_table()
    more = tuple(Reason(f"{CODE}{place}", *said) for place, said in enumerate(reasons))
    noise = Violation("x", "a", 'b"', "c\\", Tier.CHEATING, (Effect.DEDUCT,), (Evidence.VIDEO,), points, True)
    made = ReasonTable((*shipped.violations, noise), (*shipped.reasons, *more), more)
    with catalogues():
        assert read_reasons(written(made), name="x") == made
