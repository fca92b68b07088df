"""Somebody who has typed `cbt demo` and does what it printed: nothing is known but what stands there."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Locator, Page, expect

from cbt.config import FILE_VARIABLE
from cbt.paths import product_dir
from tests.fork_server import CAN_FORK, end_with_parent
from tests.journeys.browsers import DESK, SHOTS, Watch
from tests.journeys.centre import text_of
from tests.packaging.served import SERVE
from tests.product_processes import PATIENCE_SECONDS, Forked, run_cbt
from torture.sites.waiting import free_port, is_free, wait_for
from torture.tools import faketime_library

OWN_PASSWORD = "a window over the harbour"
_STAFF = re.compile(r"^([a-z][a-z0-9]+) +(\S+) +(\S.*?) +([0-9A-Za-z]{14})$", re.MULTILINE)
_SEAT = re.compile(r"^(\d\d) +(\S+) +\S+ +(\d{12}) +(\w{6})(?: +(\d{6}))? +(\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Ticket:
    """A candidate's line."""

    seat: str
    name: str
    ticket: str
    last_six: str
    code: str
    door: str


@dataclass
class Demo:
    """`cbt demo` on a folder and a port of its own, in a language, and what it printed."""

    folder: Path
    language: str
    port: int = field(default_factory=free_port)
    said: str = ""

    @property
    def url(self) -> str:
        """Return where it printed that it is."""
        assert f"http://127.0.0.1:{self.port}/" in self.said
        return f"http://127.0.0.1:{self.port}"

    @property
    def staff(self) -> dict[str, str]:
        """Return the one-time passwords by login."""
        return {login: password for login, _, _, password in _STAFF.findall(self.said)}

    @property
    def tickets(self) -> list[Ticket]:
        """Return the candidates' lines."""
        return [Ticket(*found) for found in _SEAT.findall(self.said)]

    @property
    def room_code(self) -> str:
        """Return the code that binds machines to seats."""
        return self.line("demo.standing.room_code")["name"]

    def text(self, key: str, **values: object) -> str:
        """Return a text in the language of the demo."""
        return text_of(self.language, key, **values)

    def line(self, key: str, **known: str) -> dict[str, str]:
        """Return what the placeholders of a text hold in the line that was printed of it."""
        values = {name: f"\0{name}\0" for name in ("until", "name", "count", "command", "path")} | known
        pattern = re.escape(self.text(key, **values))
        for name in values.keys() - known.keys():
            pattern = pattern.replace(re.escape(f"\0{name}\0"), f"(?P<{name}>.+?)", 1)
        found = re.search(f"{pattern}$", self.said, re.MULTILINE)
        assert found, f"{key}\n{self.said}"
        return found.groupdict()

    def environment(self, later: str = "") -> dict[str, str]:
        """Return what it is started with; `later` is how far the machine's clock is ahead.

        A start of later is looked at by few, and has one process for them.
        """
        kept = {name: text for name, text in os.environ.items() if not name.startswith("CBT_")}
        own = {"CBT_DATA_DIR": str(self.folder / "day"), "CBT_PORT": str(self.port), "CBT_HOST": "127.0.0.1"}
        ahead = {
            "LD_PRELOAD": str(faketime_library()),
            "FAKETIME": later,
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        own |= {"CBT_LOCALE": self.language, FILE_VARIABLE: "none", "PYTHONUTF8": "1"}
        return kept | own | {"PYTHONPATH": str(product_dir("templates").parent)} | (ahead if later else {})

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `cbt demo` to an end."""
        return run_cbt(["demo", *arguments], self.environment(), self.folder)

    @contextlib.contextmanager
    def served(self, *arguments: str, later: str = "") -> Iterator[Demo]:
        """Start `cbt demo` as it is typed, until the block ends."""
        out = self.folder / "printed"
        out.unlink(missing_ok=True)
        process = self._begin(["demo", *arguments], later, out)
        try:
            up = wait_for(lambda: process.poll() is not None or self._answers(), PATIENCE_SECONDS)
            self.said = out.read_text("utf-8")
            assert up, self.said
            assert process.poll() is None, self.said
            yield self
            self.said = out.read_text("utf-8")
        finally:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert wait_for(lambda: is_free(self.port), 20)

    def _begin(self, arguments: list[str], later: str, out: Path) -> subprocess.Popen[bytes] | Forked:
        """Begin it with the product's modules loaded; another clock is seen by a new program alone."""
        environment = self.environment(later)
        if CAN_FORK and not later:
            return Forked(
                SERVE,
                arguments,
                environment=environment,
                folder=self.folder,
                out=out,
                err=out,
                own_group=True,
            )
        with out.open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "cbt.cli", *arguments], cwd=self.folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
                preexec_fn=end_with_parent if CAN_FORK else None,
            )  # fmt: skip

    def _answers(self) -> bool:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            line.request("GET", "/healthz")
            return line.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()


