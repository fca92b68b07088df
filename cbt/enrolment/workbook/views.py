"""Pages of a list of people: the template, a file brought, looked at, marked, its good rows taken over."""

from __future__ import annotations

import flask
import flask_babel

from cbt.blueprints.store import blueprint_of
from cbt.enrolment.applications import application as applying
from cbt.enrolment.applications import store
from cbt.enrolment.applications.views import ApplicationSide, page
from cbt.enrolment.jobs import MARKED_LIST
from cbt.enrolment.workbook import people_import
from cbt.enrolment.workbook.people_import import CheckedList, ListStanding
from cbt.enrolment.workbook.rows import COLUMNS, TEMPLATE, column_titles, explained, people_template
from cbt.errors import Conflict, InvalidInput
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_done, form_on, form_page, uploaded
from cbt.http.partials import Reply
from cbt.imports.column_map import hands_of_form
from cbt.imports.direct_import import note
from cbt.jobs.answers import file_reply
from cbt.spreadsheets.writer import XLSX
from cbt.storage.page_span import PageSpan
from cbt.storage.unit_of_work import reading

LIST_PAGE = 100


def list_form(side: ApplicationSide, ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show where a list is brought, and what it holds."""
    with reading() as session:
        application = applying.editable(session, ref, side.applying(), changing=False)
        unit = store.unit_of(session, application.unit_id)
        blueprint = blueprint_of(session, application.blueprint_version_id)
    return form_page(
        "enrolment/workbook/bring.html",
        refused,
        side=side,
        crumbs=_crumbs(side, ref),
        stages=_stages(),
        application=application,
        unit=unit,
        blueprint=blueprint,
        columns=[(COLUMNS.by_name[name], explained(name)) for name in TEMPLATE],
    )


def _crumbs(side: ApplicationSide, ref: str) -> list[tuple[str, str]]:
    return [
        (side.url("applications"), flask_babel.gettext("enrolment.applications.title")),
        (side.url("application", ref=ref), flask_babel.gettext("enrolment.application.title", number=ref)),
    ]


def _stages() -> list[str]:
    names = ("batches.roster.step.file", "enrolment.workbook.step.check", "batches.roster.step.done")
    return [flask_babel.gettext(name) for name in names]


def list_template(side: ApplicationSide, ref: str) -> Reply:
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=side.unit_id())
        blueprint = blueprint_of(session, application.blueprint_version_id)
    return attachment(
        people_template(blueprint), XLSX, f"{flask_babel.gettext('enrolment.workbook.sheet')}.xlsx"
    )


@form_on(list_form, InvalidInput, Conflict)
def take_list(side: ApplicationSide, ref: str) -> Reply:
    name, body = uploaded("file")
    draft = people_import.keep_list(ref, file_name=name, body=body, by=side.applying())
    return flask.redirect(side.url("list_check", ref=ref, draft=draft), 303)


def list_check(side: ApplicationSide, ref: str, draft: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show what taking over a list would do."""
    args = flask.request.args
    with reading() as session:
        looked = people_import.look_at(session, ref, draft, side.applying())
        unit = store.unit_of(session, looked.checked.application.unit_id)
    checked = looked.checked
    kind = args.get("kind", "")
    lines = [one for one in checked.people if kind in {"", one.standing.value}]
    span = PageSpan(len(lines), LIST_PAGE, page_of(args))
    return form_page(
        "enrolment/workbook/check.html",
        refused,
        side=side,
        standing=looked,
        crumbs=[
            *_crumbs(side, ref),
            (side.url("list_form", ref=ref), flask_babel.gettext("enrolment.workbook.title")),
        ],
        stages=_stages(),
        stage=2,
        lead=unit.name,
        draft=draft,
        titles=column_titles(),
        checked=checked,
        counts=checked.counts,
        about=[note(found) for found in checked.read.findings],
        lines=[(one, [note(found) for found in one.findings]) for one in lines[span.offset :][:LIST_PAGE]],
        kind=kind,
        kinds=_tabs(side, checked, draft, kind),
        page=span.page,
        pages=span.pages,
    )


def _tabs(side: ApplicationSide, checked: CheckedList, draft: str, kind: str) -> list[tuple[str, str, bool]]:
    """Return a link to the rows of each standing that there is, and to all."""
    counts = {"": len(checked.people)} | {one.value: checked.counts[one.value] for one in ListStanding}
    return [
        (
            side.url("list_check", ref=checked.application.ref, draft=draft, kind=name or None),
            f"{flask_babel.gettext('enrolment.workbook.standing.' + (name or 'all'))} {count}",
            name == kind,
        )
        for name, count in counts.items()
        if count or name in {"", kind}
    ]


@form_on(list_check, Conflict)
def list_columns(side: ApplicationSide, ref: str, draft: str) -> Reply:
    """Have a list be read with what is said of its columns."""
    with reading() as session:
        looked = people_import.look_at(session, ref, draft, side.applying())
    hands = hands_of_form(flask.request.form, looked.checked.read.layouts)
    people_import.say_columns(ref, hands, side.applying())
    return flask.redirect(side.url("list_check", ref=ref, draft=draft), 303)


def list_marked(side: ApplicationSide, ref: str, draft: str) -> Reply:
    """Send a list back with what was found beside each row."""
    return file_reply(MARKED_LIST, subject=f"unit_application:{ref}", application=ref, draft=draft)


@form_on(list_check, Conflict)
def enter_list(side: ApplicationSide, ref: str, draft: str) -> Reply:
    """Take over the good rows; with others left the list stays to be looked at."""
    form = flask.request.form
    count, left = people_import.take_over(
        ref, draft, seen=form.get("seen", ""), short="short" in form, by=side.applying()
    )
    sentence = flask_babel.gettext("enrolment.workbook.entered", count=count)
    if left:
        flash_done(
            sentence,
            (side.url("application", ref=ref), flask_babel.gettext("enrolment.workbook.entered.people")),
        )
        return flask.redirect(side.url("list_check", ref=ref, draft=draft), 303)
    return side.see_other(sentence, "application", ref=ref)


def drop_list(side: ApplicationSide, ref: str, draft: str) -> Reply:
    people_import.PeopleImport(side.applying()).forget(ref, draft)
    flask.flash(flask_babel.gettext("enrolment.workbook.dropped"), "message")
    return flask.redirect(side.url("list_form", ref=ref), 303)


def add_pages() -> None:
    """Have these views answer at their addresses."""
    page(list_form, "/<ref>/list")
    page(list_template, "/<ref>/list.xlsx")
    page(take_list, "/<ref>/list", method="POST")
    page(list_check, "/<ref>/list/<draft>")
    page(list_marked, "/<ref>/list/<draft>.xlsx")
    page(enter_list, "/<ref>/list/<draft>", method="POST")
    page(list_columns, "/<ref>/list/<draft>/columns", method="POST")
    page(drop_list, "/<ref>/list/<draft>/drop", method="POST")
