"""Whoever goes through numbers in public look-ups is counted by address, and a number alone names nobody (R-94)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.audit.store import ACTS
from cbt.http.auth.rate_limit import LOOK_UPS, SCOPES, Budget, SecretScope
from cbt.storage.unit_of_work import reading
from tests.attacks.briefly import open_briefly, tell_briefly
from tests.certificates.test_certificates import given, qualify, set_parts
from tests.results.scene import finish, release
from tests.world import World

FEW = Budget(4, LOOK_UPS.window)
ASKED: Mapping[str, Mapping[str, str]] = {
    "/verify": {"number": "S000031000001263{n:06}", "name": "王晓明"},
    "/my/results": {"ticket": "26000000{n:06}", "document": "000000"},
    "/my/results/slip": {"ticket": "26000000{n:06}", "document": "000000"},
    "/my/results/check": {"ticket": "26000000{n:06}", "code": "{n:016X}"},
}


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an address ask four times in a window."""
    monkeypatch.setitem(SCOPES, "look_ups", SecretScope(FEW, FEW, shared=False))
    tell_briefly(monkeypatch)
    open_briefly(monkeypatch)


def ask(world: World, path: str, fields: Mapping[str, str], number: int, *, address: str) -> int:
    """Ask once in a browser that nobody has seen before; return the status."""
    client = world.app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    client.get("/verify")  # its token is its own, and thrown away
    return client.post(path, data={name: text.format(n=number) for name, text in fields.items()}).status_code


@pytest.mark.parametrize("path", ASKED)
def test_a_browser_for_each_number_has_no_more_tries(world: World, path: str) -> None:
    told = [ask(world, path, ASKED[path], number, address="10.9.9.9") for number in range(FEW.tries + 3)]
    assert 429 not in told[: FEW.tries]
    assert told[FEW.tries :] == [429] * 3
    assert ask(world, path, ASKED[path], 99, address="10.9.9.8") != 429
    world.clock.advance(FEW.window)
    assert ask(world, path, ASKED[path], 99, address="10.9.9.9") != 429
    with world.app.app_context(), reading() as session:
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.act.startswith("guessing."))).all()
    assert "guessing.look_ups" in acts
    assert set(acts) <= ACTS


def test_one_kind_of_look_up_leaves_no_more_for_another(world: World) -> None:
    told = [
        ask(world, path, fields, number, address="10.9.9.9")
        for number in range(2)
        for path, fields in ASKED.items()
    ]
    assert told[FEW.tries :] == [429] * FEW.tries


def test_a_school_that_asks_rightly_is_not_counted(world: World) -> None:
    finish(world)
    release(world)
    own = {"ticket": world.sitters["theory"].ticket, "document": world.sitters["theory"].document[-6:]}
    told = [ask(world, "/my/results", own, 0, address="10.9.9.9") for _ in range(3 * FEW.tries)]
    assert set(told) == {200}


def test_a_number_alone_names_nobody(world: World) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    for said in (
        {"number": row.number},
        {"statement": row.number},
        {"statement": f"CBT-CERT:{row.number}"},
        {"statement": f"https://exam.example/verify#{row.number}"},
    ):
        answer = world.app.test_client().post("/verify", data=said)
        assert row.name not in answer.text
        assert "没有查到这份证书" in answer.text
    assert world.app.test_client().get(f"/verify/{row.number}").status_code == 404
    assert row.name not in world.app.test_client().get(f"/verify?number={row.number}").text
