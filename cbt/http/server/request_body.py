"""The body of a request: read whole before the clock, within limits, spooled where it is large; its form.

A request names exactly one host; a form that cannot be read is refused once and is empty from then on. A browser of
the exam room sends a save in one piece. Whoever sends a body a byte at a time, or not at all, holds a place; the
limits keep such places few, however many lines are opened from however many addresses.

Source: R-21.
"""

from __future__ import annotations

import io
import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from operator import attrgetter
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, TYPE_CHECKING, Any, cast

import flask
from itsdangerous import BadSignature
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.routing import RequestRedirect

from cbt.clock import Agreement, Clock
from cbt.config import Settings
from cbt.confined.runner import SHARES
from cbt.errors import CbtError, NotAllowed, TooLarge, TooMany, Unavailable
from cbt.http.auth.access import access_of
from cbt.http.auth.cookies import cookie_signer, cookies_in, session_cookie
from cbt.http.auth.login import KIND, current_principal, staff_of
from cbt.http.server.deferred import ThreadsOnly
from cbt.rules.roles import Role
from cbt.slots import Slots

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATIENCE_SECONDS = 10.0
"""What any body has, before its rate is looked at; so far back it is looked at."""
LEAST_RATE = 16 * 1024
"""Bytes a second that a larger body has to keep up over the last of those seconds."""
SLOW_SECONDS = 1.0
"""A body that is not there after this counts as unfinished. What is quicker is never counted: when a room starts,
a thousand bodies arrive in one instant."""
MOST_UNFINISHED = 128
"""Unfinished bodies of one process, well below its threads (CBT_THREADS)."""
MOST_OF_ADDRESS = 24
"""Unfinished bodies of one address; a trusted proxy passes many people on and is not counted."""
LEAST_CUTS, ONE_OF = 8, 128
"""Bodies let go in one turn: so many, or one of so many that there are. Who means ill opens again at once what is
let go, and that costs everybody more than a body that waits: it holds nothing but its memory."""
SMALL_BODY = 256 * 1024
"""What anybody may send. Only a file is larger, and only people who are signed in send files."""

_ADDRESS = attrgetter("address")


@dataclass(slots=True, eq=False)
class Body:
    """One body on its way, and how much of a large one is there; times are counted in its front's looks."""

    address: str
    begun: float
    stop: Callable[[], Any]
    """Ends the reading."""
    received: int = 0
    cut: bool = False
    seconds: float = PATIENCE_SECONDS
    """How long after its begin it has been too slow, if nothing more comes."""

    def take(self, count: int, now: float) -> None:
        """Note that so many bytes of it came. What was fast at first pays for the next seconds only."""
        self.received += count
        self.seconds = min(self.seconds + count / LEAST_RATE, now - self.begun + PATIENCE_SECONDS)

    def keeps_up(self, now: float) -> bool:
        """Return whether it is still within the patience that any body has, and its rate."""
        return now - self.begun <= self.seconds


class Bodies:
    """The bodies on their way in one process."""

    def __init__(
        self,
        *,
        most: int = MOST_UNFINISHED,
        most_of_address: int = MOST_OF_ADDRESS,
        trusted: Callable[[str], bool] = lambda _address: False,
    ) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._trusted = trusted
        self._coming: dict[int, Body] = {}
        """By the identity of the body, in the order in which they began."""

    def __len__(self) -> int:
        return len(self._coming)

    def begin(self, body: Body) -> None:
        self._coming[id(body)] = body

    def end(self, body: Body) -> None:
        self._coming.pop(id(body), None)

    def cut_overdue(self, now: float, *, most: int) -> int:
        """Stop at most `most` of the bodies that took too long or are too many at `now`; return how many.

        Of too many the oldest go first, and those of the address that has most: what is honest is short.
        """
        slow = list(takewhile(lambda body: now - body.begun >= SLOW_SECONDS, self._coming.values()))
        if not slow:
            return 0
        over = [body for body in slow if not body.cut and not body.keeps_up(now)]
        counts = Counter(map(_ADDRESS, slow))
        # Each address is asked about once: thousands of bodies come from a few, and the loop waits meanwhile.
        too_many = {
            address: count - self._most_of_address
            for address, count in counts.items()
            if count > self._most_of_address and not self._trusted(address)
        }
        of_address = []
        for body in slow if too_many else ():
            if too_many.get(body.address, 0) > 0:
                too_many[body.address] -= 1
                of_address.append(body)
        over += of_address
        if len(slow) - len(of_address) > self._most:
            slow.sort(key=lambda body: (-counts[body.address], body.begun))
            over += slow[: len(slow) - self._most]
        return _cut(over, most)


