"""The page of a sitting's package: what it holds, who had one before, and the file itself."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.downloads import attachment
from cbt.http.partials import Reply
from cbt.results.package.service import package_page, public_key, write_package
from cbt.results.package.signature import shown_print
from cbt.rules.roles import Role

pages = flask.Blueprint("package", __name__)

ZIP = "application/zip"


@pages.get("/results/<sitting_ref>/package", endpoint="page")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)
def page(sitting_ref: str) -> Reply:
    """Say what the package of a sitting holds, and whose signature it has."""
    return flask.render_template(
        "results/package/package.html",
        found=package_page(sitting_ref),
        may_write=signed_in().has(Role.OFFICER, Role.CHIEF_PROCTOR),
    )


@pages.post("/results/<sitting_ref>/package")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR)
def write(sitting_ref: str) -> Reply:
    """Send the package; a POST, because it is put on record."""
    made = write_package(sitting_ref, actor=signed_in().logged_as, now=flask.g.now)
    return attachment(made.body, ZIP, made.name)


@pages.post("/results/<sitting_ref>/package/key")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR)
def key(sitting_ref: str) -> Reply:
    """Send the public key by which others check the package."""
    public = public_key(actor=signed_in().logged_as, now=flask.g.now)
    name = f"{_('package.key_file')}-{shown_print(public)[:9]}.txt"
    return attachment(f"ed25519:{public}\n".encode("ascii"), "text/plain", name)
