"""The curves of items (IRT) as a workbook: only of enough people, each figure with its error, and on record."""

from __future__ import annotations

import io

import numpy as np
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.results.analysis.curves import curves_of
from cbt.results.analysis.figures import ItemColumn, PaperAnswers
from cbt.storage.unit_of_work import reading
from tests.results.analysis_scene import hold
from tests.world import World


def answers(table: np.ndarray) -> PaperAnswers:
    """Return a paper whose cells are parts of two points; NaN was not asked."""
    person, item = np.nonzero(~np.isnan(table))
    cells = len(person)
    columns = [
        ItemColumn(f"K{number}", 1, None, "single_choice", "", "", "", "X", 3, 4, 1)
        for number in range(table.shape[1])
    ]
    return PaperAnswers(
        title="卷",
        points=100,
        pass_points=60,
        scores=[50.0] * len(table),
        items=columns,
        person=person.astype(np.int32).tobytes(),
        item=item.astype(np.int32).tobytes(),
        stratum=np.zeros(cells, np.int32).tobytes(),
        earned=(2 * table[person, item]).tobytes(),
        worth=np.full(cells, 2.0).tobytes(),
        chosen=np.full(cells, -1, np.int32).tobytes(),
        answered=np.ones(cells, np.int8).tobytes(),
        forms=[0] * len(table),
        places=[0] * len(table),
        place_names=["室"],
        genders=[""] * len(table),
        names={},
        weights={},
    )


def test_what_has_no_curve_is_left_out_and_what_was_planted_is_found() -> None:
    rng = np.random.default_rng(8)
    hard = np.array([-1.0, -0.3, 0.4, 1.1, 0.0, 0.0, 0.0, 0.0])
    table = (rng.random((1200, 8)) < 1 / (1 + np.exp(hard - rng.normal(0, 1, (1200, 1))))).astype(float)
    table[:, 5] = 1  # right for all
    table[::3, 6] = 0.5  # partly right
    table[190:, 7] = np.nan  # asked of too few
    told = curves_of(answers(table))
    assert [one.ref for one in told.items] == ["K0", "K1", "K2", "K3", "K4"]
    for one, planted in zip(told.items, hard, strict=False):
        assert one.n == 1200
        assert abs(one.difficulty - planted) < 3.5 * one.difficulty_error
        assert abs(one.location - planted) < 3.5 * one.location_error
        assert abs(one.slope - 1) < 3.5 * one.slope_error
    assert told.people == 1200
    assert told.double_likelihood >= told.simple_likelihood
    few = curves_of(answers(table[:199]))
    assert (few.items, few.n) == ([], 199)


@pytest.mark.once
def test_the_workbook_is_the_offices_and_put_on_record(world: World) -> None:
    held = hold(world, 210, rooms=2)
    asked = {"scope": "sitting", "ref": held.sitting_ref}
    officer = world.staff("officer")
    for role in ("chief_proctor", "inspector", "author"):
        assert world.staff(role).post("/results/analysis/curves", data=asked).status_code == 403
    assert officer.post("/results/analysis/curves", data=asked | {"scope": "moon"}).status_code == 404
    answer = officer.post("/results/analysis/curves", data=asked)
    assert answer.status_code == 200
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.data)).get_sheet_by_index(0)
    cells = [[cell for cell in row if cell != ""] for row in sheet.to_python()]
    figures = [row for row in cells if len(row) == 9 and isinstance(row[1], float)]
    assert len(figures) > 50
    assert all(row[1] == 210 and 0 < row[2] < 1 and row[4] > 0 and row[6] > 0 for row in figures)
    assert any("210 人" in str(row[0]) for row in cells if row)
    with world.app.app_context(), reading() as session:
        acts = session.scalars(
            select(AuditEntry.act).where(AuditEntry.subject == f"sitting:{held.sitting_ref}")
        ).all()
    assert acts.count("results.curves_export") == 1
