"""Forms that arrived after their sender's login was over: kept half an hour, and shown again filled.

What is kept is sealed under `personal.key` for one account, nothing is carried out of it, and only that
account, signed in again, is shown it.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import flask
import msgspec
from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import HTTPException

from cbt.errors import CbtError, Conflict
from cbt.http.auth.access import access_of
from cbt.http.auth.login import KIND, current_principal, why_signed_out
from cbt.http.auth.login_store import STAFF_LIFETIME
from cbt.http.form_posts import idempotency
from cbt.http.form_posts.refill import OURS, fill
from cbt.http.forms import sends_form
from cbt.http.models import KeptForm, KeptFormPart
from cbt.http.partials import Reply, is_from_here, lead_to, local_target, page_of_form, wants_partial
from cbt.http.problems import shown_error, wants_json
from cbt.storage.crypto import open_bytes, seal_bytes
from cbt.storage.engine import cannot_persist
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

log = logging.getLogger(__name__)


KEPT = timedelta(minutes=30)
MOST_OF_ACCOUNT = 3
"""The latest of an account; a fourth takes the place of the oldest."""
PART_BYTES = 1024 * 1024
"""So much is written in one go: nobody's save waits for a large file."""
FORGOTTEN_TOGETHER = 2
"""So many parts go in one unit of work."""


class StoredFile(msgspec.Struct, frozen=True):
    """A file of a kept form."""

    field: str
    name: str
    mimetype: str
    body: bytes


class StoredFormContent(msgspec.Struct, frozen=True):
    """What a kept form holds."""

    fields: list[tuple[str, str]]
    files: list[StoredFile]


@dataclass(frozen=True, slots=True)
class KeptFormView:
    """A kept form and what it holds."""

    ref: str
    subject_ref: str
    path: str
    page: str
    kept_at: datetime
    content: StoredFormContent


def keep(subject_ref: str, *, path: str, page: str, content: StoredFormContent, now: datetime) -> str:
    """Keep a form of `subject_ref` and return its ref."""
    packed, ref = msgspec.msgpack.encode(content), new_ref("kf")
    parts = [packed[start : start + PART_BYTES] for start in range(0, len(packed), PART_BYTES)]
    sealed = [seal_bytes(part, _purpose(subject_ref, ref, number)) for number, part in enumerate(parts)]
    with reading() as session:
        former = [row.id for row in _of(session, subject_ref)[MOST_OF_ACCOUNT - 1 :]]
    _forget(former)
    with unit_of_work() as session:
        row = KeptForm(ref=ref, subject_ref=subject_ref, kept_at=now, path=path, page=page, parts=len(parts))
        session.add(row)
        session.flush()
        kept_id = row.id
    for number, part in enumerate(sealed):
        with unit_of_work() as session:
            session.add(KeptFormPart(kept_id=kept_id, number=number, sealed=part))
    return ref


def kept(ref: str, subject_ref: str, *, now: datetime) -> KeptFormView | None:
    """Return a form that is kept for `subject_ref`; None when there is none any more, or it is another's."""
    with reading() as session:
        row = session.scalar(select(KeptForm).where(KeptForm.ref == ref, KeptForm.subject_ref == subject_ref))
        if row is None or now >= row.kept_at + KEPT:
            return None
        parts = session.scalars(
            select(KeptFormPart.sealed).where(KeptFormPart.kept_id == row.id).order_by(KeptFormPart.number)
        ).all()
    if len(parts) < row.parts:
        return None  # whoever kept it did not come to its end
    packed = b"".join(
        open_bytes(part, _purpose(subject_ref, ref, number)) for number, part in enumerate(parts)
    )
    content = msgspec.msgpack.decode(packed, type=StoredFormContent)
    return KeptFormView(row.ref, subject_ref, row.path, row.page, row.kept_at, content)


def waiting(session: Session, subject_ref: str, *, now: datetime) -> Sequence[KeptForm]:
    """Return the forms that are kept for `subject_ref`, the latest first."""
    return [row for row in _of(session, subject_ref) if now < row.kept_at + KEPT]


def forget(ref: str, subject_ref: str) -> None:
    """Forget a kept form; another's stays."""
    with reading() as session:
        own = [row.id for row in _of(session, subject_ref) if row.ref == ref]
    _forget(own)


def purge_kept(*, now: datetime, most: int) -> int:
    """Forget the forms whose time is over, at most `most`; return how many."""
    with reading() as session:
        over = session.scalars(select(KeptForm.id).where(KeptForm.kept_at <= now - KEPT).limit(most)).all()
    _forget(over)
    return len(over)


def _of(session: Session, subject_ref: str) -> Sequence[KeptForm]:
    return session.scalars(
        select(KeptForm).where(KeptForm.subject_ref == subject_ref).order_by(KeptForm.id.desc())
    ).all()


