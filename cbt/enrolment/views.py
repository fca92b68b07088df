"""The pages of the room, wing by wing."""

from __future__ import annotations

import flask

from cbt.enrolment import agreement_views as agreements
from cbt.enrolment import body_views as body
from cbt.enrolment import office_decision_views as decided
from cbt.enrolment import unit_clerk_views, unit_views
from cbt.enrolment.applications import annex_views as forms
from cbt.enrolment.applications import attachment_views as attached
from cbt.enrolment.applications import people_views
from cbt.enrolment.applications import views as applications
from cbt.enrolment.fees import unit_clerk_views as own_fees
from cbt.enrolment.fees import views as fees
from cbt.enrolment.workbook import views as workbook

pages = flask.Blueprint("enrolment", __name__)
for wing in (
    unit_views.pages,
    unit_clerk_views.pages,
    agreements.pages,
    body.pages,
    decided.pages,
    fees.pages,
    own_fees.pages,
):
    pages.register_blueprint(wing)
applications.add_pages()
people_views.add_pages()
attached.add_pages()
workbook.add_pages()
forms.add_pages()
for side in applications.BOTH:
    pages.register_blueprint(side.pages)
