"""Prints and exports go through the queue: which views hand out a file, and what comes of one that takes longer."""

from __future__ import annotations

import ast
import inspect
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any

import flask
import pytest

from cbt.application.app import KINDS_OF_JOBS
from cbt.bank.imports.bank_import import BANKS
from cbt.batches.roster.roster_import import BROUGHT
from cbt.errors import Unavailable
from cbt.http.auth.access import access_of
from cbt.jobs import answers
from cbt.jobs.models import JobState
from cbt.jobs.registry import JobKind, job_kinds_of
from cbt.jobs.worker import run_due
from cbt.personnel.staff_import import STAFF_LISTS
from tests.file_jobs import wait_until
from tests.jobs.test_queue import Steps, ask, due, row, steps
from tests.jobs.test_worker import served, states, working
from tests.packaging.test_edge import product
from tests.sources import nodes_of
from tests.world import World

__all__ = ["served", "steps"]

IN_THE_REQUEST = {
    "jobs/answers.py:file_reply": "what a job made",
    "jobs/views.py:file": "what a job made",
    "jobs/views.py:take": "what a job made, this once",
    "personnel/views.py:template": "a workbook without a row",
    "results/views.py:slip": "one page, for a candidate or for nobody who is signed in: they have no jobs",
    "results/appeals/views.py:own_letter": "one page, for whom the slip is",
    "results/views.py:key": "a line of text",
    "http/views.py:certificate": "a certificate as it is kept, for everybody",
    "door/views.py:file": "a file of settings, for a machine that nobody is signed in at",
    "blueprints/office/views.py:reason_source": "a text as it is kept",
    "blueprints/office/views.py:source": "a text as it is kept",
    "candidates/views.py:roster_template": "a workbook without a row",
    "enrolment/workbook/views.py:list_template": "a workbook without a row",
    "bank/imports/views.py:_workbook": "a workbook without a row",
    "enrolment/applications/views.py:read_scan": "a scan as it is kept",
}
"""Files that no job makes, and why."""
BY_ITSELF = {
    "retention.destroy",
    "server.backup",
    "server.backup_hook",
    *(kind.code for kind in (*BANKS.jobs, *BROUGHT.jobs, *STAFF_LISTS.jobs)),
}
"""Kinds that no view asks for by name: what is due, and what the machine of imports goes on with."""
ANOTHERS_STEPS = {("enrolment.own_applications.step", "application.step")}
"""A unit's clerk submits and withdraws by the same address; those two are no job."""
MAKERS = {
    "cbt.printing.pdf.pdf",
    "cbt.spreadsheets.writer.new_workbook",
    "cbt.spreadsheets.writer.marked_copy",
    "zipfile.ZipFile",
}


def handing_out() -> Iterator[str]:
    """Yield each function of the product that answers with a file to be saved."""
    for name, tree in product().items():
        for function in (node for node in nodes_of(tree) if isinstance(node, ast.FunctionDef)):
            called = {
                getattr(node.func, "id", getattr(node.func, "attr", ""))
                for node in ast.walk(function)
                if isinstance(node, ast.Call)
            }
            if "attachment" in called:
                yield f"{name}:{function.name}"


def test_every_file_is_made_by_a_job_or_says_why_not() -> None:
    assert sorted(handing_out()) == sorted(IN_THE_REQUEST)


def test_no_view_sets_pages_or_writes_a_workbook_itself() -> None:
    views = {name: tree for name, tree in product().items() if name.endswith("views.py")}
    imported = {
        f"{name}: {full}"
        for name, tree in views.items()
        for node in nodes_of(tree)
        if isinstance(node, ast.ImportFrom)
        for full in [f"{node.module}.{alias.name}" for alias in node.names]
        if full in MAKERS
    }
    assert imported == set()


def kinds_of(view: Callable[..., Any]) -> set[JobKind]:
    """Return the kinds of jobs that a view asks for, itself or by a function of views that it calls."""
    kinds: set[JobKind] = set()
    todo, seen = [view], set[Callable[..., Any]]()
    while todo:
        function = inspect.unwrap(todo.pop())
        if isinstance(function, partial):
            todo.append(function.func)
        elif inspect.isfunction(function) and function not in seen:
            seen.add(function)
            named = [function.__globals__.get(name) for name in function.__code__.co_names]
            tables = [one.values() for one in named if isinstance(one, Mapping)]
            kinds.update(one for one in chain(named, *tables) if isinstance(one, JobKind))
            todo += [one for one in named if inspect.isfunction(one) and "views" in one.__module__]
    return kinds


def test_each_kind_is_asked_for_by_a_view_whose_callers_may_have_it(world: World) -> None:
    app, asked = world.app, set[str]()
    for endpoint, view in app.view_functions.items():
        access = access_of(app, endpoint)
        for kind in kinds_of(view):
            asked.add(kind.code)
            assert access is not None
            assert access.roles, endpoint
            if (endpoint, kind.code) not in ANOTHERS_STEPS:
                assert access.roles <= kind.roles, endpoint
    assert asked == {kind.code for kind in KINDS_OF_JOBS} - BY_ITSELF


