"""What a page shows of a form it refused."""

from __future__ import annotations

from collections.abc import Iterator

import flask
import pytest

from cbt.accounts.sign_in import ACT
from cbt.errors import CbtError, Conflict, InvalidInput, NotFound
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on
from cbt.http.partials import Reply
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


@pytest.fixture
def asked(app: flask.Flask) -> Iterator[None]:
    with app.test_request_context("/", method="POST"):
        yield


def _page(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    return f"{ref}: {refused.error}", refused.code


@pytest.mark.usefixtures("asked")
def test_what_a_view_refuses_is_shown_on_the_page_of_its_form_which_gets_what_it_takes() -> None:
    @form_on(_page)
    def save(ref: str, act: str) -> Reply:
        raise InvalidInput(f"staff.{act}")

    assert save(ref="st-1", act="roles") == ("st-1: staff.roles", 422)
    assert save("st-1", "login") == ("st-1: staff.login", 422)


@pytest.mark.usefixtures("asked")
def test_only_what_is_named_is_shown_there() -> None:
    @form_on(_page, InvalidInput, Conflict, only=lambda error: error.code != "staff.roles")
    def save(ref: str, error: CbtError) -> Reply:
        raise error

    assert save("st-1", InvalidInput("staff.login")) == ("st-1: staff.login", 422)
    for error in (InvalidInput("staff.roles"), NotFound("staff.unknown")):
        with pytest.raises(type(error)):
            save("st-1", error)


def test_a_try_at_a_seat_is_no_refusal_of_whoever_is_signed_in_there(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    assert sign_in(world, client, "theory").status_code == 303
    assert sign_in(world, client, "skills").status_code == 403
    with work(world) as session:
        assert ACT not in acts(session)
