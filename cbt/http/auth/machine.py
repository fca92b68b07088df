"""Which machine a request comes from: by a token the server issued, else by the address of its connection.

A browser that has no token gets one with its first page. It is random and signed, so that the server knows its
own again without a row for every browser that ever looked at a page; whatever a browser invents counts as none.
Only its hash is kept, with seats, login sessions and leases. After a disk-restoring card has wiped it, the address
(that of the connection, or what a trusted proxy says) stands for the machine until it is given a new one.

Every save asks from which addresses a login and a lease are used, so it costs one look into a set; what is new is
compared with the seat beside the requests, and each process knows what it heard itself.

Source: R-16, R-42.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import flask
from itsdangerous import BadSignature, Signer

from cbt.http.auth.cookies import (
    cookies_in,
    read_cookie,
    write_cookie,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MACHINE_COOKIE = "cbt_machine"
TEN_YEARS_SECONDS = 10 * 365 * 24 * 3600
SALT = "cbt-machine"
LONGEST = 160
"""No token of ours is longer; nothing longer is looked at."""
REMEMBERED = 20_000
"""So many browsers' cookies are read once only in a process: every save asks."""
_EXTENSION = "cbt_machines"
_ISSUED_BEFORE = "cbt_machine_issued_before"
IssuedBefore = Callable[[str], bool]


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine: the hash of its token, None while it has none, the address and browser (`agent`) it asks from.

    `fresh` while it has not shown its token yet: it gets it with this reply, and may throw it away.
    """

    token_hash: str | None
    address: str
    fresh: bool = False
    agent: str = ""

    @property
    def identity(self) -> str:
        """What login sessions and leases keep of the machine, at most 64 characters."""
        return self.token_hash or self.place

    @property
    def guesses_as(self) -> str:
        """What its tries are counted under: a token nobody has shown yet makes no new budget."""
        return self.place if self.fresh else self.identity

    @property
    def place(self) -> str:
        return f"addr:{self.address}"[:64]


def is_elsewhere(kept: str | None, asking: str) -> bool:
    """Return whether `asking` is another machine than the one kept; one that is not known is no other."""
    return bool(kept) and kept != asking


class MachineTokens:
    """Issues and recognises the tokens of one installation."""

    def __init__(self, key: str | bytes, cookie: str) -> None:
        """`cookie` is the name under which browsers keep theirs."""
        self._cookie = cookie
        self._signer = Signer(key, salt=SALT, digest_method=hashlib.sha256)
        self._asking = lru_cache(REMEMBERED)(self._read_header)

    def issue(self, name: str | None = None) -> str:
        """Return a new token, or the signed form of a name this server gave out before it signed them."""
        return self._signer.sign(name or secrets.token_urlsafe(24)).decode()

    def read(self, token: str | None) -> str | None:
        """Return the hash a token is kept under; None for one the server did not issue."""
        if not token or len(token) > LONGEST:
            return None
        try:
            name = self._signer.unsign(token)
        except BadSignature:
            return None
        return hashlib.sha256(name).hexdigest()

    def asking(self, environ: WSGIEnvironment) -> str:
        return self.machine(environ).identity

    def machine(self, environ: WSGIEnvironment) -> Machine:
        """Return the machine that sends a request, at the WSGI door."""
        return Machine(self._asking(environ.get("HTTP_COOKIE", "")), environ.get("REMOTE_ADDR", ""))

    def known(self, environ: WSGIEnvironment) -> str | None:
        """Return the identity of the machine that sends a request, at the WSGI door; None while it has no token."""
        return self._asking(environ.get("HTTP_COOKIE", ""))

    def of_cookies(self, cookies: str) -> str | None:
        """Return the identity of the machine whose browser sends these cookies; None while it has no token."""
        return self._asking(cookies)

    def _read_header(self, cookies: str) -> str | None:
        return self.read(cookies_in(cookies).get(self._cookie))


def init_machines(app: flask.Flask) -> None:
    """Give `app` its tokens, and every browser that opens a page without one a token of its own."""
    cookie = f"{app.config['COOKIE_PREFIX']}{MACHINE_COOKIE}"
    app.extensions[_EXTENSION] = MachineTokens(app.config["SECRET_KEY"], cookie)

    @app.after_request
    def keep(response: flask.Response) -> flask.Response:
        if response.mimetype == "text/html" and flask.request.method == "GET":
            unknown = tokens_of(app).known(flask.request.environ) is None
            if unknown and flask.request.blueprint != "assets":
                current_machine(issue=True)
        fresh = flask.g.get("machine_token")
        if fresh is not None:
            write_cookie(response, MACHINE_COOKIE, fresh, max_age=TEN_YEARS_SECONDS)
        return response


def register_issued_before(app: flask.Flask, issued: IssuedBefore) -> None:
    """Tell how to ask whether a name without a signature is one the server gave out and keeps the hash of."""
    app.extensions[_ISSUED_BEFORE] = issued


def tokens_of(app: flask.Flask) -> MachineTokens:
    return cast(MachineTokens, app.extensions[_EXTENSION])


def current_machine(*, issue: bool = False) -> Machine:
    """Return the machine of this request; with `issue` it gets a token with the reply when it has none."""
    machine: Machine | None = flask.g.get("machine")
    if machine is None:
        environ = flask.request.environ
        agent = environ.get("HTTP_USER_AGENT", "")
        machine = Machine(_token_hash(environ), environ.get("REMOTE_ADDR") or "", agent=agent)
        flask.g.machine = machine
    if issue and machine.token_hash is None:
        machine = flask.g.machine = replace(machine, token_hash=_give(None), fresh=True)
    return machine


def _token_hash(environ: WSGIEnvironment) -> str | None:
    token_hash = tokens_of(flask.current_app).known(environ)
    if token_hash is not None:
        return token_hash
    sent = read_cookie(MACHINE_COOKIE)
    if not sent or len(sent) > LONGEST:
        return None
    # A name of the time before tokens were signed, or signed with a key that was changed since.
    name = sent.rsplit(".", 1)[0]
    issued: IssuedBefore | None = flask.current_app.extensions.get(_ISSUED_BEFORE)
    return _give(name) if issued is not None and issued(name) else None


def _give(name: str | None) -> str:
    tokens = tokens_of(flask.current_app)
    token = flask.g.machine_token = tokens.issue(name)
    token_hash = tokens.read(token)
    assert token_hash is not None  # it was signed a line ago
    return token_hash


MOST_KNOWN = 200_000
MOST_NEW = 5_000
"""So many wait to be compared; whoever comes then is heard of with their next request."""
_ADDRESSES = "cbt_addresses"
Use = tuple[str, str]
"""A registration's ref, and an address."""


class AddressesUsed:
    """From which addresses logins and leases were used, and what of it is new; from any thread."""

    def __init__(self) -> None:
        self._known = set[Use]()
        self._new = dict[Use, None]()

    def note(self, registration_ref: str, address: str | None) -> None:
        """Note that a login or a lease of a registration was used, rightly otherwise, from an address."""
        use = (registration_ref, address or "")
        if use not in self._known and len(self._new) < MOST_NEW:
            self._new[use] = None

    def take_new(self) -> list[Use]:
        """Return what was not returned before."""
        uses = list(self._new)
        if len(self._known) + len(uses) > MOST_KNOWN:
            self._known.clear()
        self._known.update(uses)
        for use in uses:
            self._new.pop(use, None)
        return uses

    def give_back(self, uses: Iterable[Use]) -> None:
        """Have what could not be compared be new again with the next request from there."""
        self._known.difference_update(uses)


def init_addresses(app: flask.Flask) -> None:
    app.extensions[_ADDRESSES] = AddressesUsed()


def addresses_of(app: flask.Flask) -> AddressesUsed:
    return cast(AddressesUsed, app.extensions[_ADDRESSES])
