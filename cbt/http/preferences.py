"""Language and theme of this browser."""

from __future__ import annotations

import flask

from cbt.config import LOCALES
from cbt.http.auth.access import public
from cbt.http.auth.cookies import is_of_staff, write_cookie
from cbt.http.i18n import THEMES
from cbt.http.partials import Reply, local_target

pages = flask.Blueprint("preferences", __name__)
YEAR_SECONDS = 365 * 24 * 3600


@pages.app_template_global("preferences_url")
def preferences_url() -> str:
    """Return where a page sends its form of language and theme: where the form token it holds is known."""
    staff = is_of_staff(flask.request.path)
    return flask.url_for("preferences.save_of_staff" if staff else "preferences.save")


@pages.post("/staff/preferences")
@public
def save_of_staff() -> Reply:
    """Keep what was chosen on a page at an address of staff, whose session has the token of that form."""
    return save()


@pages.post("/preferences")
@public
def save() -> Reply:
    """Keep the chosen language or theme and go back to the page it was chosen on."""
    response = flask.redirect(
        local_target(flask.request.form.get("next"), flask.url_for("door.seat_page")), 303
    )
    for name, allowed in (("locale", LOCALES), ("theme", THEMES)):
        value = flask.request.form.get(name, "")
        if value in allowed:
            write_cookie(response, name, value, max_age=YEAR_SECONDS)
    return response