def _forget(kept_ids: Sequence[int]) -> None:
    """Forget forms, a part or two at a time: one may hold twenty large ones. What lacks a part is kept no more.

    Source: I13.
    """
    with reading() as session:
        parts = session.execute(
            select(KeptFormPart.kept_id, KeptFormPart.number)
            .where(KeptFormPart.kept_id.in_(kept_ids))
            .order_by(KeptFormPart.kept_id, KeptFormPart.number)
        ).all()
    key = tuple_(KeptFormPart.kept_id, KeptFormPart.number)
    for piece in pieces_of(parts, size=FORGOTTEN_TOGETHER):
        with unit_of_work() as session:
            session.execute(delete(KeptFormPart).where(key.in_([tuple(one) for one in piece])))
    if kept_ids:
        with unit_of_work() as session:
            session.execute(delete(KeptFormPart).where(KeptFormPart.kept_id.in_(kept_ids)))
            session.execute(delete(KeptForm).where(KeptForm.id.in_(kept_ids)))


def _purpose(subject_ref: str, ref: str, number: int) -> str:
    return f"kept form {subject_ref} {ref} {number}"


# A form that arrives after its sender's login was over comes back filled once they have signed in again.
#
# Whose it is says its one-time key (keys.py), which no other site can know and nobody else can draw. With it,
# the form token has to be that of this browser's cookie, whose login is over; or, where the cookie is a newer
# one, the browser has to say that one of our own pages sent the form. Nothing is carried out: the page is
# shown as whoever asks for it may see it, with the form filled.

ARGUMENT, PAGE_FIELD = "kept", "form_page"
NEVER = ("accounts.password", "accounts.sign_out", "accounts.factors.", "accounts.approvals.", "kept.")
"""Endpoints whose forms hold passwords or codes, or nothing that was typed."""
ANCHOR = "kept"
LONGEST_ADDRESS = 1500
EARLY = timedelta(minutes=1)


def form_page() -> str:
    """Return the page that a form of a page belongs to which answers a form: it leads back where that one was."""
    if flask.request.method != "POST":
        return ""
    return local_target(flask.request.form.get(PAGE_FIELD), page_of_form(flask.request) or "")


def keep_sent(*, stale_token: bool = False) -> str | None:
    """Keep the form of this request for whose page it was on; return the address it comes back at, or None.

    `stale_token` says that its form token is not that of this browser's cookie.
    """
    owner = _owner(stale_token=stale_token)
    if owner is None:
        return None
    request = flask.request
    fields = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in OURS and "password" not in name
    ]
    files = [
        StoredFile(name, file.filename, file.mimetype, file.read())
        for name, file in request.files.items(multi=True)
        if file.filename
    ]
    if not files and all(name == idempotency.FIELD or not value for name, value in fields):
        return None
    page = local_target(request.form.get(PAGE_FIELD), page_of_form(request) or request.path)
    page = _without(page) if len(page) <= LONGEST_ADDRESS else request.path
    content = StoredFormContent(fields, files)
    try:
        ref = keep(owner, path=request.path, page=page, content=content, now=flask.g.now)
    except Exception as error:
        if not cannot_persist(error):
            raise
        log.warning("a form was not kept: %s", type(error).__name__)
        return None
    return address_of(page, ref)


def recover() -> Reply | CbtError | None:
    """Answer a form whose token is not that of this browser's cookie: somebody signed in, or out, in between.

    None where nothing can be kept of it. Whoever signed in as somebody else is told whose it is not.
    """
    back, principal = keep_sent(stale_token=True), current_principal()
    if back is None:
        return None
    owner = idempotency.read(flask.request.form[idempotency.FIELD])
    if principal is None or principal.kind != KIND:
        return lead_to(flask.url_for("accounts.sign_in", next=back, over=why_signed_out() or None))
    if owner is None or owner.subject_ref != principal.subject_ref:
        return Conflict("web.other_account")
    return lead_to(back)


def _owner(*, stale_token: bool) -> str | None:
    """Return whom the form of this request belongs to; None where it is nobody's, or none that is kept."""
    request = flask.request
    endpoint = request.endpoint or ""
    access = access_of(flask.current_app, endpoint)
    by_program = wants_json() or request.mimetype not in (
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    )
    if request.method != "POST" or by_program or access is None or access.kind != KIND:
        return None
    drawn = idempotency.read(request.form.get(idempotency.FIELD, ""))
    if drawn is None or endpoint.startswith(NEVER):
        return None
    if not -EARLY <= flask.g.now - drawn.drawn_at <= STAFF_LIFETIME:
        return None
    was = flask.g.get("login_was") or drawn.subject_ref
    if was != drawn.subject_ref or (stale_token and not is_from_here(request)):
        return None
    return drawn.subject_ref


def address_of(page: str, ref: str) -> str:
    path, _, query = page.partition("?")
    return f"{path}?{urlencode([*parse_qsl(query, keep_blank_values=True), (ARGUMENT, ref)])}#{ANCHOR}"


def _without(page: str) -> str:
    path, _, query = page.partition("#")[0].partition("?")
    rest = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != ARGUMENT]
    return f"{path}?{urlencode(rest)}" if rest else path


