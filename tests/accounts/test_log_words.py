"""Every act that the product puts on record has its words, and a group to choose it from."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import flask
import flask_babel
import pytest

import cbt
from cbt.accounts import audit_log
from cbt.accounts.audit_log import Called, log_names
from cbt.accounts.sign_in import ACT, SIGN_IN_FAILED
from cbt.audit.chain import BROKEN, KEYED
from cbt.audit.store import ACTS, GROUPS
from cbt.bank.review.bulk import WRITES
from cbt.candidates.prints import DOCUMENTS
from cbt.ops.backup.restore import RESTORED
from cbt.ops.move import MOVED
from cbt.proctoring.acts.registry import ACTS as PROCTORS
from cbt.proctoring.record_papers import PAPERS
from cbt.rules.states import ApplicationEvent, ItemEvent
from cbt.storage.migrate import INSTALLED, UPGRADED

RECORDERS = frozenset(
    (
        *(
            "record",
            "count",
            "key_view",
            "audit",
            "line_about",
            "note",
            "_record",
            "_Step",
            "_anew",
            "store_blueprint",
            "store_reasons",
        ),
        "EntryDraft",
    )
)
"""What is called where an entry is written, with the act or the last part of it."""
ROOMS = {"cbt/accounts/approvals": "approval.", "cbt/door/seats": "seat.", "cbt/door": "door."}
"""Where an act is named by its last part."""

SCOPES = (
    *("staff", "password", "factor", "second", "ticket", "code", "seat", "bind", "results"),
    *("verify", "cert_number", "slip", "look_ups"),
    "publicity",  # what the log of an earlier version says
)
ELSEWHERE = {
    *(SIGN_IN_FAILED, ACT, KEYED, BROKEN, MOVED, INSTALLED, UPGRADED, RESTORED, "blueprint.load"),
    *("room.arm", "room.disarm", "room.go", "room.no_go"),
    *("applicant.import", "photos.import"),  # named by their kinds of import
    "registration.remove",  # what the log of an earlier version says
    *(f"item.{event.value}" for event in ItemEvent if event is not ItemEvent.WRITE),
    *(f"item.set_{act.value}" for act in WRITES),
    *(f"undo.{act.code}" for act in PROCTORS.values() if act.undoable),
    *("inspector.comment", "inspector.answer"),
    *(f"attempt.late_{verdict}" for verdict in ("approved", "rejected")),
    *(f"{kind}.delete" for kind in ("batch", "sitting", "centre", "room")),
    *("centre.change", "room.change", "seats.exchange", "seats.mend", "seats.restore"),
    *(f"sitting.{kind}" for kind in ("move", "cancel", "withdraw")),
    *(f"application.{event.value}" for event in ApplicationEvent),
    *(f"applicant.{verdict}" for verdict in ("accept", "refuse")),
    *(f"applicant.{act}" for act in ("photo", "photo_remove", "scan", "scan_read", "scan_remove")),
    *(f"print.{paper}" for paper in ("score_sheet", "publicity", "ruling", "appeal")),
    *(f"print.{paper}" for paper in ("dossier", "centre_report")),
    *(
        f"{room}.mapping_{done}"
        for room in ("certificate", "results")
        for done in ("make", "change", "remove")
    ),
    *("results.view_keys", "results.view_paper"),
    *(f"guessing.{scope}" for scope in SCOPES),
    *(f"print.{document}" for document in (*DOCUMENTS, *PAPERS)),
}
"""What no literal names: by a constant, or put together."""
NO_FACTS = {"text", "stored"}
"""What is called `before` or `after` elsewhere."""


def _named(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _literals() -> Iterator[str]:
    root = Path(cbt.__file__).parent
    for path in sorted(root.rglob("*.py")):
        place = f"cbt/{path.relative_to(root).as_posix()}"
        room = next(
            (prefix for start, prefix in ROOMS.items() if place.startswith((f"{start}/", f"{start}.py"))), ""
        )
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if any(one in text for one in RECORDERS) else ():
            if not isinstance(node, ast.Call):
                continue
            called, *args = _named(node.func), *node.args
            if called == "partial":
                called, *args = _named(args[0]), *args[1:]
            if called in RECORDERS:
                # Texts are counted and sealed, too: there only `act=` says one.
                given = [one.value for one in node.keywords if one.arg == "act"]
                given += args if called not in ("count", "EntryDraft") else []
                texts = [one.value for one in given if isinstance(one, ast.Constant)]
                acts = [text for text in texts if isinstance(text, str) and text and text != "scheduler"]
                for text in acts[:1]:
                    yield text if "." in text or not room else f"{room}{text}"


@cache
def recorded() -> frozenset[str]:
    """Return every act that the product puts on record."""
    return frozenset(_literals()) - {"cli", "scheduler"} | ELSEWHERE


def test_the_walk_finds_acts_of_every_room() -> None:
    assert len(recorded()) > 120
    assert {"violation", "seat.bind", "door.pledge", "approval.ask", "room.hold", "item.assign"} <= recorded()


def test_every_act_can_be_chosen() -> None:
    second = {act for act in ACTS if act.startswith("second.")}
    assert second <= {f"second.{code}" for code in PROCTORS}
    assert recorded() | second == ACTS, "the groups of cbt/audit/store.py are what the product records"
    assert sum(map(len, GROUPS.values())) == len(ACTS), "each in one group"


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_act_group_and_kind_has_its_words(app: flask.Flask, language: str) -> None:
    with app.test_request_context(), flask_babel.force_locale(language):
        for act in sorted(ACTS):
            name = audit_log.act_name(act)
            assert f"act.{act}" not in name
            assert name != str(flask_babel.gettext("accounts.log.other_act", act=act)), act
            if act.startswith(("second.", "undo.")):
                assert not name.endswith(("：" + act.partition(".")[2], ": " + act.partition(".")[2])), act
        for group, name, _acts in audit_log.act_groups():
            assert "accounts." not in name, group
        for kind in (*log_names().namers, "staff", "log", "system", "reasons", "key", "move", "machine"):
            assert audit_log.kind_of(f"{kind}:x"), kind
        assert "star.gaze" in audit_log.act_name("star.gaze") != "star.gaze", "what a later version wrote"
        assert audit_log.thing_name("star:s-1", {}) == "star:s-1"


def _fact_names() -> set[str]:
    """Return the names of facts that the product puts beside an act in so many words, or puts together before."""
    found = set()
    for path in sorted(Path(cbt.__file__).parent.rglob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "before" in text or "after" in text else ():
            given = node.keywords if isinstance(node, ast.Call) else []
            told = [one.value for one in given if one.arg in ("before", "after")]
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                named = {one.id for one in targets if isinstance(one, ast.Name)}
                told += [node.value] if named & {"before", "after"} else []
            keys = [key for one in told if isinstance(one, ast.Dict) for key in one.keys]
            found |= {key.value for key in keys if isinstance(key, ast.Constant)}
    return found - NO_FACTS


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_what_stood_before_and_after_is_told_in_words(app: flask.Flask) -> None:
    names = {"staff:st-1": Called("周老师")}
    stored = {
        "roles": ["officer", "author"],
        "second": "staff:st-1",
        "started_at": "2026-11-24T01:00:30+00:00",
        "spare": True,
        "seat": None,
        "state": "running",
        "act": "room.hold",
        "star": {"gaze": 3},
    }
    with app.test_request_context(), flask_babel.force_locale("zh"):
        told = audit_log.in_words(json.dumps(stored), "sitting:si-1", names)
        assert told == [
            ("角色", "考务、命题员"),
            ("第二人", "周老师"),
            ("开考时间", "2026-11-24 09:00:30"),
            ("备用", "是"),
            ("机位", "无"),
            ("状态", str(flask_babel.gettext("sittings.state.running"))),
            ("操作", audit_log.act_name("room.hold")),
            ("star", "gaze：3"),  # a later version's
        ]
        assert list(audit_log.things_in(json.dumps(stored))) == ["staff:st-1"]
        assert audit_log.in_words('{"state":"reviewed"}', "item:x", {}) == [
            ("状态", str(flask_babel.gettext("bank.state.reviewed")))
        ]
        assert audit_log.in_words("", "item:x", {}) == []
        assert audit_log.in_words("not json", "item:x", {}) == [("", "not json")]
        assert audit_log.on_one_line(told[:2]) == "角色：考务、命题员\n第二人：周老师"
        unnamed = {
            key
            for key in _fact_names()
            if audit_log.in_words(json.dumps({key: 1}), "x:y", {}) == [(key, "1")]
        }
        assert unnamed == set()
