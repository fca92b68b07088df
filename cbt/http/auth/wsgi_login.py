"""The login of a candidate, read at the WSGI door from signed texts at the price of one digest.

itsdangerous derives its key anew for each text it reads. Here it is derived once; a text whose signature is
not plainly right by it goes to the serializer, which says what is wrong with it.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import flask
from itsdangerous import BadSignature, URLSafeTimedSerializer

from cbt.config import Settings
from cbt.http.auth.cookies import cookie_signer, cookies_in, is_of_staff, session_cookie
from cbt.http.auth.login import CANDIDATE
from cbt.http.auth.machine import is_elsewhere, token_hash, tokens_of
from cbt.http.i18n import chosen_locale, chosen_theme
from cbt.storage.types import read_instant

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


SEPARATOR = b"."


class SignedTexts:
    """Reads the texts of one serializer, whatever their age."""

    def __init__(self, serializer: URLSafeTimedSerializer) -> None:
        self._serializer = serializer
        signer = serializer.make_signer(serializer.salt)
        self._key = signer.derive_key()
        self._digest: str = signer.digest_method().name

    def read(self, text: str) -> Any:
        """Return what was signed; raise BadSignature for what is not ours."""
        if text.isascii():
            signed, _, signature = text.encode().rpartition(SEPARATOR)
            mac = urlsafe_b64encode(hmac.digest(self._key, signed, self._digest)).rstrip(b"=")
            payload, separator, _at = signed.rpartition(SEPARATOR)
            if separator and hmac.compare_digest(mac, signature):
                return self._serializer.load_payload(payload)
        return self._serializer.loads(text)


# Who sends a request, read at the WSGI door: for the few that must not cost what a page costs.
#
# The same cookie, form token and login session that Flask, Flask-WTF and our hooks check before a view,
# with the same keys. Whatever is not plainly in order is nobody's here, and goes to the view, which says why.

REMEMBERED = 20_000
"""So many browsers' cookies are read once only in a process: whoever waits, opens and reloads sends the same."""
CSRF_SALT = "wtf-csrf-token"
"""Flask-WTF signs its form tokens under this name."""


LOGIN_SESSIONS = (
    "SELECT token_hash, id, kind, subject_ref, revoked_at, expires_at, machine, former_machine "
    "FROM login_session WHERE token_hash"
)
"""What decides on login sessions, by the hashes of their tokens."""


@dataclass(frozen=True, slots=True)
class BrowserLogin:
    """A candidate's browser, as its signed cookie says; whether its login session holds is for whoever answers to
    ask (LOGIN_SESSIONS, login_holds). At a public address it may be nobody's: then `token_hash` is empty."""

    token_hash: str
    locale: str
    theme: str
    has_news: bool
    """Whether a page has something to say to it once: what is kept for others does not say it."""
    has_machine: bool
    """Whether it has the token of its machine: with a page it would be given one."""
    form_token: Callable[[], str | None]
    """Returns what a form of a page brings back, signed as Flask-WTF signs it; None before it was given a form."""


def login_holds(
    kind: str, revoked_at: Any, expires_at: Any, kept_machine: str | None, *, machine: str, now: datetime
) -> bool:
    """Return whether a candidate's login session, as its row says, may ask from this machine now (R-42)."""
    if kind != CANDIDATE or revoked_at is not None or now >= read_instant(expires_at):
        return False
    return not is_elsewhere(kept_machine, machine)


class CachedLogin(NamedTuple):
    """What a candidate's browser keeps, as its signed cookie says; a login may have ended since."""

    token_hash: str
    field: str | None
    """What its form tokens are made of; None before it was given a form."""
    locale: str
    theme: str
    has_news: bool


class RequestDoor:
    """Recognises the requests of one app's signed-in candidates."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._cookies = session_cookie(app, staff=False), session_cookie(app, staff=True)
        self._form_tokens = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt=CSRF_SALT)
        self._signed_forms, self._signed_cookies = (
            SignedTexts(self._form_tokens),
            SignedTexts(cookie_signer(app)),
        )
        self._prefix: str = app.config["COOKIE_PREFIX"]
        self._settings: Settings = app.extensions["cbt_settings"]
        self._machines = tokens_of(app)
        self._read = lru_cache(REMEMBERED)(self._read_header)
        self._form_token = lru_cache(REMEMBERED)(self._make_form_token)

    def login(self, environ: WSGIEnvironment) -> BrowserLogin | None:
        """Return who sends a request; None for whoever is not signed in."""
        browser = self.browser(environ)
        return browser if browser is not None and browser.token_hash else None

    def browser(self, environ: WSGIEnvironment) -> BrowserLogin | None:
        """Return whose browser sends a request, signed in or not; None without a cookie of ours."""
        kept = self._kept(environ)
        if kept is None:
            return None
        return BrowserLogin(
            token_hash=kept.token_hash,
            locale=kept.locale,
            theme=kept.theme,
            has_news=kept.has_news,
            has_machine=self._machines.known(environ) is not None,
            form_token=partial(self._form_token, kept.field),
        )

    def owns_form(self, environ: WSGIEnvironment, form_token: str | None) -> bool:
        """Return whether a form token that a request brings is one of its own session."""
        kept = self._kept(environ)
        return kept is not None and self._own_form(kept.field, form_token)

    def _kept(self, environ: WSGIEnvironment) -> CachedLogin | None:
        cookie = self._cookies[is_of_staff(environ["PATH_INFO"])]
        return self._read(environ.get("HTTP_COOKIE", ""), cookie)

    def _read_header(self, header: str, cookie: str) -> CachedLogin | None:
        cookies = cookies_in(header)
        try:
            session: Mapping[str, Any] = self._signed_cookies.read(cookies.get(cookie, ""))
        except BadSignature:
            return None
        form_field = self._app.config["WTF_CSRF_FIELD_NAME"]
        token, field = session.get("_user_id"), session.get(form_field)
        return CachedLogin(
            token_hash(token) if isinstance(token, str) else "",
            field if isinstance(field, str) else None,
            chosen_locale(cookies.get(f"{self._prefix}locale"), self._settings),
            chosen_theme(cookies.get(f"{self._prefix}theme")),
            bool(session.keys() - {"_user_id", "_fresh", form_field}),
        )

    def _make_form_token(self, field: str | None) -> str | None:
        return None if field is None else str(self._form_tokens.dumps(field))

    def _own_form(self, field: str | None, sent: str | None) -> bool:
        """Return whether a form token was made for this session, as Flask-WTF decides it."""
        config = self._app.config
        if not config["WTF_CSRF_ENABLED"]:
            return True
        if not sent or field is None:
            return False
        limit = config["WTF_CSRF_TIME_LIMIT"]
        try:
            token = self._signed_forms.read(sent) if limit is None else self._form_tokens.loads(sent, limit)
        except BadSignature:
            return False
        return isinstance(token, str) and hmac.compare_digest(field, token)


def init_door(app: flask.Flask) -> None:
    """Give `app` its door: one, so that what it has read of a browser's cookies is read for every hot address."""
    app.extensions["cbt_door"] = RequestDoor(app)


def door_of(app: flask.Flask) -> RequestDoor:
    return cast(RequestDoor, app.extensions["cbt_door"])
