"""Pages of the accounts room: sign-in, password, home, staff, and the audit log."""

from __future__ import annotations

import flask
import flask_babel

from cbt.accounts import factor_codes, store
from cbt.accounts import second_factor as factor_service
from cbt.accounts import second_factor_views as factor_views
from cbt.accounts import sign_in as service
from cbt.accounts.approvals import views as approval_views
from cbt.accounts.approvals.requests import SecondNeeded
from cbt.accounts.approvals.views import ask_for
from cbt.accounts.audit_log import LogFilter, act_groups, filter_of, log_page
from cbt.accounts.navigation import home_parts, places_for, role_names, staff_frame
from cbt.accounts.sign_in import guessed
from cbt.accounts.staff import create_staff, disable_staff, enable_staff, reset_password, set_roles
from cbt.errors import CbtError, InvalidInput, NotAllowed, TooMany
from cbt.http.auth import access
from cbt.http.auth.login import HALF, acting, current_principal, forget, remember, signed_in
from cbt.http.auth.machine import current_machine
from cbt.http.form_posts import idempotency
from cbt.http.form_values import asked_text, page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, refusal, see_other
from cbt.http.partials import Reply, local_target
from cbt.http.server import lanes
from cbt.rules.roles import GIVEN, OF_THE_HOUSE, Role
from cbt.storage.unit_of_work import reading

audit_log_pages = flask.Blueprint("audit", __name__)
READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@audit_log_pages.get("/audit")
@access.roles(*READERS)
def log() -> Reply:
    """Show a page of the audit log. Source: R-64."""
    log_filter = filter_of(flask.request.args)
    try:
        return _page(log_filter)
    except InvalidInput as error:
        return refused_log(log_filter, error)


def refused_log(log_filter: LogFilter, error: InvalidInput) -> Reply:
    """Show the whole log, and what was wrong with the filter."""
    return _page(LogFilter(), typed_filter=log_filter, refused=refusal(error)), 422


def _page(
    log_filter: LogFilter, *, typed_filter: LogFilter | None = None, refused: Refusal = NOTHING_REFUSED
) -> str:
    with reading() as session:
        page = log_page(session, log_filter, reader=signed_in(), now=flask.g.now)
    return flask.render_template(
        "accounts/audit_log/log.html",
        page=page,
        asked=typed_filter or log_filter,
        refused=refused,
        groups=act_groups(),
    )


pages = flask.Blueprint("accounts", __name__)
pages.app_template_global()(staff_frame)
pages.register_blueprint(audit_log_pages)
pages.register_blueprint(approval_views.pages)
pages.register_blueprint(factor_views.pages)

OVER = ("idle", "expired", "revoked")
"""Why a login can be over; the sign-in page has a sentence for each."""


@pages.get("/staff/sign-in")
@access.public
def sign_in() -> Reply:
    """Show the staff sign-in page; who is signed in goes on to where they were going."""
    principal = current_principal()
    target = local_target(flask.request.args.get("next"), flask.url_for("accounts.home"))
    if principal is not None and principal.kind == "staff":
        return flask.redirect(target, 303)
    if principal is not None and principal.kind == HALF:
        return flask.redirect(flask.url_for("accounts.factors.code", next=target), 303)
    return _sign_in_page(target, "", NOTHING_REFUSED)


@pages.post("/staff/sign-in")
@lanes.for_strangers
@access.public
def sign_in_now() -> Reply:
    """Sign a staff member in."""
    form = flask.request.form
    target, login = local_target(form.get("next"), flask.url_for("accounts.home")), form.get("login", "")
    try:
        opened = service.sign_in(
            login=login,
            password=form.get("password", ""),
            machine=current_machine(),
            now=flask.g.now,
            former=current_principal(),
        )
    except (NotAllowed, TooMany) as error:
        return _sign_in_page(target, login, refusal(error))
    remember(opened.token)
    if opened.wants_code:
        target = flask.url_for("accounts.factors.code", next=target)
    return flask.redirect(target, 303)


def _sign_in_page(target: str, login: str, refused: Refusal) -> Reply:
    over = flask.request.args.get("over", "")
    return form_page(
        "accounts/sign_in/sign_in.html",
        refused,
        target=target,
        login=login,
        over=over if over in OVER and not refused.what else "",
    )


@pages.post("/staff/sign-in/again")
@access.public
def sign_in_again() -> Reply:
    """Go back from the code to the password, as somebody else or from the beginning."""
    principal = current_principal()
    if principal is not None and principal.kind == HALF:
        service.sign_out(principal, now=flask.g.now)
        forget()
    return flask.redirect(flask.url_for("accounts.sign_in"), 303)


@pages.post("/staff/sign-out")
@access.staff
def sign_out() -> Reply:
    service.sign_out(signed_in(), now=flask.g.now)
    forget()
    wanted = local_target(flask.request.form.get("next"), "") or None  # a page that was not for this person
    return flask.redirect(flask.url_for("accounts.sign_in", next=wanted), 303)


