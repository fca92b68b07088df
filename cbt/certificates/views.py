"""Pages of the certificates: who gets one, the register, the public look-up, upload files, a unit's own results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import flask
from flask_babel import gettext as _

from cbt.blueprints.store import blueprint_of, last_version
from cbt.certificates import register as certificate_register
from cbt.certificates import unit_results
from cbt.certificates.jobs import ISSUE, OWN_RESULTS, PRINT, UPLOAD
from cbt.certificates.models import Certificate
from cbt.certificates.register import RegisterFilter, SeriesForm, series_form, set_series, waiting_page
from cbt.certificates.uploads import (
    CERTIFICATES,
    FIELDS,
    STANDARD,
    ChosenUpload,
    UploadChoice,
    chosen,
    read_choice,
)
from cbt.enrolment.body import body
from cbt.enrolment.units import own_unit
from cbt.errors import CbtError, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import asked_text, page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, refusal, see_other
from cbt.http.i18n import local_day
from cbt.http.page_cache import page_for_all
from cbt.http.partials import Reply
from cbt.http.server import lanes
from cbt.http.server.hot_addresses import hot_reply
from cbt.jobs.answers import act_reply, file_reply
from cbt.personal import DETAILS
from cbt.results.column_mapping import (
    FORMS,
    MappedFile,
    MappingForm,
    lines_of,
    sent_mapping,
    shown_mapping,
)
from cbt.rules.certificates import grouped
from cbt.rules.roles import Role
from cbt.sittings.store import batches
from cbt.storage.unit_of_work import reading

unit_results_pages = flask.Blueprint("own_results", __name__, url_prefix="/unit/results")


@unit_results_pages.get("")
@access.roles(Role.UNIT_CLERK)
def results() -> Reply:
    """Show a clerk the results of their own unit's people; no address names a unit."""
    args = flask.request.args
    with reading() as session:
        unit = own_unit(session, signed_in().subject_id)
        page = unit_results.own_page(
            session, unit, of=args.get("of", ""), page=page_of(args), now=flask.g.now
        )
        return flask.render_template("certificates/unit_results/results.html", found=page)


@unit_results_pages.get("/workbook")
@access.roles(Role.UNIT_CLERK)
def workbook() -> Reply:
    """Send the same list as a workbook."""
    return file_reply(OWN_RESULTS, subject=acting(), of=flask.request.args.get("of", ""))


upload_pages = flask.Blueprint("uploads", __name__)

OFFERED = 100
"""So many batches are offered, the latest first."""
_CHOICE = tuple(field.name for field in fields(UploadChoice))


@upload_pages.get("/office/certificates/uploads")
@access.roles(Role.OFFICER)
def uploads() -> Reply:
    """Offer the mappings and a choice of certificates; with a choice, say what its file would hold."""
    args = flask.request.args
    if "mapping" not in args:
        return _page(NOTHING_REFUSED, args, None)
    try:
        with reading() as session:
            upload = chosen(session, read_choice(args))
    except CbtError as error:
        return _page(refusal(error), args, None)
    return _page(NOTHING_REFUSED, args, upload)


@upload_pages.post("/office/certificates/uploads/file")
@access.roles(Role.OFFICER)
def file() -> Reply:
    """Send the file of a choice."""
    form = flask.request.form
    try:
        return file_reply(
            UPLOAD,
            subject=f"upload_mapping:{form.get('mapping', '')}",
            choice={name: form.get(name, "") for name in _CHOICE},
            form=form.get("form", ""),
            blanks=form.get("blanks") == "1",
        )
    except CbtError as error:
        return _page(refusal(error), form, _again(form))


def _again(form: Mapping[str, str]) -> ChosenUpload | None:
    try:
        with reading() as session:
            return chosen(session, read_choice(form))
    except CbtError:
        return None


def _page(refused: Refusal, fields: Mapping[str, str], upload: ChosenUpload | None) -> Reply:
    with reading() as session:
        mapped_files = CERTIFICATES.all_files(session)
        offered = [(batch.ref, batch.name) for batch, _count in batches(session, limit=OFFERED)]
    today = local_day(flask.g.now)
    return form_page(
        "certificates/uploads/uploads.html",
        refused,
        known=mapped_files,
        choices=[(one.ref, one.name) for one in mapped_files],
        offered=offered,
        asked=fields,
        since=fields.get("since") or today.replace(day=1).isoformat(),
        until=fields.get("until") or today.isoformat(),
        found=upload,
        forms=[(one, _(f"certificates.upload.form.{one}")) for one in FORMS],
        standard=STANDARD,
    )


