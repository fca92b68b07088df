"""Pages of one's own account: the second factor, where one is signed in; and the step between password and code."""

from __future__ import annotations

import flask
import flask_babel

from cbt.accounts import factor_codes, second_factor, store
from cbt.accounts import sign_in as logins
from cbt.errors import CbtError, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import HALF, Principal, current_principal, remember, signed_in, why_signed_out
from cbt.http.auth.machine import current_machine
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_page, refusal, see_other
from cbt.http.partials import Reply, local_target
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("factors", __name__)


@pages.get("/staff/sign-in/code")
@access.public
def code() -> Reply:
    target = local_target(flask.request.args.get("next"), flask.url_for("accounts.home"))
    return _code_page(target, NOTHING_REFUSED) if _half() else _back_to_sign_in(target)


@pages.post("/staff/sign-in/code")
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


@pages.get("/staff/account")
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


@pages.get("/staff/account/factor")
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


@pages.post("/staff/account/factor")
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


@pages.post("/staff/account/factor/<act>")
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


@pages.post("/staff/account/logins/<int:number>/end")
@access.staff
def end_login(number: int) -> Reply:
    logins.end_one(signed_in(), number, now=flask.g.now)
    return flask.redirect(flask.url_for("accounts.factors.account"), 303)


@pages.post("/staff/account/logins/others/end")
@access.staff
def end_others() -> Reply:
    logins.end_others(signed_in(), now=flask.g.now)
    return see_other(flask_babel.gettext("accounts.logins.ended"), "accounts.factors.account")


@pages.post("/staff/here")
@access.staff
def here() -> Reply:
    """Take note that somebody is typing here: a long form must not outlast its login."""
    return "", 204