class Window:
    """A browser of its own: cookies that no other has, and pages that nothing went wrong on."""

    def __init__(self, chromium: Chromium, demo: Demo, name: str) -> None:
        self.demo = demo
        self.name = f"{name}-{demo.language}"
        self._watch = Watch(self.name)
        self._watch.allow("status of 4(09|10|22|03)", "status of 304")
        self._context: BrowserContext = chromium.new_context(
            viewport=DESK, reduced_motion="reduce", locale=demo.language,  # type: ignore[arg-type]  # Playwright's own dict type
        )  # fmt: skip
        self._watch.on(self._context)
        self._context.set_default_timeout(30_000)
        self.page: Page = self._context.new_page()

    def __enter__(self) -> Window:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.close()
        if error is None:
            assert self._watch.faults() == []

    def go(self, path: str) -> None:
        """Open a page."""
        reply = self.page.goto(self.demo.url + path)
        assert reply is not None
        assert reply.ok, path
        self.look(path.strip("/").replace("/", "-") or "first")

    def find(self, selector: str) -> Locator:
        """Return what `selector` names."""
        return self.page.locator(selector)

    def word(self, key: str, **values: object) -> str:
        """Return a text in the language of the demo."""
        return self.demo.text(key, **values)

    def look(self, name: str) -> None:
        """Take a picture, when pictures are wanted."""
        if folder := os.environ.get(SHOTS):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.wait_for_load_state()
            self.page.screenshot(path=Path(folder) / f"demo-{self.name}-{name}.png")

    # Staff

    def sign_in(self, login: str, password: str) -> None:
        """Sign in at /staff with what was printed or chosen."""
        self.go("/staff")
        self.find("input[name=login]").fill(login)
        self.find("input[name=password]").fill(password)
        self.find("main form button[type=submit]").click()
        self.page.wait_for_load_state()

    def first_time(self, login: str) -> None:
        """Sign in with the one-time password, and change it as one is asked to."""
        self.sign_in(login, self.demo.staff[login])
        expect(self.find("input[name=old]")).to_be_visible(timeout=30_000)
        self.find("input[name=old]").fill(self.demo.staff[login])
        for name in ("new", "again"):
            self.find(f"input[name={name}]").fill(OWN_PASSWORD)
        self.find("main form button[type=submit]").click()
        expect(self.find(".home-head, .cards, header nav a").first).to_be_visible(timeout=30_000)
        self.look("home")

    def walks(self) -> None:
        """Ask for every page that the navigation offers, and look at the first."""
        paths = [one.get_attribute("href") or "" for one in self.find("header nav a").all()]
        assert paths, f"{self.name} has nothing to do"
        self.go(paths[0])
        expect(self.find("h1").first).to_be_visible()
        for path in paths[1:]:
            assert self._context.request.get(self.demo.url + path).ok, path

    def enter_room(self, name: str) -> None:
        """Go from 监考 to the board of a sitting's room."""
        self.go("/proctor")
        enter = self.word("proctoring.rooms.enter")
        self.find(f"main li:has-text('{name}'), main article:has-text('{name}')").get_by_role(
            "link", name=enter
        ).first.click()
        expect(self.find("#live")).to_be_visible(timeout=30_000)
        self.page.wait_for_load_state()  # before its scripts are there, a link leaves the page
        self.look("board")

    def ask_room(self, act: str) -> None:
        """Open the preview of an act about the room."""
        self.find(f"#live-bar a[href$='/acts/{act}']").click()
        expect(self.find("#asked #act-title")).to_be_visible(timeout=30_000)

    def pick(self, seat: str) -> None:
        """Select a seat on the map."""
        self.find(f"input.pick[data-name^='{seat} ']").check(force=True)
        expect(self.find("#pick-none")).to_be_visible()

    def choose(self, act: str) -> None:
        """Choose an act for the selection."""
        button = self.find(f"#picked-acts button[formaction$='/acts/{act}']")
        if not button.is_visible():
            self.find("#picked-acts summary").click()
        button.click()
        expect(self.find("#asked")).to_be_visible(timeout=30_000)

    def confirm(self) -> None:
        """Do what the preview says."""
        self.find("#asked .dialog-foot button").last.click()
        expect(self.find("#asked")).to_be_hidden(timeout=30_000)
        expect(self.find("#problem")).to_be_empty()

    # Candidates

    def bind(self, seat: str) -> None:
        """Bind this browser to a seat by the room code."""
        self.go("/")
        if not self.find("#bind").is_visible():  # the machine is known by its address
            self.find(".door-foot summary").click()
        self.find("#bind input[name=room_code]").fill(self.demo.room_code)
        self.find("#bind input[name=number]").fill(seat)
        self.find("#bind button[type=submit]").click()
        expect(self.find(".door-number b")).to_have_text(seat, timeout=30_000)

    def type_ticket(self, one: Ticket, *, code: bool = False) -> None:
        """Sign in at the seat, by the last six of the document or by the code."""
        self.find("#sign_in input[name=ticket]").fill(one.ticket)
        if code:
            self.find("label[for=by-code]").click()
        self.find(f"#sign_in input[name={'code' if code else 'document'}]").fill(
            one.code if code else one.last_six
        )
        self.find("#sign_in button[type=submit]").click()

    def tile(self, one: Ticket) -> Locator:
        """Return a candidate's place on the map."""
        return self.find(f".seat:has(input.pick[data-name^='{one.seat} '])")

    def signs_out(self) -> None:
        """Leave the desk to somebody else."""
        self.find("header form[action$='/sign-out'] button").click()
        self.page.wait_for_load_state()

    def waits(self) -> None:
        """Confirm who one is, agree, and sit in the waiting room."""
        self.agrees()
        expect(self.find("#wait")).to_be_visible(timeout=30_000)
        self.look("wait")

    def agrees(self) -> None:
        """Confirm who one is, and agree to the rules."""
        button = self.find("form[action$='/exam/confirm'] button")
        expect(button).to_be_visible(timeout=30_000)
        self.look("confirm")
        button.click()
        self.find("input[name=agree]").check()
        self.look("rules")
        self.find(".door-pledge button").click()

    def tries_the_practice(self) -> None:
        """Look at the practice of the waiting room, and come back."""
        way = self.find("#wait a[href*='practice'], main a[href*='practice']").first
        path = way.get_attribute("href")
        assert path
        self.go(path)
        self.page.go_back()
        expect(self.find("#wait")).to_be_visible(timeout=30_000)

    def answers_some(self, count: int) -> None:
        """Answer so many items of the paper that opens by itself, those with choices or blanks."""
        expect(self.find("#paper")).to_be_visible(timeout=30_000)
        for number in range(count):
            if number:
                self.page.keyboard.press("PageDown")
            item = self.find("article.item:visible").nth(
                min(number, self.find("article.item:visible").count() - 1)
            )
            if item.locator(".choice input").count():
                item.locator(".choice input").first.check(force=True)
            elif item.locator("input.blank").count():
                item.locator("input.blank").first.fill("12")
        expect(self.find("#save.ok")).to_be_visible(timeout=30_000)

    def answers_one(self) -> None:
        """Answer and flag the first item of the paper that opens by itself."""
        self.answers_some(1)
        self.find("article.item:visible button.flag").first.click()
        expect(self.find("#save.ok")).to_be_visible(timeout=30_000)
        self.look("paper")
