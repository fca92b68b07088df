"""What pages of the staff say when the files of the database are not in their places.

Source: I12.
"""

from __future__ import annotations

import flask

from cbt.db.engine import files_of
from cbt.web.i18n import explain


def files_lost(app: flask.Flask) -> tuple[str, str] | None:
    """Return what happened to the files of the database and what to do now; None while they are in their places."""
    files = files_of(app)
    trouble = None if files is None else files.trouble()
    return None if files is None or trouble is None else explain(files.error(trouble))
