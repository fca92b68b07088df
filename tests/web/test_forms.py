"""What a page shows of a form it refused."""

from __future__ import annotations

import pytest

from cbt.accounts.sign_in.refusals import ACT
from cbt.http.forms import NOTHING_REFUSED, Refusal
from tests.door.door import acts, machine_at, pass_the_door, sign_in, work
from tests.world import World


@pytest.mark.parametrize(
    ("what", "fix", "shown"),
    [
        pytest.param("名称为空。", "请填写名称。", "名称为空。请填写名称。", id="Chinese stands close"),
        pytest.param("It is empty.", "Type a name.", "It is empty. Type a name.", id="English apart"),
    ],
)
def test_a_refusal_stands_at_its_own_field_only(what: str, fix: str, shown: str) -> None:
    refused = Refusal(what, fix, "name", 422)
    assert (refused.at("name"), refused.at("address"), refused.general) == (shown, "", False)


def test_a_refusal_without_a_field_belongs_to_the_form_or_where_the_page_says() -> None:
    refused = Refusal("已发布。", "请刷新。", code=409)
    assert refused.general
    assert refused.at("") == ""
    assert refused.by_field() == {}
    assert refused.by_field(otherwise="second_login") == {"second_login": "已发布。 请刷新。"}


def test_nothing_refused_shows_nothing() -> None:
    assert (NOTHING_REFUSED.code, NOTHING_REFUSED.general, NOTHING_REFUSED.at("name")) == (200, False, "")
    assert NOTHING_REFUSED.by_field(otherwise="name") == {}
    assert not NOTHING_REFUSED.sent


def test_a_try_at_a_seat_is_no_refusal_of_whoever_is_signed_in_there(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    assert sign_in(world, client, "theory").status_code == 303
    assert sign_in(world, client, "skills").status_code == 403
    with work(world) as session:
        assert ACT not in acts(session)
