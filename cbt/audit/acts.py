"""Every act the product puts on record, in the groups people choose from; later versions may know more."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


def _of(room: str, names: str) -> tuple[str, ...]:
    return tuple(f"{room}.{name}" for name in names.split())


SECOND, UNDO = "second.", "undo."
"""Before the code of a proctor's act: that it had its second person; that it was taken back."""
PRINT = "print."
"""Before the name of a document: that somebody had it made."""

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "planning": (
            *_of("batch", "create change delete"),
            *_of(
                "sitting", "create add_room draw_begin draw_forms publish purpose move withdraw cancel delete"
            ),
            *_of("centre", "create change second kiosk delete"),
            *_of("room", "create change delete plan code code_closed assign unassign arm disarm"),
            *_of("seats", "arrange exchange mend redraw"),
            *_of("seat", "spare bind unbind claim clear_claim restored undelivered"),
        ),
        "enrolment": (
            *_of("unit", "create change leave rejoin invite"),
            *_of("agreement", "make end"),
            *_of("body", "change"),
            *_of("day", "set forget"),
            *_of("major", "set forget"),
            *_of(
                "application",
                "make change submit withdraw send_back refuse accept reconsider schedule unschedule complete"
                " roster print",
            ),
            *_of(
                "applicant",
                "enter import change remove accept refuse proofs photo photo_remove scan scan_read scan_remove",
            ),
            *_of("fee", "charge cancel pay match unmatch reverse refund"),
        ),
        "running": (
            *_of(
                "room",
                "printed go no_go admit start hold resume relocate reenter adjust evacuate countersign"
                " end abort score",
            ),
            *_of("attempt", "suspend resume adjust allow_move remind close reopen recover score"),
            *_of("gap", "decide"),
            *_of("alert", "seen"),
            "violation",
            *_of("print", "test_page room_record attendance absences incidents changes no_photos room_log"),
            *_of("report", "file add withdraw"),
            *_of("inspector", "comment answer"),
            *_of("undo", "arrive check_in allow_sign_in clear_query absent undo_absent leave return"),
            *_of(
                "undo",
                "adjust adjust_room suspend resume move hold resume_room remind seen decide decide_many",
            ),
            *_of("undo", "violation incident incident_room relocate"),
        ),
        "door": _of(
            "door",
            "arrive check_in absent undo_absent login_code allow_sign_in clear_query sign_in confirm query"
            " withdraw_query"
            " pledge seat leave return elsewhere clear_elsewhere",
        ),
        "candidates": (
            *_of("roster", "import export columns"),
            *_of("photos", "import"),
            *_of("registration", "add change withdraw bring_back remove"),
            *_of("print", "tickets door sign_in labels seats registration"),
            *_of("candidate", "correct"),
            *_of("personal", "reveal export erase"),
        ),
        "results": (
            *_of("results", "release release_left correct export"),
            *_of("package", "write"),
            *_of("print", "score_sheet publicity ruling"),
            *_of("publicity", "publish withdraw"),
            *_of("objection", "bring decide"),
            *_of("ruling", "decide"),
            *_of("sitting", "release"),
            *_of("attempt", "late_approved late_rejected"),
        ),
        "certificates": _of(
            "certificate",
            "series issue print revoke publish mapping_make mapping_change mapping_remove upload",
        ),
        "retention": _of("retention", "terms hold lift ask confirm withdraw done"),
        "bank": (
            *_of("bank", "create describe table table_broken delete"),
            *_of("bank", "import import_undo import_broken export view_keys"),
            *_of("item", "submit withdraw approve send_back retire restore assign remark settle"),
            *_of("item", "set_difficulty set_point view_key"),
            *_of("media", "bring"),
        ),
        "blueprints": (*_of("blueprint", "load keep again withdraw"), *_of("reasons", "load keep")),
        "second": (
            *_of("approval", "ask code approve refuse withdraw expire fail"),
            *_of("second", "adjust adjust_room hold resume_room force reopen violation decide decide_many"),
            *_of("second", "evacuate_close abort report_withdraw"),
        ),
        "staff": (
            *_of("staff", "create roles disable enable reset password"),
            *_of("staff", "sign_in sign_out sign_in_failed"),
            *_of("staff", "factor_on factor_off factor_codes factor_code factor_reset"),
            "refused",
        ),
        "guessing": (
            *_of("guessing", "staff password factor second ticket code seat bind results"),
            *_of("guessing", "verify cert_number slip publicity look_ups"),
        ),
        "system": (
            *_of("system", "install upgrade"),
            *_of("job", "start cancel retry"),
            *_of("database", "move"),
            *_of("key", "lost signing"),
            *_of("audit", "keyed head_broken export"),
        ),
    }
)
ACTS = frozenset(act for acts in GROUPS.values() for act in acts)
