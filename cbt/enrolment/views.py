"""The pages of the room, wing by wing."""

from __future__ import annotations

import flask

from cbt.enrolment.agreements import views as agreements
from cbt.enrolment.applications import people_views, side_views
from cbt.enrolment.applications import views as applications
from cbt.enrolment.attached import views as attached
from cbt.enrolment.body import views as body
from cbt.enrolment.decided import views as decided
from cbt.enrolment.fees import own_views as own_fees
from cbt.enrolment.fees import views as fees
from cbt.enrolment.forms import views as forms
from cbt.enrolment.units import own_views, views
from cbt.enrolment.workbook import views as workbook

pages = flask.Blueprint("enrolment", __name__)
for wing in (views, own_views, agreements, body, decided, fees, own_fees):
    pages.register_blueprint(wing.pages)
for room in (applications, people_views, attached, workbook, forms):
    room.add_pages()
for side in side_views.BOTH:
    pages.register_blueprint(side.pages)
