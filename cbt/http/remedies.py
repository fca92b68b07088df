"""Where an error is mended: the page that whoever was refused is led to, if they may open it."""

from __future__ import annotations

import flask
import flask_babel

from cbt.http.auth.access import access_of
from cbt.http.auth.login import current_principal

_REMEDIES = "cbt_remedies"


def register_remedy(app: flask.Flask, code: str, endpoint: str, text_id: str) -> None:
    """Have whoever is refused with `code` find the page on which that is mended, called as the text says."""
    app.extensions.setdefault(_REMEDIES, {})[code] = (endpoint, text_id)


def remedy(code: str, mended_at: str = "") -> tuple[str, str] | None:
    """Return the address and the name of the page that mends an error; None for none that the reader may open.

    A refusal that concerns one thing of many names its page itself: `mended_at`, a path of ours.
    """
    if mended_at:
        return mended_at, flask_babel.gettext("ui.see_missing")
    endpoint, text_id = flask.current_app.extensions.get(_REMEDIES, {}).get(code, ("", ""))
    declared, principal = access_of(flask.current_app, endpoint), current_principal()
    if declared is None or principal is None or not declared.admits(principal):
        return None
    return flask.url_for(endpoint), flask_babel.gettext(text_id)
