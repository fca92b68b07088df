"""Whoever sends too much reads how much it may be and what to do, wherever it was refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import flat
from tests.world import World

MOST = 20 * 1024 * 1024
UPLOADS = (
    "/office/blueprints/file",
    "/office/sittings/{sitting}/photos",
    "/office/registrations/{registration}/correct",
    "/bank/nothing/import",
)


@pytest.mark.parametrize("path", UPLOADS)
@pytest.mark.parametrize(
    ("headers", "has"),
    [
        pytest.param(
            {"Referer": "http://localhost/office/blueprints"}, 'href="/office/blueprints"', id="page"
        ),
        pytest.param({"HX-Request": "true"}, 'role="alert"', id="part of a page"),
        pytest.param({"Accept": "application/json"}, '"mb":20', id="program"),
    ],
)
def test_a_file_over_the_limit_is_refused_with_it(
    world: World, path: str, headers: dict[str, str], has: str
) -> None:
    client = world.staff("author" if path.startswith("/bank") else "officer")
    to = path.format(sitting=world.sitting_ref, registration=world.sitters["theory"].registration_ref)
    sent = client.post(to, headers=headers, environ_overrides={"CONTENT_LENGTH": str(MOST + 1)})
    told = (
        sent.get_data(as_text=True).replace(": ", ":") if "json" in has or '"mb"' in has else flat(sent.text)
    )
    assert sent.status_code == 413
    assert has in told
    if '"mb"' not in has:
        assert "一次最多 20 MB" in told
        assert "拆成几份" in told


def test_each_kind_of_too_much_says_its_own_limit(world: World) -> None:
    client, admin = world.app.test_client(), world.staff("admin")
    signed_out = client.post("/office/blueprints/file", environ_overrides={"CONTENT_LENGTH": str(MOST)})
    assert (signed_out.status_code, "请登录后重新选择文件" in signed_out.text) == (413, True)
    nobody = client.post("/staff/sign-in", environ_overrides={"CONTENT_LENGTH": str(MOST)})
    assert (nobody.status_code, "一次最多 256 KB" in nobody.text) == (413, True)
    many = {f"n{number}": "x" for number in range(1001)}
    form = admin.post("/staff/people", data=many, content_type="multipart/form-data")
    assert (form.status_code, "最多 1000 项" in form.text) == (413, True)
    admin.set_cookie("locale", "en")
    proxied = admin.get("/too-large")
    assert (proxied.status_code, "at most 20 MB at a time" in proxied.text) == (413, True)
    assert 'data-most-mb="20"' in admin.get("/staff").text


def test_the_proxy_of_the_documents_leads_to_that_page() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/deploy/nginx.conf").read_text("utf-8")
    assert "error_page 413 /too-large;" in text
