"""The table of majors: what an office decides last holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.enrolment.conditions import MajorKind, MajorTable

TABLE = MajorTable(("客户服务管理",), ("市场营销", "企业管理"), ("土木工程",))
KINDS = [MajorKind.OWN, MajorKind.RELATED, MajorKind.OTHER]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("客户服务管理", MajorKind.OWN, id="own"),
        pytest.param("市场营销 专业", MajorKind.RELATED, id="with 专业 at its end"),
        pytest.param("企业　管理", MajorKind.RELATED, id="with a blank"),
        pytest.param("土木工程", MajorKind.OTHER, id="other"),
        pytest.param("哲学", MajorKind.UNKNOWN, id="nobody decided"),
    ],
)
def test_a_major_is_found_however_it_is_written(name: str, kind: MajorKind) -> None:
    assert TABLE.kind_of(name) is kind


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(["市场营销", "哲学", "土木工程专业", "会计"])))
)
def test_the_last_decision_about_a_major_holds(decided: list[tuple[MajorKind, str]]) -> None:
    table, last = TABLE, {}
    for kind, name in decided:
        table, last[name] = table.with_majors(kind, [name]), kind
    for name, kind in last.items():
        assert table.kind_of(name) is kind
