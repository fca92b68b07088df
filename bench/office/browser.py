"""A browser of one of the staff: pages, the forms on them, files that come of them, and waiting for a job.

It goes by what a page shows and holds none of the product's addresses but those it is told, so that an act that
becomes a job of a queue is followed to its end as one that is done at once.
"""

from __future__ import annotations

import http.client
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urlsplit

from cbt.rehearsal.http_client import HOST

LOOK_SECONDS = 0.5
"""So often a page that waits for a job is looked at."""
AGAIN_SECONDS = (0.5, 5.0)
"""The least and the longest pause before a request that was not taken (503) is sent again."""
SAID = 300
_POLLED = re.compile(r'hx-get="([^"]+)"\s+hx-trigger="every')
_TAG = re.compile(r"<[^>]*>|\s+")
_STOP = re.compile(r'class="notice stop.*?</div>', re.DOTALL)
Fields = Mapping[str, str | Sequence[str]]
Files = Mapping[str, tuple[str, bytes]]


class NotDone(Exception):
    """The server did not do what it was asked; says what it answered instead."""


class OverBound(NotDone):
    """What was asked was not over after as long as an office waits."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered to the request for `path`."""

    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The page."""
        return self.body.decode(errors="replace")

    @property
    def is_page(self) -> bool:
        """Whether it is a page and no file."""
        return self.headers.get("content-type", "").startswith("text/html")

    @property
    def said(self) -> str:
        """What the page says went wrong, or how it begins."""
        notice = _STOP.search(self.text)
        shown = notice[0].partition(">")[2] if notice else self.text.partition("<main")[2] or self.text
        return f"{self.status} {_TAG.sub(' ', shown)}"[:SAID].strip()


@dataclass(slots=True)
class Form:
    """A form of a page: where it is sent, and what it holds before anybody types."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    """Reads the forms of a page, with what is hidden in them, ticked or filled in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._choice = ""
        self._page = page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a form, or of what one holds."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self._open = Form(given.get("action") or self._page)
            self.forms.append(self._open)
        elif self._open is None or "disabled" in given:
            return
        elif tag == "select":
            self._choice = given.get("name", "")
        elif tag == "option" and self._choice:
            held = [name for name, _ in self._open.fields]
            if "selected" in given or self._choice not in held:
                self._open.fields = [one for one in self._open.fields if one[0] != self._choice]
                self._open.fields.append((self._choice, given.get("value", "")))
        elif tag == "input" and given.get("name") and _is_held(given):
            self._open.fields.append((given["name"], given.get("value", "on")))

    def handle_endtag(self, tag: str) -> None:
        """Take note of where a form ends."""
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._choice = ""


def _is_held(given: Mapping[str, str]) -> bool:
    """Return whether an input of a form is sent although nobody touched it."""
    kind = given.get("type")
    return kind not in ("file", "submit") and (kind not in ("checkbox", "radio") or "checked" in given)


@dataclass(slots=True)
class Browser:
    """One person's browser. `until`: when whoever sits there has waited long enough (`time.perf_counter`)."""

    port: int
    cookie: str = field(repr=False)
    """What it came with; what it is given since stays here."""
    until: float = 0.0
    turned_away: int = 0
    """How often it was told to come again (503)."""

    def open(self, path: str) -> Answer:
        """Ask for a page or a file; raise NotDone for anything but that."""
        answer = self._follow(self._ask("GET", path))
        if answer.status != 200:
            raise NotDone(answer.said)
        return answer

    def send(
        self, page: str, action: str, fields: Fields | None = None, files: Files | None = None
    ) -> Answer:
        """Open a page, fill in its form that is sent to `action`, send it, and go where it leads.

        What the form holds itself stays where `fields` say nothing else. Raise NotDone where the page has no such
        form, or what was sent is refused.
        """
        shown = self.open(page)
        reader = _Forms(shown.path)
        reader.feed(shown.text)
        form = next((one for one in reader.forms if one.action.partition("?")[0] == action), None)
        if form is None:
            raise NotDone(f"no form for {action} on {page}: {shown.said}")
        typed = dict(fields or {})
        held = [one for one in form.fields if one[0] not in typed]
        for name, value in typed.items():
            held += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        kind, body = _multipart(held, files) if files else (_URLENCODED, urlencode(held).encode())
        answer = self._follow(self._ask("POST", form.action, body, {"Content-Type": kind}))
        if answer.status != 200:
            raise NotDone(answer.said)
        return answer

    def wait(self, answer: Answer) -> Answer:
        """Return the page that one leads to once the job it waits for is over; itself where it waits for none."""
        while answer.is_page and (polled := _POLLED.search(answer.text)):
            path = polled[1].replace("&amp;", "&")
            while True:
                time.sleep(LOOK_SECONDS)
                part = self._ask("GET", path, headers={"HX-Request": "true"})
                if part.status != 200 or "hx-refresh" in part.headers or not _POLLED.search(part.text):
                    break
            answer = self.open(answer.path)
        return answer

    def file_of(self, answer: Answer, ending: str) -> bytes:
        """Return the file that was asked for: the answer itself, or what the page links to once it is made."""
        answer = self.wait(answer)
        if answer.is_page:
            link = re.search(rf'href="([^"]+{re.escape(ending)}[^"]*)"', answer.text)
            if link is None:
                raise NotDone(f"no file: {answer.said}")
            answer = self.open(link[1].replace("&amp;", "&"))
        if answer.is_page or not answer.body:
            raise NotDone(f"no file: {answer.said}")
        return answer.body

    def _follow(self, answer: Answer) -> Answer:
        while answer.status in (302, 303) and (place := answer.headers.get("location")):
            parts = urlsplit(place)
            answer = self._ask("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        return answer

    def _ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request until it is taken; raise OverBound when that, or the answer, takes too long."""
        sent = {"Cookie": self.cookie, "Accept": "text/html,*/*;q=0.8", **(headers or {})}
        while (left := self.until - time.perf_counter()) > 0:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=left)
            try:
                connection.request(method, path, body, sent)
                reply = connection.getresponse()
                found = {name.lower(): value for name, value in reply.getheaders()}
                self._keep(reply.headers.get_all("set-cookie", []))
                answer = Answer(path, reply.status, found, reply.read())
            except TimeoutError:
                break
            except (OSError, http.client.HTTPException) as error:
                raise NotDone(f"{method} {path}: {error!r}") from error
            finally:
                connection.close()
            if answer.status != 503:
                return answer
            self.turned_away += 1
            least, longest = AGAIN_SECONDS
            asked = answer.headers.get("retry-after", "")
            time.sleep(min(longest, max(least, float(asked) if asked.isdigit() else least)))
        raise OverBound(f"{method} {path}: no answer in time")

    def _keep(self, given: Sequence[str]) -> None:
        held = dict(one.partition("=")[::2] for one in self.cookie.split("; "))
        held |= dict(one.partition(";")[0].partition("=")[::2] for one in given)
        self.cookie = "; ".join(f"{name}={value}" for name, value in held.items())


_URLENCODED = "application/x-www-form-urlencoded"


def _multipart(fields: Sequence[tuple[str, str]], files: Files) -> tuple[str, bytes]:
    mark = uuid.uuid4().hex
    head = f'--{mark}\r\nContent-Disposition: form-data; name="'
    parts = [f'{head}{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields]
    for name, (file, body) in files.items():
        parts += [f'{head}{name}"; filename="{file}"\r\n\r\n'.encode(), body, b"\r\n"]
    return f"multipart/form-data; boundary={mark}", b"".join([*parts, f"--{mark}--\r\n".encode()])
