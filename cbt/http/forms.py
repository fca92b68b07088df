"""What a request sent: a form and what was refused of it (the one way to show it), a file, JSON."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import flask
from werkzeug.datastructures import MultiDict

from cbt.errors import CbtError, InvalidInput
from cbt.http.i18n import explain
from cbt.http.partials import Reply
from cbt.http.problems import http_status, note_shown
from cbt.http.sentences import with_links, with_way

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


FORMS = frozenset({"multipart/form-data", "application/x-www-form-urlencoded", "application/x-url-encoded"})


def sends_form(request: flask.Request) -> bool:
    """Return whether there is a form to be read; to look for fields in another body costs as much."""
    return "CONTENT_TYPE" in request.environ and request.mimetype in FORMS


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """What a page shows beside the form it was sent; an empty one shows nothing.

    `code` is the HTTP status of the page, `error` and `params` are those of the error, `sent` is the form.
    """

    what: str = ""
    fix: str = ""
    field: str = ""
    code: int = 200
    error: str = ""
    params: Mapping[str, object] = dataclasses.field(default_factory=dict)
    sent: MultiDict[str, str] = dataclasses.field(default_factory=MultiDict)

    def at(self, field: str) -> str:
        gap = " " if self.what[-1:].isascii() else ""  # Chinese sentences stand close
        return f"{self.what}{gap}{self.fix}" if field and field == self.field else ""

    def by_field(self, otherwise: str = "") -> dict[str, str]:
        """Return both sentences under the field they belong to, `otherwise` under that one; {} for neither."""
        field = self.field or otherwise
        return {field: f"{self.what} {self.fix}"} if self.what and field else {}

    @property
    def general(self) -> bool:
        return bool(self.what) and not self.field


NOTHING_REFUSED = Refusal()


def refusal(error: CbtError, *, on_record: bool = True) -> Refusal:
    """Return what a form page shows for `error`, in the language of this request.

    It is put on record as any other refusal, unless it is counted elsewhere already (`on_record`).
    """
    if on_record:
        note_shown(error)
    what, fix = explain(error)
    return Refusal(
        what=what,
        fix=fix,
        field=str(error.params.get("field", "")),
        code=http_status(error),
        error=error.code,
        params=error.params,
        sent=flask.request.form,
    )


View = TypeVar("View", bound=Callable[..., Reply])
Form = TypeVar("Form", bound="DataclassInstance")


def form_on(
    page: Callable[..., Reply], *refused_by: type[CbtError], only: Callable[[CbtError], bool] | None = None
) -> Callable[[View], View]:
    """Have a view take the form of `page`: what it refuses is shown there, beside what was sent.

    `page` gets `refused` and those of the view's arguments that it takes. Errors that are none of `refused_by`,
    where they are named, or not among those that `only` says, get the page of their own.
    """
    errors = refused_by or (CbtError,)
    takes = inspect.signature(page).parameters

    def onto_page(view: View) -> View:
        @wraps(view)
        def take(*args: Any, **values: Any) -> Reply:
            try:
                return view(*args, **values)
            except errors as error:
                if only is not None and not only(error):
                    raise
                arguments = inspect.signature(view).bind(*args, **values).arguments
                told = {name: value for name, value in arguments.items() if name in takes}
                return page(**told, refused=refusal(error))

        return cast(View, take)

    return onto_page


def head_of_page(endpoint: str) -> Callable[..., Reply]:
    """Return, for `form_on`, what tells a refusal at the head of the page of `endpoint` and the view's `ref`."""

    def lead(ref: str, refused: Refusal) -> Reply:
        flask.flash(f"{refused.what}{refused.fix}", "stop")
        return flask.redirect(flask.url_for(endpoint, ref=ref), 303)

    return lead


def typed_form(kind: type[Form]) -> Form:
    """Return what a form says as `kind`, a dataclass of texts; what it lacks is empty."""
    form = flask.request.form
    return kind(**{field.name: form.get(field.name, "") for field in dataclasses.fields(kind)})


def form_page(template: str, refused: Refusal, /, **shown: Any) -> Reply:
    """Return a page that has a form, with the status of what was refused of it."""
    return flask.render_template(template, refused=refused, **shown), refused.code


def see_other(message: str, endpoint: str, /, **values: Any) -> Reply:
    """Lead on from a form that was taken (303), to a page that says `message` at its head."""
    flask.flash(message, "ok")
    return flask.redirect(flask.url_for(endpoint, **values), 303)


def uploaded(field: str, missing: str = "upload.missing", *, most: int = -1) -> tuple[str, bytes]:
    """Return the name and bytes of a file that was sent, of a long one `most` bytes.

    Raise InvalidInput(missing) without one.
    """
    file = flask.request.files.get(field)
    if file is None or not file.filename:
        raise InvalidInput(missing, field=field)
    return file.filename, file.read(most)


def uploaded_files(*fields: str) -> list[tuple[str, bytes]]:
    """Return the names, with the folders a browser tells of, and the bytes of all files that were sent."""
    files = [file for field in fields for file in flask.request.files.getlist(field)]
    return [(file.filename, file.read()) for file in files if file.filename]


def is_filled(field: str) -> bool:
    return bool(flask.request.form.get(field, "").strip())


def sent_json() -> object:
    """Return what was sent as JSON; None for what is none, or lies deeper than anything a page sends."""
    try:
        return flask.request.get_json(silent=True)
    except RecursionError:
        return None


def flash_done(message: str, *links: tuple[str, str]) -> None:
    """Say at the head of the next page what was done, with links (address, label) to what was made of it."""
    flask.flash(with_links(message, *links), "ok")


def flash_refusal(error: CbtError) -> None:
    """Tell a refusal at the head of the next page, with the way to what is missing where there is one."""
    refused = refusal(error)
    text, mended_at = f"{refused.what}{refused.fix}", str(error.params.get("mended_at", ""))
    flask.flash(with_way(text, error.code, mended_at), "stop")
