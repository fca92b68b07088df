"""The registry of jobs: each kind is one entry, declared by the room that owns it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, cast

import flask
from sqlalchemy.orm import Session

from cbt.errors import NotFound
from cbt.http.auth.login import Principal
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import LongWork

_EXTENSION = "cbt_jobs"


class Work(LongWork, Protocol):
    """A job that is carried out: what is asked, in whose right, and how it says how far it is."""

    @property
    def ref(self) -> str:
        """What the job is called."""
        ...

    @property
    def asked(self) -> Mapping[str, Any]:
        """What the job is about."""
        ...

    @property
    def now(self) -> datetime:
        """The instant at which it began."""
        ...

    @property
    def actor(self) -> str:
        """Whoever asked, as the audit log names them."""
        ...

    @property
    def principal(self) -> Principal:
        """Whoever asked, with the roles they have now."""
        ...


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file that came of a job."""

    name: str
    mimetype: str
    body: bytes = field(repr=False)


def _nothing(_session: Session) -> None:
    pass


@dataclass(frozen=True, slots=True)
class JobResult:
    """What came of a job; `record` writes what belongs to its end, and commits with it or not at all."""

    outcome: Mapping[str, Any] = field(default_factory=dict)
    file: JobFile | None = None
    record: Callable[[Session], None] = _nothing


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job.

    `run` is called in the right of whoever asked, and again after a crash: it goes on with what it wrote in pieces.
    """

    code: str
    """Its name in the table; what it is called stands in the catalogue as `jobs.kind.<code>`."""
    roles: frozenset[Role]
    """Who may ask for it; whoever lost them meanwhile gets nothing done and fetches nothing."""
    run: Callable[[Work], JobResult]
    is_shared: bool = False
    """Whether everybody with these roles sees it: the office's. Else only whoever asked does."""
    can_cancel: bool = True
    can_retry: bool = True
    is_lasting: bool = False
    """Whether it may take minutes: a worker keeps a place free of these."""
    is_local: bool = False
    """Whether it is carried out on the machine it is about (`queue.this_machine`), by a process of its own there:
    it takes no place of another job."""
    is_once: bool = False
    """Whether its file holds secrets: it goes with whoever fetches it first, and is sent by a form."""
    is_act: bool = True
    """Whether asking for it goes on record; what a page has worked out for whoever looks at it is no act."""
    said: Callable[[Mapping[str, Any]], Sequence[tuple[str, str]]] | None = None
    """Says what an outcome means, in sentences in the reader's language, each with how it is shown (`ok`)."""
    result_page: Callable[[str, Mapping[str, Any], Mapping[str, Any]], str] | None = None
    """Returns the address of the page that shows what came of a job, of its ref, what was asked and its outcome.

    Without one, or "", it is the page where it was asked for. What is kept as its file is for that page.
    """


def file_kind(
    code: str, roles: Iterable[Role], make: Callable[[Work], JobResult], *, is_lasting: bool = False
) -> JobKind:
    """Return a kind that makes a file (a print, an export); on record stands what the file itself puts there."""
    return JobKind(code, frozenset(roles), make, is_lasting=is_lasting, is_act=False)


class JobKinds:
    """The kinds of jobs of an app, by their codes."""

    def __init__(self, kinds: Iterable[JobKind]) -> None:
        self._kinds = {kind.code: kind for kind in kinds}
        self.worker_is_kept = False
        """Whether a worker of its own carries jobs out; else whoever asks does, at once."""

    def __getitem__(self, code: str) -> JobKind:
        try:
            return self._kinds[code]
        except KeyError:
            raise NotFound("jobs.unknown") from None

    def get(self, code: str) -> JobKind | None:
        """Return a kind; None for one of another version."""
        return self._kinds.get(code)

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all."""
        return frozenset(self._kinds)

    @property
    def lasting(self) -> frozenset[str]:
        """The codes of those that may take minutes."""
        return frozenset(code for code, kind in self._kinds.items() if kind.is_lasting)

    @property
    def local(self) -> frozenset[str]:
        """The codes of those that are carried out on the machine they are about."""
        return frozenset(code for code, kind in self._kinds.items() if kind.is_local)


def init_jobs(app: flask.Flask, kinds: Iterable[JobKind]) -> None:
    """Have `app` know these kinds of jobs."""
    app.extensions[_EXTENSION] = JobKinds(kinds)


def job_kinds() -> JobKinds:
    """Return the kinds of this app."""
    return cast(JobKinds, flask.current_app.extensions[_EXTENSION])


def job_kinds_of(app: flask.Flask) -> JobKinds:
    return cast(JobKinds, app.extensions[_EXTENSION])
