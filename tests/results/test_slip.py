"""成绩单: printed of what is released, and a code that says whether it still stands like that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.printing.paper import papers_of
from tests.results.scene import SECOND, finish, release, release_url, rescore
from tests.world import World

pytestmark = pytest.mark.once


def slip(client: FlaskClient, folder: Path, **told: str) -> str:
    """Return what a printed slip says."""
    (page,) = papers_of(client.post("/my/results/slip", data=told), folder)
    return page.text


def code_on(text: str) -> str:
    """Return the code on a slip."""
    found = re.search(r"[0-9A-F]{16}", text)
    assert found is not None, text
    return found[0]


def test_a_slip_is_checked_by_its_code_until_something_changes(world: World, tmp_path: Path) -> None:
    finish(world)
    sitter = world.sitters["extra"]
    assert world.candidate("extra").post("/my/results/slip").status_code == 409
    release(world)
    told = slip(world.candidate("extra"), tmp_path)
    assert sitter.name in told
    assert "59.9" in told
    assert sitter.document not in told
    stranger = world.app.test_client()
    # Who is not signed in prints the same by ticket and document, and only by both.
    known = {"ticket": sitter.ticket, "document": sitter.document[-6:]}
    assert code_on(slip(stranger, tmp_path, **known)) == code_on(told)
    assert stranger.post("/my/results/slip", data=known | {"document": "000000"}).status_code == 422
    asked = {"ticket": sitter.ticket, "code": code_on(told).lower()}
    right = stranger.post("/my/results/check", data=asked).text
    assert "与现在的记录一致" in right
    assert "59.9" in right
    for wrong in ({"code": "0000 0000 0000 0000"}, {"code": ""}, {"ticket": world.sitters["theory"].ticket}):
        answer = stranger.post("/my/results/check", data=asked | wrong).text
        assert "与现在的记录不一致" in answer
        assert not any(one.name in answer for one in world.sitters.values())
    rescore(world, "extra", "61.0")
    assert "与现在的记录一致" in stranger.post("/my/results/check", data=asked).text
    data = {**SECOND, "act": "correct", "reason": "成绩复核"}
    assert world.staff("officer").post(release_url(world), data=data).status_code == 303
    assert "与现在的记录不一致" in stranger.post("/my/results/check", data=asked).text
    assert "61.0" in slip(world.candidate("extra"), tmp_path)


def test_codes_are_not_found_by_trying(world: World) -> None:
    client = world.app.test_client()
    client.get("/my/results/check")
    ticket = world.sitters["theory"].ticket
    asked = [
        client.post("/my/results/check", data={"ticket": ticket, "code": f"{n:016X}"}) for n in range(12)
    ]
    assert {one.status_code for one in asked} == {200, 429}