# The page on which a kept form comes back: as whoever asks for it may see it, with the form filled.
#
# What was kept is forgotten when the form is taken. Files come with it again, unless others are chosen.

FIELD = "kept_form"


def init_kept(app: flask.Flask) -> None:
    """Have forms kept, shown again, and forgotten once they were taken."""
    app.extensions["cbt_keep"] = keep_sent
    app.extensions["cbt_recover"] = recover
    app.add_template_global(form_page, "form_page")
    app.add_template_global(kept_forms, "kept_forms")

    @app.before_request
    def bring_files() -> None:
        if flask.request.method == "POST" and flask.request.mimetype == "multipart/form-data":
            _bring_files()

    @app.after_request
    def show(response: flask.Response) -> flask.Response:
        request = flask.request
        if request.method == "GET":
            return _shown(response) if request.query_string and ARGUMENT in request.args else response
        if request.method == "POST" and request.endpoint and sends_form(request) and FIELD in request.form:
            return _taken(response)
        return response


def kept_forms() -> Sequence[tuple[str, datetime]]:
    """Return the addresses of what is kept for whoever is signed in, and since when."""
    principal = current_principal()
    if principal is None or principal.kind != KIND:
        return ()
    with reading() as session:
        rows = waiting(session, principal.subject_ref, now=flask.g.now)
    return [(address_of(row.page, row.ref), row.kept_at) for row in rows]


def kept_here() -> KeptFormView | None:
    """Return the kept form that the page which is asked for is to show again; None for none."""
    ref = flask.request.args.get(ARGUMENT, "")
    return _mine(ref) if ref and flask.request.method == "GET" else None


def _mine(ref: str) -> KeptFormView | None:
    principal = current_principal()
    if principal is None or principal.kind != KIND:
        return None
    return kept(ref, principal.subject_ref, now=flask.g.now)


def _shown(response: flask.Response) -> flask.Response:
    """Fill the form of a page that is shown; where it has none, lead to what was kept."""
    request = flask.request
    if request.blueprint == "kept" or not _is_page(response) or response.status_code != 200:
        return response
    mine = _mine(request.args[ARGUMENT])
    if mine is None:
        return response
    filled = fill(
        response.get_data(as_text=True),
        at=request.path,
        to=mine.path,
        fields=mine.content.fields,
        notes=_file_notes(mine),
        head=lambda left: flask.render_template("http/form_posts/_again.html", kept=mine, left=left),
    )
    if filled is None:
        elsewhere = address_of(mine.path, mine.ref) if _can_be_opened(mine) else ""
        return flask.make_response(flask.redirect(elsewhere or flask.url_for("kept.one", ref=mine.ref), 303))
    response.set_data(filled)
    return response


def _can_be_opened(mine: KeptFormView) -> bool:
    """Return whether the address the form was sent to is a page of its own, and another than this one."""
    try:
        flask.current_app.url_map.bind("").match(mine.path, method="GET")
    except HTTPException:
        return False
    return flask.request.path != mine.path


def _taken(response: flask.Response) -> flask.Response:
    """Forget what was kept once it was taken; a page that refuses it still knows of it."""
    mine = _mine(flask.request.form[FIELD])
    if mine is None:
        return response
    if response.status_code < 400 and shown_error() is None:
        forget(mine.ref, mine.subject_ref)
    elif mine.content.files and _is_page(response):
        again = fill(
            response.get_data(as_text=True),
            at=flask.request.path,
            to=mine.path,
            fields=None,
            notes=_file_notes(mine),
            head=lambda _left: flask.render_template("http/form_posts/_hidden.html", kept=mine),
        )
        if again is not None:
            response.set_data(again)
    return response


def _is_page(response: flask.Response) -> bool:
    plain = "Content-Encoding" not in response.headers and not response.is_streamed
    return plain and response.mimetype == "text/html" and not wants_partial()


def _file_notes(mine: KeptFormView) -> dict[str, str]:
    names: dict[str, list[str]] = {}
    for file in mine.content.files:
        names.setdefault(file.field, []).append(file.name)
    return {
        field: flask.render_template("http/form_posts/_file.html", names=found)
        for field, found in names.items()
    }


def _bring_files() -> None:
    """Put the files of a kept form where the browser sent none anew."""
    request = flask.request
    ref = request.form.get(FIELD)
    mine = _mine(ref) if ref else None
    if mine is None or mine.path != request.path:
        return
    sent: MultiDict[str, FileStorage] = MultiDict()
    for name, sent_file in request.files.items(multi=True):
        if sent_file.filename:
            sent.add(name, sent_file)
        else:
            sent_file.close()
    anew = set(sent)
    for file in mine.content.files:
        if file.field not in anew:
            body = io.BytesIO(file.body)
            sent.add(file.field, FileStorage(body, file.name, file.field, content_type=file.mimetype))
    request.files = sent  # type: ignore[assignment]  # Werkzeug reads it once and keeps it
