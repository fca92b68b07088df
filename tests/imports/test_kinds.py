"""Every kind of import has the pages, the refusals and the words that the machine asks of it."""

from __future__ import annotations

import flask
import pytest

from cbt.bank.imports.views import FILES as BANK_FILES
from cbt.batches.roster.views import FILES as ROSTER_FILES
from cbt.candidates.corrections import PhotoImport
from cbt.enrolment.workbook.people_import import PeopleImport
from cbt.http.auth import access
from cbt.imports.direct_import import DirectImport
from cbt.imports.machine import ImportKind
from cbt.personnel.views import FILES as STAFF_FILES
from cbt.spreadsheets.file_checks import CheckState
from cbt.translations.compiler import LANGUAGES, texts_of

KINDS = {"bank": BANK_FILES, "roster": ROSTER_FILES, "staff": STAFF_FILES}
SAID = ("label", "count", "before", "leave", "reload", "go_on", "retry", "take_back")
UNSEEN = {CheckState.ARRIVING, CheckState.GONE}
every_kind = pytest.mark.parametrize("kind", KINDS)


def test_these_are_all() -> None:
    assert {type(pages.kind) for pages in KINDS.values()} == set(ImportKind.__subclasses__())
    assert {PeopleImport, PhotoImport} == set(DirectImport.__subclasses__())


@every_kind
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_kind_says_whatever_its_pages_say(kind: str, language: str) -> None:
    pages, checks = KINDS[kind], KINDS[kind].kind.checks
    ids = [
        f"{pages.texts}.{name}" for name in (*SAID, *(state for state in CheckState if state not in UNSEEN))
    ]
    ids += [*pages.steps, pages.other_file, pages.drop]
    codes = {checks.gone, checks.busy, checks.died, checks.import_died, checks.broken, *pages.again}
    codes.add(pages.kind.under_way("x").code)
    ids += [f"error.{code}.{half}" for code in codes for half in ("what", "fix")]
    known = texts_of(language)
    assert [name for name in ids if not known.get(name)] == []


@every_kind
def test_a_kind_answers_its_people_at_all_its_addresses(kind: str, app: flask.Flask) -> None:
    pages = KINDS[kind]
    own = {
        (rule.rule.removeprefix(pages.url_prefix), method): access.access_of(app, rule.endpoint)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(pages.url_prefix)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    shared = {
        ("", "GET"),
        ("/progress", "GET"),
        ("", "POST"),
        ("/retry", "POST"),
        (f"/{pages.dropping}", "POST"),
    }
    assert shared <= own.keys()
    assert {one.roles for one in own.values() if one is not None} == {frozenset(pages.roles)}