@pages.route("/staff/password", methods=["GET", "POST"])
@access.staff
def password() -> Reply:
    """Change the password; a one-time password leads here before anything else."""
    refused = NOTHING_REFUSED
    if flask.request.method == "POST":
        try:
            remember(_change_password())
        except CbtError as error:
            refused = refusal(error)
        else:
            return see_other(flask_babel.gettext("accounts.password.changed"), "accounts.home")
    forced = signed_in().must_change_password
    return form_page("accounts/sign_in/password.html", refused, forced=forced)


def _change_password() -> str:
    form = flask.request.form
    new = form.get("new", "")
    if new != form.get("again", ""):
        raise InvalidInput("password.differs", field="again")
    return service.change_password(
        signed_in(), old=form.get("old", ""), new=new, machine=current_machine(), now=flask.g.now
    )


@pages.get("/staff")
@access.staff
def home() -> Reply:
    """Show what this person can do, what they are mainly here for first."""
    places = places_for(principal := signed_in())
    main = [place for place in places if place.mainly & principal.roles]
    rest = [one for one in places if one not in main]
    return flask.render_template("accounts/home.html", main=main, others=rest, parts=home_parts(principal))


@pages.get("/staff/people")
@access.roles(Role.ADMIN, Role.INSPECTOR)
def people(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """List the staff, fifty at a time."""
    with reading() as session:
        args = flask.request.args
        page = store.staff_page(session, text=asked_text(args), page=page_of(args))
        guesses = guessed(session, now=flask.g.now)
    roles = [(role.value, flask_babel.gettext(f"role.{role.value}")) for role in GIVEN]
    names = {person.ref: role_names(frozenset(row.role for row in person.roles)) for person in page.lines}
    shown = {"found": page, "names": names, "guesses": guesses, "roles": roles, "refused": refused}
    return flask.render_template("accounts/people.html", **shown), refused.code


@pages.post("/staff/people")
@access.roles(Role.ADMIN)
@form_on(people)
def add_person() -> Reply:
    """Add a staff member and show the one-time password, this once."""
    form = flask.request.form
    password = create_staff(
        login=form.get("login", ""),
        name=form.get("name", ""),
        roles=parse_roles(form.getlist("roles")),
        now=flask.g.now,
        actor=acting(),
    )
    login = form.get("login", "").strip().casefold()
    with reading() as session:  # shown once: who sends the form again is led to where there can be another
        idempotency.leads_to(flask.url_for("accounts.person", ref=store.ref_of(session, login)))
    return _once(login, password)


def parse_roles(values: list[str]) -> list[Role]:
    """Return the chosen roles; raise InvalidInput("staff.roles") for one that does not exist."""
    try:
        return [Role(value) for value in values]
    except ValueError as error:
        raise InvalidInput("staff.roles", field="roles") from error


def _once(login: str, password: str) -> Reply:
    return flask.render_template("accounts/once.html", login=login, password=password)


@pages.get("/staff/people/<ref>")
@access.roles(Role.ADMIN, Role.INSPECTOR)
def person(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        member = store.staff_by_ref(session, ref)
        factor = factor_codes.state(session, member)
    held = {row.role for row in member.roles}
    offered = [role for role in OF_THE_HOUSE if role in GIVEN or role in held]
    roles = [(role.value, flask_babel.gettext(f"role.{role.value}")) for role in offered]
    return form_page("accounts/person.html", refused, found=member, factor=factor, roles=roles, held=held)


@pages.post("/staff/people/<ref>/<act>")
@access.roles(Role.ADMIN)
@form_on(person)
def change_person(ref: str, act: str) -> Reply:
    """Change roles, disable, enable, give a new one-time password, take a lost second factor away."""
    actor = acting()
    if act == "roles":
        chosen = parse_roles(flask.request.form.getlist("roles"))
        set_roles(ref=ref, roles=chosen, now=flask.g.now, actor=actor)
    elif act == "disable":
        disable_staff(ref=ref, now=flask.g.now, actor=actor)
    elif act == "enable":
        enable_staff(ref=ref, now=flask.g.now, actor=actor)
    elif act == "reset":
        with reading() as session:
            login = store.staff_by_ref(session, ref).login
        return _once(login, reset_password(login=login, now=flask.g.now, actor=actor))
    elif act == "reset-factor":
        reason = flask.request.form.get("reason", "")
        try:
            factor_service.reset_by_two(ref, reason=reason, first=signed_in(), second=None, now=flask.g.now)
        except SecondNeeded as needed:
            return ask_for(needed, lambda: factor_service.reset_wish(ref, reason))
    else:
        raise InvalidInput("web.bad_request")
    return see_other(flask_babel.gettext("accounts.person.saved"), "accounts.person", ref=ref)
