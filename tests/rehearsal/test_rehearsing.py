"""`cbt rehearse`: three candidates really sit a paper over HTTP, and a room in which something broke says so."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import flask
import msgspec
import pytest

import cbt
from cbt.config import Settings
from cbt.demo.world import Variant, prepare_papers
from cbt.errors import NotFound
from cbt.rehearsal.commands import Judgement, Rehearsed, printed, summed_up, words
from cbt.rehearsal.installation import read_source
from cbt.rehearsal.virtual_candidate import Account
from tests.helpers import FakeClock
from tests.printing.paper import whole
from tests.product_processes import run_cbt

SEATS = 3
EMBEDDED = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""What asks no database is tried on one."""
FINE = Judgement(journal=3, lost=0, scored=1, wrong=0)


def sat(**changes: Any) -> Account:
    """Return the account of a candidate with whom all went well."""
    fine = Account(
        1,
        signed_in=True,
        started=0.4,
        acknowledged={(1, 1): (1, "A")},
        latencies=[0.004, 0.005, 0.02],
        receipt="R-1",
        closed=True,
    )
    return replace(fine, **changes)


def sheet_of(account: Account, judgement: Judgement = FINE) -> Rehearsed:
    return summed_up(
        [account], judgement, title="三级 · 理论知识", own=True, seconds=60, workers=2, killed=False
    )


def test_three_candidates_sit_a_paper_and_everything_is_thrown_away(tmp_path: Path) -> None:
    sheet, data = tmp_path / "sheet.pdf", tmp_path / "data"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CBT_")}
    root = str(Path(cbt.__file__).parents[1])
    asked = ["rehearse", "--json", "--seats", str(SEATS), "--minutes", "0.15", "--paper", "skills"]
    done = run_cbt(
        [*asked, "--pdf", str(sheet)],
        {**kept, "CBT_SETTINGS": "none", "CBT_DATA_DIR": str(data), "PYTHONPATH": root},
        Path.cwd(),
    )
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout)
    assert found["held"]
    assert (found["signed_in"], found["started"], found["scored"]) == (SEATS, SEATS, SEATS)
    assert found["handed_in"] + found["by_deadline"] == SEATS
    assert found["saves"]["count"] == found["journal"] > 0
    assert (found["lost"], found["wrong"], found["refused"], found["faults"]) == (0, 0, {}, [])
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.pdf"], (
        "no data of it are left, nor any new ones"
    )
    assert "可以开考" in whole(sheet.read_bytes(), tmp_path)[0].text


@EMBEDDED
@pytest.mark.parametrize(
    ("account", "judgement", "fault"),
    [
        pytest.param({"signed_in": False, "started": None}, FINE, "sign_in", id="nobody in"),
        pytest.param({"started": 11.0}, FINE, "slow_start", id="a slow start"),
        pytest.param({"latencies": [3.0] * 9}, FINE, "slow_saves", id="slow saves"),
        pytest.param({"refused": ["answer.invalid"]}, FINE, "refused", id="refused"),
        pytest.param({}, replace(FINE, lost=1), "lost", id="an answer lost"),
        pytest.param({"closed": False}, FINE, "closed", id="never closed"),
        pytest.param({}, replace(FINE, scored=0), "scored", id="not scored"),
        pytest.param({}, replace(FINE, wrong=1), "wrong", id="another score"),
    ],
)
def test_what_did_not_hold_is_no_go(
    app: flask.Flask, account: dict[str, Any], judgement: Judgement, fault: str
) -> None:
    found = sheet_of(sat(**account), judgement)
    assert fault in found.faults
    assert not found.held
    with app.test_request_context():
        assert any(line.startswith("  → ") for line in words(found))
    assert sheet_of(sat()).held


@EMBEDDED
def test_a_sheet_that_says_no_is_printed_with_its_reasons(app: flask.Flask, tmp_path: Path) -> None:
    with app.test_request_context():
        found = sheet_of(sat(refused=["web.too_many"]), replace(FINE, lost=2))
        page = whole(printed(found, at="2026-11-27 08:00", machine="考场一号机", language="zh"), tmp_path)
    assert len(page) == 1
    assert "暂不能开考" in page[0].text
    assert "web.too_many" in page[0].text


def test_the_bank_of_an_installation_is_read_and_nothing_is_written(
    app: flask.Flask, clock: FakeClock
) -> None:
    settings: Settings = app.extensions["cbt_settings"]
    variant = Variant("customer-service-l2", "theory")
    with app.app_context():
        prepare_papers(settings, [variant], forms=0, now=clock.now(), rng=random.Random(1))
    source = read_source(settings, blueprint="", paper="skills")
    assert (source.own, source.blueprint, source.paper) == (True, "customer-service-l2", "skills")
    assert len(source.rows["item"]) == len(source.rows["item_version"]) > 100
    with pytest.raises(NotFound, match="no_such_paper"):
        read_source(settings, blueprint="customer-service-l2", paper="essay")
    with pytest.raises(NotFound, match="unknown"):
        read_source(settings, blueprint="customer-service-l9", paper="")
