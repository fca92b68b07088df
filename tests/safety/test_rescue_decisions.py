"""When what a server holds is secured, and what the database that lies there is to a rescue."""

from __future__ import annotations

from pathlib import Path

import pytest

from cbt.ops.reinstatement import DatabaseRelation, Reach, compare
from cbt.ops.salvage import WHOLE, Course, Deed, Rescue, RescueNote, next_deed
from cbt.storage.file_guard import Trouble

GONE = Trouble("db.gone", "")
RESCUE = Rescue(Path("/srv/data.rescue/cbt-1"), RescueNote("/srv/data/cbt.db", "00", "db.gone", WHOLE, []))
SEVEN = Reach(7, 3, "aa", {3: "aa"})


@pytest.mark.parametrize(
    ("trouble", "course", "at", "expected"),
    [
        pytest.param(None, Course(), 0.0, Deed.NOTHING, id="all is well"),
        pytest.param(GONE, Course(), 0.0, Deed.SECURE, id="gone"),
        pytest.param(GONE, Course(GONE, None, 100.0), 109.9, Deed.NOTHING, id="it failed a moment ago"),
        pytest.param(GONE, Course(GONE, None, 100.0), 110.0, Deed.SECURE, id="it is tried again"),
        pytest.param(GONE, Course(GONE, RESCUE, 100.0), 900.0, Deed.NOTHING, id="it is secured"),
        pytest.param(None, Course(GONE, RESCUE, 100.0), 101.0, Deed.GO_ON, id="it is back"),
    ],
)
def test_what_a_look_leads_to(trouble: Trouble | None, course: Course, at: float, expected: Deed) -> None:
    assert next_deed(trouble, course, at=at) is expected


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        pytest.param(None, DatabaseRelation.LESS, id="none that can be read"),
        pytest.param(Reach(6, 3, "aa", {3: "aa"}), DatabaseRelation.LESS, id="an answer less"),
        pytest.param(Reach(7, 2, "bb", {}), DatabaseRelation.LESS, id="an act less"),
        pytest.param(Reach(9, 3, "cc", {3: "cc"}), DatabaseRelation.LESS, id="another log"),
        pytest.param(Reach(7, 3, "aa", {3: "aa"}), DatabaseRelation.SAME, id="the same"),
        pytest.param(Reach(8, 3, "aa", {3: "aa"}), DatabaseRelation.MORE, id="an answer more"),
        pytest.param(Reach(7, 4, "dd", {3: "aa"}), DatabaseRelation.MORE, id="an act more"),
    ],
)
def test_what_a_database_is_to_a_rescue(present: Reach | None, expected: DatabaseRelation) -> None:
    assert compare(present, SEVEN) is expected