@upload_pages.get("/office/certificates/uploads/new")
@access.roles(Role.OFFICER)
def new() -> Reply:
    with reading() as session:
        source = CERTIFICATES.file_of(session, flask.request.args.get("from", STANDARD))
    return _form(None, MappingForm("", source.dates, lines_of(source)), NOTHING_REFUSED)


@upload_pages.post("/office/certificates/uploads/new")
@access.roles(Role.OFFICER)
def make() -> Reply:
    return _keep(None)


@upload_pages.get("/office/certificates/uploads/<ref>")
@access.roles(Role.OFFICER)
def mapping(ref: str) -> Reply:
    with reading() as session:
        mapped_file = CERTIFICATES.file_of(session, ref)
    if ref == STANDARD:
        return flask.redirect(flask.url_for("certificates.uploads.new"), 303)
    return _form(
        mapped_file, MappingForm(mapped_file.name, mapped_file.dates, lines_of(mapped_file)), NOTHING_REFUSED
    )


@upload_pages.post("/office/certificates/uploads/<ref>")
@access.roles(Role.OFFICER)
def change(ref: str) -> Reply:
    with reading() as session:
        mapped_file = CERTIFICATES.file_of(session, ref)
    return _keep(mapped_file)


@upload_pages.post("/office/certificates/uploads/<ref>/remove")
@access.roles(Role.OFFICER)
def remove(ref: str) -> Reply:
    CERTIFICATES.remove(ref, now=flask.g.now, actor=acting())
    return see_other(_("certificates.upload.removed"), "certificates.uploads.uploads")


def _keep(mapped_file: MappedFile | None) -> Reply:
    wanted = sent_mapping(flask.request.form)
    try:
        CERTIFICATES.keep(mapped_file.ref if mapped_file else "", wanted, now=flask.g.now, actor=acting())
    except CbtError as error:
        return _form(mapped_file, wanted, refusal(error))
    return see_other(_("certificates.upload.saved"), "certificates.uploads.uploads")


def _form(mapped_file: MappedFile | None, wanted: MappingForm, refused: Refusal) -> Reply:
    return form_page(
        "certificates/uploads/mapping.html",
        refused,
        known=mapped_file,
        fields=[(name, _label(name)) for name in FIELDS],
        **shown_mapping(wanted),
    )


def _label(name: str) -> str:
    """Return what a field is called; a number that pages mask goes out in full."""
    if name not in DETAILS:
        return str(_(f"certificates.upload.field.{name}"))
    title = DETAILS[name].title
    return str(_("certificates.upload.in_full", field=title)) if DETAILS[name].sealed else title


pages = flask.Blueprint("certificates", __name__)

READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)

pages.add_app_template_filter(grouped, "grouped")
pages.register_blueprint(upload_pages)
pages.register_blueprint(unit_results_pages)


@pages.get("/office/certificates")
@access.roles(*READERS)
def certificates() -> Reply:
    return _waiting(NOTHING_REFUSED, flask.request.args.get("level", ""))


@pages.post("/office/certificates")
@access.roles(Role.OFFICER)
def issue() -> Reply:
    """Issue certificates to those who are named."""
    form = flask.request.form
    level, people = form.get("level", ""), form.getlist("person")[: certificate_register.REGISTER_PAGE]
    page = flask.url_for("certificates.register", unprinted=1)
    try:
        return act_reply(ISSUE, subject=f"blueprint:{level}", page=page, level=level, people=people)
    except CbtError as error:
        return _waiting(refusal(error), level)


def _waiting(refused: Refusal, level: str) -> Reply:
    with reading() as session:
        waiting_levels = certificate_register.waiting_levels(session)
        names, ready = {}, {}
        for one in waiting_levels:
            version = last_version(session, one.ref)
            if version is not None:
                plan = blueprint_of(session, version.id)
                ready[one.ref] = one.complete(len(plan.papers))
                names[one.ref] = f"{plan.occupation_name} {plan.level_name}"
        refs = [one.ref for one in waiting_levels]
        if level not in refs:
            # Where somebody waits who passed every paper; else where anybody does.
            waited = [one.ref for one in waiting_levels if one.complete(0)]
            level = next((ref for ref in refs if ready.get(ref)), next(iter([*waited, *refs]), ""))
        waiting = waiting_page(session, level, page=page_of(flask.request.args), today=local_day(flask.g.now))
        is_set = series_form(session) is not None
    links = [
        (
            flask.url_for("certificates.certificates", level=ref),
            _("certificates.level.tab", name=name, count=ready[ref]) if ready[ref] else name,
            ref == level,
        )
        for ref, name in names.items()
    ]
    return form_page("certificates/waiting.html", refused, found=waiting, levels=links, is_set=is_set)


