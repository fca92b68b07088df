"""Pages of the accounts room: sign-in with its second factor, one's own account, home, staff, and the audit log."""

from __future__ import annotations

import flask
import flask_babel

from cbt.accounts import factor_codes, second_factor, store
from cbt.accounts import sign_in as logins
from cbt.accounts.approvals import views as approval_views
from cbt.accounts.approvals.requests import SecondNeeded
from cbt.accounts.approvals.views import ask_for
from cbt.accounts.audit_log import LogFilter, act_groups, filter_of, log_page
from cbt.accounts.navigation import home_parts, places_for, role_names, staff_frame
from cbt.accounts.sign_in import guessed
from cbt.accounts.staff import create_staff, disable_staff, enable_staff, reset_password, set_roles
from cbt.errors import CbtError, InvalidInput, NotAllowed, TooMany
from cbt.http.auth import access
from cbt.http.auth.login import (
    HALF,
    Principal,
    acting,
    current_principal,
    forget,
    remember,
    signed_in,
    why_signed_out,
)
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


factor_pages = flask.Blueprint("factors", __name__)


@factor_pages.get("/staff/sign-in/code")
@access.public
def code() -> Reply:
    target = local_target(flask.request.args.get("next"), flask.url_for("accounts.home"))
    return _code_page(target, NOTHING_REFUSED) if _half() else _back_to_sign_in(target)


@factor_pages.post("/staff/sign-in/code")
@access.public
def code_now() -> Reply:
    """Finish signing in."""
    form = flask.request.form
    target, half = local_target(form.get("next"), flask.url_for("accounts.home")), _half()
    if half is None:
        return _back_to_sign_in(target)
    try:
        token = second_factor.finish_sign_in(
            half, code=form.get("code", ""), machine=current_machine(), now=flask.g.now
        )
    except CbtError as error:
        return _code_page(target, refusal(error))
    remember(token)
    return flask.redirect(target, 303)


def _half() -> Principal | None:
    principal = current_principal()
    return principal if principal is not None and principal.kind == HALF else None


def _back_to_sign_in(target: str) -> Reply:
    over = why_signed_out() or None
    return flask.redirect(flask.url_for("accounts.sign_in", next=target, over=over), 303)


def _code_page(target: str, refused: Refusal) -> Reply:
    return form_page("accounts/second_factor/code.html", refused, target=target)


@factor_pages.get("/staff/account")
@access.staff
def account(refused: Refusal = NOTHING_REFUSED, form: str = "") -> Reply:
    """Show one's own account: password, second factor, where one is signed in."""
    me = signed_in()
    with reading() as session:
        state = factor_codes.state(session, store.staff_by_ref(session, me.subject_ref))
    return form_page(
        "accounts/second_factor/account.html",
        refused,
        factor=state,
        codes=factor_codes.CODES,
        logins=logins.open_ones(me, now=flask.g.now),
        here=me.login_session_id,
        form=form,
    )


@factor_pages.get("/staff/account/factor")
@access.staff
def enrol() -> Reply:
    """Show the secret of a second factor to set up, as a picture and as text."""
    with reading() as session:
        if (
            factor_codes.state(session, store.staff_by_ref(session, signed_in().subject_ref)).since
            is not None
        ):
            return flask.redirect(flask.url_for("accounts.factors.account"), 303)
    return _enrol_page(*second_factor.offer(signed_in()), NOTHING_REFUSED)


@factor_pages.post("/staff/account/factor")
@access.staff
def enrol_now() -> Reply:
    """Set it up once a code shows that the app has the secret; show the recovery codes, this once."""
    form = flask.request.form
    try:
        secret = second_factor.offered(signed_in(), form.get("offer", ""))
    except InvalidInput as error:
        return _enrol_page(*second_factor.offer(signed_in()), refusal(error))
    try:
        token, made = second_factor.enrol(
            signed_in(),
            secret=secret,
            password=form.get("password", ""),
            code=form.get("code", ""),
            machine=current_machine(),
            now=flask.g.now,
        )
    except CbtError as error:
        return _enrol_page(secret, form.get("offer", ""), refusal(error))
    remember(token)
    return _codes_page(made, fresh=True)


def _enrol_page(secret: str, offer: str, refused: Refusal) -> Reply:
    me = signed_in()
    with reading() as session:
        login = store.staff_by_ref(session, me.subject_ref).login
    return form_page(
        "accounts/second_factor/enrol.html",
        refused,
        picture=factor_codes.picture(secret, login=login, issuer=flask_babel.gettext("ui.product")),
        secret=factor_codes.in_groups(secret),
        offer=offer,
        login=login,
        forced=me.owes_factor,
    )


def _codes_page(made: list[str], *, fresh: bool) -> Reply:
    return flask.render_template("accounts/second_factor/recovery.html", codes=made, fresh=fresh)


@factor_pages.post("/staff/account/factor/<act>")
@access.staff
def change(act: str) -> Reply:
    """Replace the recovery codes, or switch the second factor off; both ask for password and code again."""
    form = flask.request.form
    credentials = {
        "password": form.get("password", ""),
        "code": form.get("code", ""),
        "machine": current_machine(),
        "now": flask.g.now,
    }
    try:
        if act == "codes":
            token, made = second_factor.renew_codes(signed_in(), **credentials)
            remember(token)
            return _codes_page(made, fresh=False)
        if act != "off":
            raise InvalidInput("web.bad_request")
        remember(second_factor.switch_off(signed_in(), **credentials))
    except CbtError as error:
        return account(refusal(error), act)
    return see_other(flask_babel.gettext("accounts.factor.is_off"), "accounts.factors.account")


@factor_pages.post("/staff/account/logins/<int:number>/end")
@access.staff
def end_login(number: int) -> Reply:
    logins.end_one(signed_in(), number, now=flask.g.now)
    return flask.redirect(flask.url_for("accounts.factors.account"), 303)


@factor_pages.post("/staff/account/logins/others/end")
@access.staff
def end_others() -> Reply:
    logins.end_others(signed_in(), now=flask.g.now)
    return see_other(flask_babel.gettext("accounts.logins.ended"), "accounts.factors.account")


@factor_pages.post("/staff/here")
@access.staff
def here() -> Reply:
    """Take note that somebody is typing here: a long form must not outlast its login."""
    return "", 204


pages = flask.Blueprint("accounts", __name__)
pages.app_template_global()(staff_frame)
pages.register_blueprint(audit_log_pages)
pages.register_blueprint(approval_views.pages)
pages.register_blueprint(factor_pages)

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
        opened = logins.sign_in(
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
        logins.sign_out(principal, now=flask.g.now)
        forget()
    return flask.redirect(flask.url_for("accounts.sign_in"), 303)


@pages.post("/staff/sign-out")
@access.staff
def sign_out() -> Reply:
    logins.sign_out(signed_in(), now=flask.g.now)
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
    return logins.change_password(
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
            second_factor.reset_by_two(ref, reason=reason, first=signed_in(), second=None, now=flask.g.now)
        except SecondNeeded as needed:
            return ask_for(needed, lambda: second_factor.reset_wish(ref, reason))
    else:
        raise InvalidInput("web.bad_request")
    return see_other(flask_babel.gettext("accounts.person.saved"), "accounts.person", ref=ref)
