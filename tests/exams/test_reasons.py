"""The table of reasons: what is refused at which line, which version is in force, and where its words come from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import flask
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cbt.assembly.commands import check
from cbt.audit.models import AuditEntry
from cbt.blueprints import reasons
from cbt.blueprints.commands import schema_text
from cbt.blueprints.models import ReasonsVersion
from cbt.blueprints.store import blueprint_files, read_reasons, shipped_reasons
from cbt.blueprints.versions import load_reasons
from cbt.errors import InvalidInput
from cbt.http.i18n import catalogues, word
from cbt.paths import product_dir
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import FakeClock

SHIPPED = shipped_reasons().read_text("utf-8")
DEDUCTED = SHIPPED.replace('effects = ["warning"]', 'effects = ["deduct"]\ndeduct = 5', 1)


@pytest.fixture
def spoken() -> Iterator[None]:
    with catalogues():
        yield


def line_of(text: str, start: str, nth: int = 1) -> int:
    """Return the line of the nth occurrence of a line that begins with `start`."""
    places = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith(start)]
    return places[nth - 1]


def findings(text: str) -> list[tuple[int, str]]:
    with pytest.raises(InvalidInput) as error:
        read_reasons(text, name="reasons.toml")
    assert error.value.code == "reasons.refused"
    listed = error.value.params["findings"]
    assert isinstance(listed, list)
    for found in listed:
        assert found["file"] == "reasons.toml"
        assert not found["what"].startswith("error.")
        assert found["fix"]
        assert not found["fix"].startswith("error.")
    return [(found["line"], found["what"]) for found in listed]


@pytest.mark.usefixtures("spoken")
@pytest.mark.parametrize(
    ("old", "new", "start", "nth", "said"),
    [
        pytest.param("schema = 1", "schema = 2", "schema", 1, "2", id="another schema"),
        pytest.param("schema = 1\n", "", "#:schema", 1, "schema", id="no schema"),
        pytest.param("[[reasons]]", "[[reason]]", "[[reason]]", 1, "reason", id="an unknown list"),
        pytest.param('zh = "喧哗', 'cn = "喧哗', "cn", 1, "cn", id="an unknown key"),
        pytest.param('zh = "喧哗、扰乱秩序"\n', "", "[[violations]]", 2, "zh", id="no Chinese name"),
        pytest.param('en = "Network"', 'en = " "', 'en = " "', 1, "en", id="an empty name"),
        pytest.param('tier = "breach"', 'tier = "crime"', "tier", 1, "crime", id="a tier there is not"),
        pytest.param('["warning"]', '["fine"]', "effects", 1, "fine", id="an effect there is not"),
        pytest.param('["warning"]', '"warning"', "effects", 1, "warning", id="an effect, not a list"),
        pytest.param('["warning"]', "[]", "effects", 1, "是空的", id="no effect"),
        pytest.param('["warning"]', '["warning", "warning"]', "effects", 1, "warning", id="an effect twice"),
        pytest.param('"witness"]', '"rumour"]', "evidence", 1, "rumour", id="evidence there is not"),
        pytest.param('["statement", "witness"]', "[]", "evidence", 1, "是空的", id="no evidence"),
        pytest.param('clause = "考场须知第 5 条"\n', "", "[[violations]]", 1, "clause", id="no clause"),
        pytest.param('["warning"]', '["deduct"]', "[[violations]]", 1, "deduct", id="how many points"),
        pytest.param('["warning"]', '["deduct"]\ndeduct = 0', "deduct", 1, "deduct", id="no points"),
        pytest.param(
            '["warning"]', '["warning"]\ndeduct = 5', "deduct", 1, "deduct", id="points for nothing"
        ),
        pytest.param(
            '["warning"]', '["warning"]\nretired = 1', "retired", 1, "1", id="a number for a switch"
        ),
        pytest.param(
            'code = "noise"', 'code = "wrong_seat"', 'code = "wrong_seat"', 2, "wrong_seat", id="twice"
        ),
        pytest.param(
            'code = "power"', 'code = "device"', 'code = "device"', 2, "device", id="a reason twice"
        ),
        pytest.param(
            'code = "noise"', 'code = "Noise!"', 'code = "Noise!"', 1, "Noise!", id="a code's letters"
        ),
        pytest.param('code = "noise"', f'code = "{"n" * 21}"', 'code = "nnn', 1, "nnn", id="a long code"),
        pytest.param('code = "other"', 'code = "others"', "[[reasons]]", 1, "other", id="no other"),
        pytest.param(
            'zh = "系统"',
            'retired = true\nzh = "系统"',
            "retired",
            1,
            "system",
            id="the product's own, retired",
        ),
        pytest.param(
            'code = "power"', 'code = "evacuation"', 'code = "evac', 1, "evacuation", id="evacuation"
        ),
        pytest.param("[[reasons]]", "[[reasons]", "[[reasons]", 1, "TOML", id="no TOML"),
    ],
)
def test_what_does_not_hold_is_named_at_its_line(old: str, new: str, start: str, nth: int, said: str) -> None:
    assert old in SHIPPED
    text = SHIPPED.replace(old, new, 1)
    assert any(line == line_of(text, start, nth) and said in what for line, what in findings(text))


@pytest.mark.usefixtures("spoken")
def test_every_finding_is_named_at_once() -> None:
    text = SHIPPED.replace('["warning"]', '["fine"]').replace('"device"', '"device"\nspare = 1')
    assert len(findings(text)) == 5


def test_a_code_of_twenty_characters_and_points_are_taken() -> None:
    table = read_reasons(DEDUCTED.replace('"wrong_seat"', f'"{"n" * 20}"'), name="reasons.toml")
    assert (table.violations[0].code, table.violations[0].deduct) == ("n" * 20, 5)


def test_the_shipped_schemas_are_those_the_readers_use() -> None:
    shipped = (product_dir("blueprints") / "reasons.schema.json").read_text("utf-8")
    assert shipped == schema_text("reasons")
    row = json.loads(shipped)["properties"]["violations"]["items"]
    assert row["required"] == ["code", "zh", "en", "clause", "tier", "effects", "evidence"]
    assert row["properties"]["effects"]["items"]["enum"][-1] == "all_void"


def test_the_check_prints_the_table_or_every_finding(tmp_path: Path) -> None:
    own = tmp_path / "reasons.toml"
    own.write_text(SHIPPED.replace('en = "Noise, disturbance"', 'en = "Noise"\nretired = true'), "utf-8")
    sound = CliRunner().invoke(check, [str(own)])
    assert sound.exit_code == 0
    assert "违纪 13 项" in sound.output
    assert (
        "noise               喧哗、扰乱秩序      Noise                   考场须知第 6 条  warning"
        in sound.output
    )
    assert sound.output.count("停用") == 1
    own.write_text(SHIPPED.replace('["warning"]', '["fine"]', 1), "utf-8")
    faulty = CliRunner().invoke(check, [str(own), str(shipped_reasons())])
    assert faulty.exit_code == 2
    assert f"{own}:{line_of(SHIPPED, 'effects')}: " in faulty.output
    assert f"{shipped_reasons()}: 核对无误" in faulty.output


def test_the_file_of_reasons_is_no_blueprint() -> None:
    assert [path.name for path in blueprint_files(product_dir("blueprints"))] == [
        "customer-service-l2.toml",
        "customer-service-l3.toml",
    ]


def start(app: flask.Flask, clock: FakeClock, folder: Path) -> None:
    """Load the folder as a start does, a minute after the last."""
    clock.advance(timedelta(minutes=1))
    with app.app_context(), unit_of_work() as session:
        load_reasons(session, folder, now=clock.now(), actor="cli")


def in_force(app: flask.Flask) -> str:
    with app.app_context(), reading() as session:
        noise = reasons.table_in_force(session).violation("noise")
        assert noise is not None
        return noise.zh


def test_each_start_takes_the_folders_own_table_and_else_the_shipped_one(
    app: flask.Flask, clock: FakeClock, tmp_path: Path
) -> None:
    own = tmp_path / "reasons.toml"
    assert in_force(app) == "喧哗、扰乱秩序"
    start(app, clock, tmp_path)
    start(app, clock, tmp_path)
    assert in_force(app) == "喧哗、扰乱秩序"
    own.write_text(SHIPPED.replace("喧哗、扰乱秩序", "喧哗"), "utf-8-sig")
    assert in_force(app) == "喧哗、扰乱秩序"
    start(app, clock, tmp_path)
    assert in_force(app) == "喧哗"
    own.unlink()
    start(app, clock, tmp_path)
    assert in_force(app) == "喧哗、扰乱秩序"
    with app.app_context(), reading() as session:
        assert len(session.scalars(select(ReasonsVersion)).all()) == 2
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
        assert list(acts).count("reasons.load") == 3  # going back is a change, too


def test_the_shipped_table_is_the_first_even_where_a_centre_begins_with_its_own(
    app: flask.Flask, clock: FakeClock, tmp_path: Path
) -> None:
    (tmp_path / "reasons.toml").write_text(DEDUCTED.replace("喧哗、扰乱秩序", "喧哗"), "utf-8")
    start(app, clock, tmp_path)
    assert in_force(app) == "喧哗"
    with app.app_context(), reading() as session:
        before = reasons.violation_of(session, "wrong_seat", None)
        now = reasons.violation_of(session, "wrong_seat", reasons.version_in_force(session))
        assert before is not None
        assert now is not None
        assert (before.deduct, now.deduct) == (0, 5)
        assert reasons.violation_of(session, "no_such", None) is None


def test_a_refused_table_stops_the_start_and_leaves_the_former_in_force(
    app: flask.Flask, clock: FakeClock, tmp_path: Path
) -> None:
    start(app, clock, tmp_path)
    (tmp_path / "reasons.toml").write_text("schema = 1\n", "utf-8")
    with pytest.raises(InvalidInput, match=r"reasons\.refused"):
        start(app, clock, tmp_path)
    assert in_force(app) == "喧哗、扰乱秩序"


@pytest.mark.parametrize(
    ("message_id", "zh", "en"),
    [
        ("violation.copying", "抄袭", "Copying"),
        ("proctoring.reason.power", "停电", "Power"),
        pytest.param("proctoring.reason.evacuation", "紧急疏散", "Evacuation", id="the product's own"),
        pytest.param("violation.gone", "gone", "gone", id="a code no table has"),
        pytest.param("proctoring.reason.gone", "gone", "gone", id="a reason no table has"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_stored_code_is_read_in_both_languages(app: flask.Flask, message_id: str, zh: str, en: str) -> None:
    for locale, said in (("zh", zh), ("en", en)):
        with app.test_request_context(headers={"Cookie": f"locale={locale}"}):
            assert word(message_id) == said