def cuts_at_once(coming: int) -> int:
    """Return how many bodies are let go at most in one turn, where so many are on their way."""
    return max(LEAST_CUTS, coming // ONE_OF)


def _cut(bodies: Iterable[Body], most: int) -> int:
    number = 0
    for body in bodies:
        if number == most:
            break
        if not body.cut:
            body.cut = True
            body.stop()
            number += 1
    return number


# How many bytes of requests a process holds at a time, and how many of those are one login's.
#
# A body is counted by the length it declares from before its first byte is read until its request is
# answered: so long it lies on the disk or in memory, and the pages that read files make copies of it. What is
# over the budget is refused before it is read, with a time to come again.

MEGABYTE = 1024 * 1024
MOST_LARGE = 128 * MEGABYTE
"""Bytes of large bodies in one process; two of the largest always fit."""
OF_LOGIN = 4
"""One of so many parts of them a login may have; one of the largest always fits."""
LARGE_OF_LOGIN = 2
"""Large bodies of one login under way at a time, in all processes of a machine."""
MOST_SMALL = 64 * MEGABYTE
"""Bytes of small bodies in one process, those that are `ALWAYS_TAKEN` not counted."""
ALWAYS_TAKEN = 16 * 1024
"""No larger is a save, or a form of a candidate: whoever fills the budget keeps none of them out."""
AGAIN_SECONDS = 10
"""When whoever was refused may come again: a file is read in less."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a body: how large it may be, and the login that a large one is counted for."""

    most: int
    login: str = ""


class BodyBudget:
    """The bytes of bodies that one process holds; asked and given back by any thread."""

    def __init__(self, *, largest: int, slots: Slots | None = None) -> None:
        """`largest` is the largest file that may be sent at all."""
        self.most_large = max(MOST_LARGE, 2 * largest)
        self.most_of_login = max(self.most_large // OF_LOGIN, largest)
        self._slots = Slots() if slots is None else slots
        self._look = threading.Lock()
        self.large = 0
        """Bytes of large bodies held now."""
        self.small = 0
        """Bytes of small ones held now."""
        self._of_login: Counter[str] = Counter()

    def take_small(self, length: int) -> Callable[[], None]:
        """Count a small body; return what gives its bytes back.

        Raise Unavailable("upload.busy") while everybody together has as many under way as may be.
        """
        if length <= ALWAYS_TAKEN:
            return _nothing
        with self._look:
            if self.small + length > MOST_SMALL:
                raise Unavailable("upload.busy", seconds=AGAIN_SECONDS)
            self.small += length

        def give_back() -> None:
            with self._look:
                self.small -= length

        return give_back

    def take_large(self, login: str, length: int) -> Callable[[], None]:
        """Count a large body of a login; return what gives its bytes and its place back.

        Raise TooMany("upload.yours") while that login has as much under way as it may, Unavailable("upload.busy")
        while everybody together has.
        """
        free_place = self._slots.take(f"upload:{login}", most=LARGE_OF_LOGIN)
        if free_place is None:
            raise TooMany("upload.yours", seconds=AGAIN_SECONDS)
        refused: CbtError | None = None
        with self._look:
            if self._of_login[login] + length > self.most_of_login:
                refused = TooMany("upload.yours", seconds=AGAIN_SECONDS)
            elif self.large + length > self.most_large:
                refused = Unavailable("upload.busy", seconds=AGAIN_SECONDS)
            else:
                self._of_login[login] += length
                self.large += length
        if refused is not None:
            free_place()
            raise refused

        def give_back() -> None:
            with self._look:
                self.large -= length
                self._of_login[login] -= length
                if not self._of_login[login]:
                    del self._of_login[login]
            free_place()

        return give_back

    def take_heard(self, login: str) -> Callable[[], None] | None:
        """Return what gives a place back at which a refused body of a login is read, for its sender to hear why.

        None where as many are read already: then the line is closed.
        """
        return self._slots.take(f"heard:{login}", most=LARGE_OF_LOGIN)


def _nothing() -> None:
    pass


def init_children(app: flask.Flask) -> None:
    """Have the children that read files know which of the accounts of `app` have one at a time."""
    SHARES.slots, SHARES.asking = app.extensions["cbt_slots"], account_of_unit


def account_of_unit() -> str:
    """Return the account of a unit that asks now; "" for any other, and where nobody asks."""
    principal = current_principal() if flask.has_request_context() else None
    return principal.subject_ref if principal is not None and principal.has(Role.UNIT_CLERK) else ""


log = logging.getLogger(__name__)


_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?", re.ASCII)

ENCODED = 3
"""So many bytes at most stand for one in a form without files (%E8)."""


def is_one_host(header: str | None) -> bool:
    """Return whether a request names exactly one host; two headers arrive here joined by a comma.

    Source: RFC 9112, 3.2.
    """
    return header is not None and _HOST.fullmatch(header) is not None


class FormRequest(flask.Request):
    """A request whose form is refused once where it cannot be read, and is empty from then on.

    The page of the refusal looks for fields, too: it would be refused in its turn, and nothing would be answered.
    """

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """Return the cookies by name, which one browser sends again and again."""
        return cookies_in(self.environ.get("HTTP_COOKIE", ""))

    @property
    def want_form_data_parsed(self) -> bool:
        """Return whether there is a form to be read: not where nothing was sent, or the body was not read."""
        return bool(self.content_length) and super().want_form_data_parsed

    def make_form_data_parser(self) -> FormDataParser:
        """Return a parser that says so of what it cannot read."""
        parser = super().make_form_data_parser()
        parser.silent = False
        return parser

    def _load_form_data(self) -> None:
        try:
            self._refuse_long_text()
            super()._load_form_data()
        except (HTTPException, ValueError) as error:
            nothing = self.parameter_storage_class
            self.__dict__.update(form=nothing(), files=nothing())
            if isinstance(error, HTTPException):
                raise
            raise BadRequest from error

    def _refuse_long_text(self) -> None:
        """Refuse a form without files that is longer than its fields may be in one with files.

        Werkzeug reads it whole, whatever it may be; a sign takes up to three times its bytes in it.
        """
        most, length = self.max_form_memory_size, self.content_length or 0
        plain = self.mimetype == "application/x-www-form-urlencoded" and "form" not in self.__dict__
        if plain and most is not None and length > ENCODED * most:
            raise RequestEntityTooLarge


# A large body lies on the disk while it is received and read: in a file without a name, for this process
# alone.
#
# It is the data folder's disk, as a system's folder for temporary files often is memory. Whatever becomes of
# the process, the kernel gives the file's room back.

AT_ONCE = 256 * 1024
"""Bytes of one body that are gathered in memory before they are written."""


def spool(folder: Path) -> IO[bytes]:
    """Return an empty file, 0600 and without a name; raise OSError where the folder takes none."""
    return TemporaryFile(dir=folder)


class SpooledRequest(FormRequest):
    """A request whose large parts lie where its body does."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        settings: Settings = flask.current_app.extensions["cbt_settings"]
        return cast(IO[bytes], SpooledTemporaryFile(max_size=SMALL_BODY, dir=str(settings.data_dir)))


# A request counts as received when it has been read whole: body first, then the clock.
#
# The server's front (front.py) does both before a thread is used. Where another server calls the app, the
# same is done here, at the WSGI door, so that no view and no door ever reads a clock before the body.

RECEIVED_AT = "cbt.received_at"
"""The instant at which the request had been read whole."""
HANDED_AT = "cbt.handed_at"
"""The reading of a counter at that moment: what waits for a thread from there on waits for us."""
REFUSED = "cbt.refused"
"""What the app is to refuse a request by whose body was not read: an HTTP status, or an error of its own."""
NO_LENGTH, TOO_SLOW, TOO_LARGE, CUT_SHORT, NO_HOST = 411, 408, 413, 400, 400
HEALTH, OLD_HTTP = "/healthz", ("HTTP/1.0", "HTTP/1")
Refused = int | CbtError
SenderOf = Callable[[str, str, str], Sender]
"""Who sends a large body to a method and a path with these cookies: asks the database."""
NOBODY = Sender(SMALL_BODY)


def declared_length(text: str | None) -> int:
    """Return the length a request declares, in bytes; 0 without one, infinite when it is no number."""
    if not text:
        return 0
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else int(1e18)


class BufferedBody:
    """Wraps an app: reads what the front has not read, then the clock.

    A request that does not name one host goes to `refusing`, past the door of the hot addresses: which host it
    means is not to be guessed.
    """

    def __init__(
        self,
        inner: WSGIApplication,
        clock: Clock,
        sender_of: SenderOf,
        budget: BodyBudget,
        new_spool: Callable[[], IO[bytes]],
        refusing: WSGIApplication,
    ) -> None:
        self._inner = inner
        self._refusing = refusing
        self._clock = clock
        self._sender_of = sender_of
        self._budget = budget
        self._new_spool = new_spool

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if RECEIVED_AT in environ:
            return self._answer(environ, start_response)
        with ExitStack() as held:
            body, refused = self._read(environ, held)
            if refused is not None:
                environ[REFUSED], environ["CONTENT_LENGTH"] = refused, "0"
                body = io.BytesIO()
            environ["wsgi.input"] = body
            environ[RECEIVED_AT] = self._clock.now()
            return self._answer(environ, start_response)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST")
        if is_one_host(host) or (host is None and _is_plain_health(environ)):
            return self._inner(environ, start_response)
        environ.pop("HTTP_HOST", None)  # no address of ours is made of it
        environ.setdefault(REFUSED, NO_HOST)
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(), "0"
        return self._refusing(environ, start_response)

    def _read(self, environ: WSGIEnvironment, held: ExitStack) -> tuple[IO[bytes], Refused | None]:
        """Return the body, and what it is refused by; what it takes is given back with `held`."""
        length = declared_length(environ.get("CONTENT_LENGTH"))
        body: IO[bytes] = io.BytesIO()
        if environ.get("HTTP_TRANSFER_ENCODING"):
            return body, NO_LENGTH
        try:
            if length > SMALL_BODY:
                key = (
                    environ["REQUEST_METHOD"],
                    environ.get("PATH_INFO", ""),
                    environ.get("HTTP_COOKIE", ""),
                )
                sender = self._sender_of(*key)
                if length > sender.most:
                    return body, TOO_LARGE
                held.callback(self._budget.take_large(sender.login, length))
                body = held.enter_context(self._new_spool())
            elif length:
                held.callback(self._budget.take_small(length))
            return body, CUT_SHORT if _copy(environ["wsgi.input"], body, length) < length else None
        except CbtError as error:
            return body, error
        except OSError as error:
            return body, no_room(error)


def _is_plain_health(environ: WSGIEnvironment) -> bool:
    """Return whether a balancer asks for the server's health by HTTP/1.0, which need not name a host."""
    return environ.get("PATH_INFO") == HEALTH and environ.get("SERVER_PROTOCOL") in OLD_HTTP


def _copy(source: IO[bytes], target: IO[bytes], length: int) -> int:
    """Copy so many bytes, or all that there are; return how many, with `target` at its beginning."""
    copied = 0
    while piece := source.read(min(AT_ONCE, length - copied)):
        copied += target.write(piece)
    target.seek(0)
    return copied


def no_room(error: OSError) -> Unavailable:
    log.warning("a large body could not be kept while it came: %s", error.strerror or type(error).__name__)
    return Unavailable("upload.busy", seconds=AGAIN_SECONDS)


def sender_of(app: flask.Flask) -> SenderOf:
    """Return what tells who sends a large body: a file's where staff may ask for a page of staff, else a form's.

    The login's row is asked, for a cookie outlasts its login: nobody's file is taken whose login is over or whose
    roles do not open the page.
    """
    settings: Settings = app.extensions["cbt_settings"]
    clock: Clock = app.extensions["cbt_clock"]
    largest = settings.max_upload_mb * 1024 * 1024
    signer = cookie_signer(app)
    urls = app.url_map.bind("")

    def sender(method: str, path: str, cookies: str) -> Sender:
        try:
            endpoint, _ = urls.match(path, method=method)
            kept = signer.loads(cookies_in(cookies).get(session_cookie(app, staff=True), ""))
        except (HTTPException, RequestRedirect, BadSignature):
            return NOBODY
        access, token = access_of(app, endpoint), kept.get("_user_id")
        if access is None or access.kind != KIND or not isinstance(token, str):
            return NOBODY
        try:
            with app.app_context():
                principal = staff_of(token, now=clock.now())
        except Exception as error:
            log.warning("whose login a file came with could not be asked: %s", type(error).__name__)
            raise Unavailable("upload.busy", seconds=AGAIN_SECONDS) from error
        if principal is None or not access.admits(principal):
            return NOBODY
        return Sender(largest, principal.subject_ref)

    return sender


def init_receiving(app: flask.Flask) -> None:
    """Put the door around everything that `app` has been given so far."""
    settings: Settings = app.extensions["cbt_settings"]
    clock: Clock = app.extensions["cbt_clock"]
    slots: Slots = app.extensions["cbt_slots"]
    budget = BodyBudget(largest=settings.max_upload_mb * 1024 * 1024, slots=slots)
    sender = sender_of(app)
    app.extensions.update(cbt_sender_of=sender, cbt_body_budget=budget)
    app.request_class = SpooledRequest
    app.add_template_global(lambda: settings.max_upload_mb, "most_upload_mb")
    app.wsgi_app = BufferedBody(  # type: ignore[method-assign]  # Flask's way
        app.wsgi_app,
        clock,
        sender,
        budget,
        lambda: spool(settings.data_dir),
        ThreadsOnly(app.extensions["cbt_secured"]),
    )


def init_time(app: flask.Flask, *, without: Collection[str]) -> None:
    """Have each request know the instant at which it had been read whole.

    A node whose clock is wrong answers only the pages that are `without` time.
    """
    agreement: Agreement = app.extensions["cbt_agreement"]

    @app.before_request
    def keep_time() -> None:
        flask.g.now = flask.request.environ[RECEIVED_AT]
        if not agreement.agrees and flask.request.blueprint not in without:
            raise Unavailable("db.left_behind") if agreement.left_behind else Unavailable("clock.off")
        refuse_unread()


def refuse_unread() -> None:
    """Refuse the present request when its body was not read; called before anything looks for it.

    Raise TooLarge("web.too_large") where a file may be sent, ("web.too_large_signed_out") where it might be after
    signing in, NotAllowed("web.not_allowed") where the sender's roles do not open the page,
    TooLarge("web.too_much") elsewhere, and the error that the body was refused by; whatever else a request lacks,
    abort.
    """
    refused: Refused | None = flask.request.environ.get(REFUSED)
    if isinstance(refused, CbtError):
        raise refused
    if refused == TOO_LARGE:
        access = access_of(flask.current_app, flask.request.endpoint or "")
        if access is None or access.kind != KIND:
            raise TooLarge("web.too_much", kb=SMALL_BODY // 1024)
        principal = current_principal()
        if principal is None or principal.kind != KIND:
            raise TooLarge("web.too_large_signed_out", kb=SMALL_BODY // 1024)
        if not access.admits(principal):
            raise NotAllowed("web.not_allowed")
        raise too_large(flask.current_app)
    if refused is not None:
        flask.abort(refused)


def too_large(app: flask.Flask) -> TooLarge:
    settings: Settings = app.extensions["cbt_settings"]
    return TooLarge("web.too_large", mb=settings.max_upload_mb)
