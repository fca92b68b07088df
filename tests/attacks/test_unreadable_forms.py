"""A form that cannot be read is refused once, with the page, in the person's language, and with all our headers."""

from __future__ import annotations

from typing import Any

import pytest

from cbt.errors import Unavailable
from cbt.http import problems, responses
from cbt.http.responses import SECURITY_HEADERS
from cbt.http.server.wsgi import call
from tests.web.test_kept_forms import PEOPLE, end_login, guarded
from tests.world import World

assert guarded  # a fixture
FORM = "multipart/form-data"
PART = b'--B\r\nContent-Disposition: form-data; name="name"\r\n\r\n'
BODIES = {
    "without a boundary": (FORM, b"abc", 400),
    "an empty boundary": (f"{FORM}; boundary=", b"abc", 400),
    "a boundary that is no ASCII": (f"{FORM}; boundary=\xe9", b"abc", 400),
    "nothing behind the boundary": (f"{FORM}; boundary=B", b"--B\r\nnothing", 400),
    "a field of two million bytes": (f"{FORM}; boundary=B", PART + b"x" * 2_000_000 + b"\r\n--B--\r\n", 413),
    "an address of two million bytes": ("application/x-www-form-urlencoded", b"a=" + b"x" * 2_000_000, 413),
    "a thousand parts": (f"{FORM}; boundary=B", (PART + b"x\r\n") * 1001 + b"--B--\r\n", 413),
}
ADDRESSES = ["http://[", "http://[x]y", "http://localhost:x/", "//", "http://localhost]/"]
"""What a browser may say of where it was, and no parser of addresses takes."""


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("state", ["signed in", "over", "nobody"])
@pytest.mark.parametrize("path", [PEOPLE, "/office/blueprints/file", "/staff/sign-in", "/preferences"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_form_that_cannot_be_read(guarded: World, kind: str, state: str, path: str, language: str) -> None:
    content_type, body, status = BODIES[kind]
    who = (
        "admin" if path == PEOPLE else "officer"
    )  # whose page it is: another's large body is not read at all
    client = guarded.app.test_client() if state == "nobody" else guarded.staff(who)
    client.set_cookie("locale", language)
    if state == "over":
        end_login(guarded, who)
    reply = client.post(path, data=body, content_type=content_type, headers={"Origin": "http://localhost"})
    assert reply.status_code == status
    assert SECURITY_HEADERS.items() <= dict(reply.headers).items()
    said = {
        400: ("系统看不懂这个请求", "could not be read"),
        413: ("一次最多", "at most", "最多", "at a time"),
    }[status]
    assert any(words in reply.text for words in said)
    assert f'lang="{"zh-CN" if language == "zh" else "en"}"' in reply.text


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("header", ["Referer", "HX-Current-URL", "Origin"])
@pytest.mark.parametrize("part", [False, True], ids=["page", "part"])
def test_an_address_that_is_none_ends_no_page(
    guarded: World, address: str, header: str, *, part: bool
) -> None:
    client = guarded.staff("admin")
    said = {header: address} | ({"HX-Request": "true"} if part else {})
    for path in (PEOPLE, "/nothing", "/staff/sign-in"):
        reply = client.post(path, data={"name": "x"}, headers=said)
        assert reply.status_code in (400, 404)
        assert SECURITY_HEADERS.items() <= dict(reply.headers).items()


def test_a_page_of_errors_that_fails_is_answered_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no page caught, from the WSGI door outward."""

    def fails(*_given: Any) -> None:
        raise Unavailable("db.write")

    monkeypatch.setattr(problems, "_response", fails)
    environ = world.app.test_request_context("/nothing").request.environ
    answer = call(world.app, environ)
    assert answer is not None
    status, sent, content = answer
    assert status == 500
    assert SECURITY_HEADERS.items() <= dict(sent).items()
    assert "系统出了意外" in content.decode()
    assert responses.bare_problem()[1] == content
