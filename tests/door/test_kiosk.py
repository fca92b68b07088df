"""A centre that insists on its kiosk browser lets no other one in, and says so; by default any browser will do."""

from __future__ import annotations

import hashlib
import plistlib

import pytest

from cbt.rules.door import HEADER, config_key, settings_for
from cbt.sittings.models import Centre
from tests.proctoring.desk import audited, row, running
from tests.world import World

ORIGIN = "http://localhost"


def header(path: str) -> dict[str, str]:
    key = config_key(settings_for(ORIGIN))
    return {HEADER: hashlib.sha256(f"{ORIGIN}{path}{key}".encode()).hexdigest()}


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_only_the_centres_own_browser_signs_in_and_opens_a_paper_where_it_insists(world: World) -> None:
    page = running(world, "theory")["theory"]
    officer, ref = world.staff("officer"), row(world, Centre).ref
    url, paper = f"/office/centres/{ref}", f"/exam/{page.ref}"
    assert page.client.get(paper).status_code == 200
    sent = officer.get(f"{url}/kiosk.seb")
    assert plistlib.loads(sent.data)["startURL"] == f"{ORIGIN}/"
    assert "exam.seb" in sent.headers["Content-Disposition"]
    assert world.staff("chief_proctor").post(f"{url}/kiosk", data={"kiosk": "1"}).status_code == 403
    assert officer.post(f"{url}/kiosk", data={"kiosk": "1"}).status_code == 303
    assert f"exam.seb 打开 {ORIGIN}" in officer.get(url).text

    refused = page.client.get(paper)
    assert refused.status_code == 403
    assert "本考点只能用考试浏览器登录" in refused.text
    assert page.client.get(paper, headers=header("/exam/other")).status_code == 403
    assert page.client.get(paper, headers=header(paper)).status_code == 200
    seat = world.app.test_client()
    bound = seat.post("/seat/bind", data={"room_code": world.room_code, "number": "1"})
    assert bound.status_code == 303
    entry = {"ticket": world.sitters["theory"].ticket, "by": "document", "document": "00001X"}
    wrong = seat.post("/sign-in", data=entry)
    assert "本考点只能用考试浏览器登录" in wrong.text
    right = seat.post("/sign-in", data=entry, headers=header("/sign-in"))
    assert "本考点只能用考试浏览器登录" not in right.text

    assert officer.post(f"{url}/kiosk", data={"kiosk": "0"}).status_code == 303
    assert page.client.get(paper).status_code == 200
    assert audited(world).count("centre.kiosk") == 2