def test_what_makes_a_file_puts_no_line_of_its_own_on_record() -> None:
    """Whatever is asked for as an act says what came of it; a file needs no sentence. Nobody asks for a backup."""
    acts = {kind.code for kind in KINDS_OF_JOBS if kind.is_act}
    says = {kind.code for kind in KINDS_OF_JOBS if kind.said is not None}
    assert acts == says - {"server.backup"} | {"retention.destroy"}


Asks = Callable[[World], tuple[str, str, dict[str, str]]]
FILES: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "tickets": ("officer", "GET", "/office/sittings/{sitting}/print/tickets/{room}.pdf", {}),
    "a list for the door": ("inspector", "GET", "/office/sittings/{sitting}/print/door/{room}.pdf", {}),
    "a ticket": ("officer", "GET", "/office/registrations/{person}/print/tickets.pdf", {}),
    "the record of a room": ("proctor", "GET", "/proctor/rooms/{room}/record/attendance.pdf", {}),
    "a test page": ("proctor", "GET", "/proctor/rooms/{room}/readiness/test.pdf", {}),
    "a roster": ("officer", "POST", "/office/sittings/{sitting}/export", {"format": "csv"}),
    "a roster of a batch": ("officer", "POST", "/office/batches/{batch}/roster/export", {}),
    "a bank": ("author", "POST", "/bank/customer-service-l3/export", {"form": "text"}),
    "the log": ("chief_proctor", "GET", "/audit.xlsx", {}),
}


@pytest.mark.once
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_the_same_at_once_and_from_the_page_of_its_job(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """And a worker sees nothing of the request."""
    role, method, address, form = FILES[name]
    path = address.format(
        sitting=world.sitting_ref,
        room=world.room_ref,
        batch=world.batch_ref,
        person=world.sitters["theory"].registration_ref,
    )
    client = world.staff(role)
    at_once = client.open(path, method=method, data=form or None)
    assert at_once.status_code == 200, at_once.text
    job_kinds_of(world.app).worker_is_kept = True
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    world.clock.advance(timedelta(seconds=1))
    led = client.open(path, method=method, data=form or None)
    assert led.status_code == 303
    assert "排队中" in client.get(led.location).text
    with world.app.app_context():
        assert run_due(now=world.clock.now()) == 1
    page = client.get(led.location).text
    [fetched] = [
        part.partition('"')[0] for part in page.split('href="') if "/file." in part.partition('"')[0]
    ]
    later = client.get(fetched)
    assert (later.status_code, later.mimetype) == (200, at_once.mimetype)
    if name != "the log":  # whose name is the minute, and which holds its own taking
        assert later.headers["Content-Disposition"] == at_once.headers["Content-Disposition"]
    assert contents(later.data).keys() == contents(at_once.data).keys()


def contents(body: bytes) -> dict[str, bytes]:
    """Return the files in an archive; what is none stands alone."""
    if not zipfile.is_zipfile(io.BytesIO(body)):
        return {body[:5].decode("latin-1"): body}
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


@pytest.mark.once
def test_a_print_is_set_by_the_workers_process(served: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    officer = served.staff("officer")
    page = f"/office/sittings/{served.sitting_ref}/print"
    asked = officer.get(
        f"{page}/tickets/{served.room_ref}.pdf", headers={"Referer": f"http://localhost{page}"}
    )
    assert asked.status_code == 303
    assert f'href="{page}"' in officer.get(asked.location).text
    with working(served.app):
        wait_until(lambda: states(served) == [JobState.DONE])
    assert officer.get(f"{asked.location}/file.pdf").data.startswith(b"%PDF")


def test_a_refusal_is_that_of_the_page(served: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is quick enough refuses what the page would."""
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 30.0)
    officer, before = served.staff("officer"), len(states(served))
    look: Callable[[float], None] = answers.time.sleep

    def work(_seconds: float) -> None:
        run_due(now=served.clock.now())

    monkeypatch.setattr(answers.time, "sleep", work)
    refused = officer.post(f"/office/batches/{served.batch_ref}/roster/export", data={"reason": "x"})
    monkeypatch.setattr(answers.time, "sleep", look)
    assert refused.status_code == 422
    assert states(served)[before:] == [JobState.FAILED]


def test_what_others_keep_from_a_child_waits_and_is_tried_again(world: World, steps: Steps) -> None:
    ref, other = ask(world, about=1), ask(world, about=2)
    steps.refusal = Unavailable("print.busy", seconds=10)
    assert due(world) == 0
    assert [row(world, one).state for one in (ref, other)] == [JobState.WAITING] * 2
    assert row(world, ref).tries == 0
    steps.refusal = None
    assert due(world) == 2


def test_a_script_is_told_where_to_ask_and_led_to_the_file(
    served: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    officer, script = served.staff("officer"), {"Accept": "application/json"}
    path = f"/office/sittings/{served.sitting_ref}/print/door/{served.room_ref}.pdf"
    told = officer.get(path, headers=script)
    assert told.status_code == 202
    job = flask.json.loads(told.data)["job"]
    assert officer.get(job, headers=script).status_code == 202
    with served.app.app_context():
        assert run_due(now=served.clock.now()) == 1
    file = officer.get(job, headers=script, follow_redirects=True)
    assert (file.status_code, file.data[:4]) == (200, b"%PDF")
