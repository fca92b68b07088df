"""The pages that every kind of import has: how far a file is, what it would do, confirm, try again, forget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import flask
from flask_babel import gettext as _

from cbt.errors import Conflict, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, refusal
from cbt.http.i18n import explain
from cbt.http.partials import Reply, until_done
from cbt.imports.machine import ImportKind, ImportStanding
from cbt.rules.roles import Role
from cbt.spreadsheets.file_checks import CheckState

T = TypeVar("T", bound=ImportStanding)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPages(Generic[T]):
    """The pages of one kind, below `url_prefix`, whose parameters are `ref` (the owner's) and the file's.

    `texts` begins the ids of what the page says that waits, `steps`, `other_file` and `drop` are whole ids; `again`
    are the errors after which the same file may do.
    """

    kind: ImportKind[Any, Any, Any]
    blueprint: flask.Blueprint
    url_prefix: str
    dropping: str
    """What the address is called that forgets a file."""
    roles: tuple[Role, ...]
    texts: str
    steps: tuple[str, str, str]
    other_file: str
    drop: str
    again: frozenset[str]
    standing: Callable[[str, str], T]
    dry_run: Callable[[str, str, Refusal], Reply]
    confirm: Callable[[str, str], None]
    """Reads the form and has the file be stored."""
    stored: Callable[[T], Reply]
    """Says that a file was stored, and leads on."""
    forget: Callable[[str, str], Reply]
    """Forgets a file, says so, and leads on."""
    crumbs: Callable[[T], Sequence[tuple[str, str]]]

    @property
    def named(self) -> str:
        """The parameter of an address that names the file."""
        return self.kind.page[1]

    def url(self, name: str, ref: str, draft: str, **more: object) -> str:
        """Return the address of one of these pages."""
        return flask.url_for(f"{flask.request.blueprint}.{name}", ref=ref, **{self.named: draft}, **more)  # type: ignore[arg-type]  # as url_for takes them

    def looking(self, ref: str, draft: str, **looked: object) -> Callable[..., str]:
        """Return what gives the address of a dry run with something else `looked` at."""
        now = {name: value for name, value in looked.items() if value not in ("", 1)}
        return lambda **changed: self.url("check", ref, draft, **{**now, **changed})

    def back(self, ref: str, draft: str) -> Reply:
        """Lead to where a file is looked at."""
        return flask.redirect(self.url("check", ref, draft), 303)

    def register(self) -> None:
        """Have these pages answer."""

        def check(ref: str, **draft: str) -> Reply:
            standing = self.standing(ref, draft[self.named])
            match standing.state:
                case CheckState.READY:
                    return self.dry_run(ref, standing.ref, NOTHING_REFUSED)
                case CheckState.DONE:
                    return self.stored(standing)
            return self._waiting(ref, standing)

        def progress(ref: str, **draft: str) -> Reply:
            standing = self.standing(ref, draft[self.named])
            part = flask.render_template(
                "imports/_progress.html", standing=standing, **self._shown(ref, standing)
            )
            return until_done(part, working=standing.working)

        def confirm(ref: str, **draft: str) -> Reply:
            try:
                self.confirm(ref, draft[self.named])
            except InvalidInput as error:
                return self.dry_run(ref, draft[self.named], refusal(error))
            except Conflict as error:
                flash_refusal(error)
            return self.back(ref, draft[self.named])

        def retry(ref: str, **draft: str) -> Reply:
            self.kind.try_again(ref, draft[self.named], now=flask.g.now, actor=acting())
            return self.back(ref, draft[self.named])

        def drop(ref: str, **draft: str) -> Reply:
            return self.forget(ref, draft[self.named])

        for path, name, view, method in (
            ("", "check", check, "GET"),
            ("/progress", "progress", progress, "GET"),
            ("", "confirm", confirm, "POST"),
            ("/retry", "retry", retry, "POST"),
            (f"/{self.dropping}", self.dropping, drop, "POST"),
        ):
            guarded = access.roles(*self.roles)(view)
            self.blueprint.add_url_rule(f"{self.url_prefix}{path}", name, guarded, methods=[method])

    def _waiting(self, ref: str, standing: T) -> Reply:
        what, fix = "", ""
        if standing.error is not None:
            what, fix = explain(standing.error)
        return flask.render_template(
            "imports/waiting.html",
            **self._shown(ref, standing),
            **self.frame(standing),
            bring=self.crumbs(standing)[-1][0],
            ours=standing.half or (standing.error is not None and standing.error.code in self.again),
            what=what,
            fix=fix,
        )

    def frame(self, standing: T, refused: Refusal = NOTHING_REFUSED, *, lead: str = "") -> dict[str, object]:
        """Return what `imports/_frame.html` needs."""
        return {
            "standing": standing,
            "crumbs": self.crumbs(standing),
            "stages": [_(name) for name in self.steps],
            "stage": 3 if standing.storing else 2,
            "lead": lead,
            "refused": refused,
        }

    def _shown(self, ref: str, standing: T) -> dict[str, object]:
        return {
            "pages": self,
            "said": lambda name, **params: _(f"{self.texts}.{name}", **params),
            "url": lambda name: self.url(name, ref, standing.ref),
        }
