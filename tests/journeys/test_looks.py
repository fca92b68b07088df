"""A look says what is wrong though it leaves out what was judged before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.journeys import looks

pytestmark = pytest.mark.journey

PAGE = """<!doctype html><html lang="zh" data-theme="light"><head><title>t</title><style>
    body {{ background: #fff; color: #222 }} html[data-theme=dark] .pale {{ color: #ddd }}
    .faint {{ color: #ccc }}</style></head>
    <body><main><h1>{title}</h1>{rest}</main></body></html>"""
NAVIGATIONS = "<nav aria-label='a'></nav><nav aria-label='{}'></nav>"


@pytest.fixture
def page(chromium: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page of no server, and nothing judged."""
    monkeypatch.setattr(looks, "right", looks.Right())
    opened = chromium.new_page()
    yield opened
    opened.close()


def wrong(page: Page, rest: str, *, title: str = "One", theme: str = "light") -> list[str]:
    """Return the rules that a page breaks in a theme."""
    page.set_content(PAGE.format(title=title, rest=rest))
    return sorted({told.partition(":")[0] for seen, told in looks.violations(page) if seen == theme})


def test_what_was_judged_is_not_judged_again_and_what_is_new_is(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = []
    bring = looks._bring_axe
    monkeypatch.setattr(looks, "_bring_axe", lambda page: (brought.append(1), bring(page)))
    assert wrong(page, "<p id='a1'>Some text</p>") == []
    brought.clear()
    assert wrong(page, "<p id='b2'>Another text</p>", title="Two") == []
    assert brought == []
    assert wrong(page, "<p id='b2'></p>") == []
    assert brought == [1]  # other structure, no colour


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("<p>text</p>", "<p class='faint'>text</p>", ["color-contrast"]),
        ("<button disabled class='faint'>text</button>", "<button class='faint'>text</button>", ["color-contrast"]),
        ("<p hidden class='faint'>text</p>", "<p class='faint'>text</p>", ["color-contrast"]),
        ("<button>text</button>", "<button></button>", ["button-name"]),
        ("<label for='a1'>t</label><input id='a1'>", "<label for='b1'>t</label><input id='c1'>", ["label"]),
        (NAVIGATIONS.format("b"), NAVIGATIONS.format("a"), ["landmark-unique"]),
        ("<p><a href='/'>t</a></p>", "<p role='x'>t</p>", ["aria-roles"]),
    ],
)  # fmt: skip
def test_what_differs_in_what_a_rule_asks_is_judged(
    page: Page, before: str, after: str, found: list[str]
) -> None:
    assert wrong(page, before) == []
    assert wrong(page, after) == found
    assert wrong(page, after) == found  # what is wrong stays wrong


def test_each_theme_has_colours_of_its_own(page: Page) -> None:
    assert wrong(page, "<p class='pale'>text</p>") == []
    assert wrong(page, "<p class='pale'>text</p>", theme="dark") == ["color-contrast"]


def test_a_look_leaves_the_page_as_it_was(page: Page) -> None:
    page.set_content(PAGE.format(title="One", rest="<p>text</p>"))
    page.evaluate(
        "window.journeyTimer = window.setTimeout; document.documentElement.dataset.theme = 'dark'; null"
    )
    assert list(looks.violations(page)) == []
    kept = "window.journeyTimer === window.setTimeout && document.documentElement.dataset.theme"
    assert page.evaluate(kept) == "dark"


def test_what_one_process_found_right_the_others_know(tmp_path: Path) -> None:
    one, other = looks.Right(), looks.Right()
    for each in (one, other):
        each.share(tmp_path / "right")
    one.add(["1", "2"])
    assert other.lacks(["1", "3"]) == ["3"]
    other.add(["3"])
    assert one.lacks(["1", "2", "3"]) == []