@pages.get("/office/certificates/register")
@access.roles(*READERS)
def register(refused: Refusal = NOTHING_REFUSED) -> Reply:
    args = flask.request.values
    sought = _sought(args)
    with reading() as session:
        register_page = certificate_register.register_page(session, sought, page=page_of(args))
        batches = certificate_register.batches_released(session)
    return form_page(
        "certificates/register.html",
        refused,
        found=register_page,
        sought=sought,
        batches=batches,
        most=certificate_register.PRINTED_AT_ONCE,
    )


def _sought(args: Mapping[str, str]) -> RegisterFilter:
    return RegisterFilter(asked_text(args), args.get("batch", "")[:40], bool(args.get("unprinted")))


@pages.post("/office/certificates/print")
@access.roles(Role.OFFICER)
@form_on(register)
def print_many() -> Reply:
    """Send the ticked certificates, or all that are looked for, as one file."""
    form = flask.request.form
    refs, subject = (
        list(dict.fromkeys(form.getlist("certificate")))[: certificate_register.REGISTER_PAGE],
        "certificates:",
    )
    if form.get("all"):
        sought = _sought(form)
        with reading() as session:
            refs = certificate_register.printable(session, sought)
    if not refs:
        raise InvalidInput("certificate.none_chosen")
    return file_reply(PRINT, subject=subject, certificates=refs, reason=form.get("reason", ""))


@pages.get("/office/certificates/series")
@access.roles(*READERS)
def series(refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        form = series_form(session)
    return form_page("certificates/series.html", refused, known=form or SeriesForm(), is_set=form is not None)


@pages.post("/office/certificates/series")
@access.roles(Role.ADMIN)
@form_on(series)
def change_series() -> Reply:
    """Set the parts of the numbers."""
    form = flask.request.form
    wanted = SeriesForm(**{part: form.get(part, "").strip() for part in SeriesForm.__dataclass_fields__})
    set_series(wanted, now=flask.g.now, actor=acting())
    return see_other(_("certificates.series.saved"), "certificates.series")


@pages.get("/office/certificates/<ref>")
@access.roles(*READERS)
def certificate(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        row = Certificate.by_ref(session, ref, unknown="certificate.unknown")
        wrong = certificate_register.wrong_facts(session, row) if row.revoked_at is None else ()
        address = body(session).look_up
    return form_page("certificates/certificate.html", refused, row=row, wrong=wrong, address=address)


@pages.post("/office/certificates/<ref>/print")
@access.roles(Role.OFFICER)
@form_on(certificate)
def print_one(ref: str) -> Reply:
    """Send a certificate as a page; every print after the first needs a reason."""
    reason = flask.request.form.get("reason", "")
    return file_reply(PRINT, subject=f"certificate:{ref}", certificates=[ref], reason=reason)


@pages.post("/office/certificates/<ref>/revoke")
@access.roles(Role.OFFICER)
@form_on(certificate)
def revoke(ref: str) -> Reply:
    certificate_register.revoke(
        ref, reason=flask.request.form.get("why", ""), now=flask.g.now, actor=acting()
    )
    return see_other(_("certificates.revoked"), "certificates.certificate", ref=ref)


@pages.post("/office/certificates/<ref>/correct")
@access.roles(Role.OFFICER)
@form_on(certificate)
def correct(ref: str) -> Reply:
    """Replace a certificate by one that says what the records do."""
    fault, now = flask.request.form.get("fault", ""), flask.g.now
    new, number = certificate_register.correct(
        ref, reason=fault, today=local_day(now), now=now, actor=acting()
    )
    return see_other(_("certificates.corrected", number=grouped(number)), "certificates.certificate", ref=new)


@pages.get("/verify")
@lanes.for_everybody
@access.public
def verify() -> Reply:
    """Ask for a number and a name, or take over what a QR said."""
    return page_for_all(flask.request.path, lambda: flask.render_template("certificates/verify.html"))


@pages.post("/verify")
@lanes.for_everybody
@access.public
def verified() -> Reply:
    """Say what the register knows of a certificate (R-94); sent in a form, so that no address holds a name."""
    return hot_reply()
