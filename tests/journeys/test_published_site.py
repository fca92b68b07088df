"""A published look-up site in a browser: a stranger who knows number and name, one who does not, and no list."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from cbt.certificates import look_up
from tests.certificates.test_certificates import BOTH, given, qualify, set_parts
from tests.certificates.test_publishing import certificates, published
from tests.journeys.looks import violations
from tests.world import World

pytestmark = pytest.mark.journey

VECTORS = Path(__file__).parents[1] / "rules" / "certificates" / "look_up_vectors.json"
_TWIN = """async (vectors) => {
    const site = await import("/site.js");
    const unhex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
    const told = [];
    for (const one of vectors) {
        const key = await site.stretched(one.number, one.name, one);
        told.push([
            site.plainNumber(one.number), site.plainName(one.name), await site.recordRef(key),
            await site.opened(unhex(one.record), key),
        ]);
    }
    return told;
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Any web server: it sends files and says nothing."""

    asked: ClassVar[list[str]] = []

    def log_message(self, format: str, *args: object) -> None:
        """Keep what was asked."""
        self.asked.append(self.path)


@contextmanager
def anywhere(folder: Path) -> Iterator[str]:
    """Serve a folder as any web server would; yield its address."""
    Quiet.asked.clear()
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def ask(page: Page, number: str, name: str) -> None:
    page.get_by_label("证书编号或证件号码").fill(number)
    page.get_by_label("姓名").fill(name)
    page.keyboard.press("Enter")
    expect(page.locator("#ask button")).to_be_enabled()


def assert_right(page: Page) -> None:
    """Hold the page to axe, light and dark, and to its width on a telephone."""
    assert [*violations(page)] == []
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1024, "height": 800})


def test_a_stranger_finds_a_certificate_and_nobody_a_list(
    world: World, chromium: Chromium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_up, "ITERATIONS", 1000)
    qualify(world)
    set_parts(world)
    given(world, *BOTH)
    published(world, tmp_path / "site")
    (number, name, document), (_, other, _) = certificates(world)
    wrong: list[str] = []
    with anywhere(tmp_path / "site") as address:
        context = chromium.new_context(locale="zh-CN", viewport={"width": 1024, "height": 800})
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        expect(page.get_by_role("heading", name="证书查询")).to_be_visible()
        assert_right(page)
        ask(page, number, other)
        expect(page.get_by_text("没有查到这份证书")).to_be_visible()
        assert_right(page)
        for typed in (number, f"{number[:5]}-{number[5:]}", document):
            ask(page, typed, f" {name}　")
            expect(page.get_by_text("证书有效")).to_be_visible()
            expect(page.get_by_text("没有查到这份证书")).to_be_hidden()
            assert page.locator("[data-fact=name]").all_inner_texts() == [name]
            assert page.locator("[data-fact=number]").inner_text().replace(" ", "") == number
        assert_right(page)
        asked = " ".join(Quiet.asked)
        assert not any(told in asked for told in (number, document))
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("heading", name="Certificate")).to_be_visible()
        vectors = json.loads(VECTORS.read_bytes())
        expected = [[one[key] for key in ("plain_number", "plain_name", "ref", "content")] for one in vectors]
        assert page.evaluate(_TWIN, vectors) == expected
        (tmp_path / "site" / "site.json").unlink()
        page.get_by_role("link", name="中文").click()
        ask(page, number, name)
        expect(page.get_by_text("没有查到这份证书")).to_be_hidden()
        expect(page.get_by_text("这次没有查成")).to_be_visible()
        page.add_init_script("Object.defineProperty(crypto, 'subtle', {value: undefined})")
        page.goto(address)
        expect(page.get_by_text("请用 https:// 开头的地址打开本页")).to_be_visible()
        expect(page.locator("#ask")).to_be_hidden()
        context.close()
    assert wrong == []
