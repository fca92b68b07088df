"""The demo's office, and a walk through its pages by their links."""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Iterator, Mapping

import flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.exceptions import HTTPException

from cbt.accounts.models import Staff
from cbt.demo.build import build_demo
from cbt.storage.unit_of_work import unit_of_work
from tests.helpers import sign_in_as
from tests.world import START

OFFICER = "kaowu"
WHERE: Mapping[str, tuple[str, ...]] = {
    OFFICER: ("/office/units", "/office/applications", "/office/fees", "/office/certificates", "/results"),
    "danwei1": ("/unit",),
}
"""Whose pages there are, and where they begin."""
OF_THE_OFFICE = re.compile(
    r"/(office/(units|agreements|body|applications|fees|certificates|retention)|results|unit)\b"
)
_LINK = re.compile(r'href="(/[^"#]*)"')


def build_office(app: flask.Flask) -> dict[str, FlaskClient]:
    """Build the demo in an empty installation; return a browser of each of its staff, by login."""
    with app.app_context():
        build_demo(app.extensions["cbt_settings"], now=START, rng=random.Random(4))
        with unit_of_work() as session:
            staff = session.scalars(select(Staff)).all()
            for one in staff:
                one.must_change_password = False
            refs = {one.login: one.ref for one in staff}
    return {
        login: sign_in_as(app, kind="staff", subject_ref=ref, machine=f"m-{login}")
        for login, ref in refs.items()
    }


def walk(app: flask.Flask, client: FlaskClient, starts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield one URL of each address of a page that links lead to, with its rule; everything else fails."""
    seen: set[str] = set()
    waiting = deque(starts)
    addresses = app.url_map.bind("localhost")
    while waiting:
        url = waiting.popleft()
        try:
            rule = str(addresses.match(url.partition("?")[0], return_rule=True)[0])
        except HTTPException:
            continue
        if rule in seen or not OF_THE_OFFICE.match(url):
            continue
        seen.add(rule)
        reply = client.get(url, headers={"Accept": "text/html"})
        if reply.status_code != 200:
            raise RuntimeError(f"{url} was answered with {reply.status_code}: no page to look at")
        if reply.mimetype == "text/html":
            yield rule, url
            waiting.extend(_LINK.findall(reply.text.replace("&amp;", "&")))
