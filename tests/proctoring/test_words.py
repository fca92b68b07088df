"""Every word the board puts together at run time stands in both catalogues."""

from __future__ import annotations

import re

import pytest

from cbt.paths import product_dir
from cbt.proctoring.acts.registry import ACTS
from cbt.proctoring.board import display
from cbt.proctoring.board.seat_state import ALERTS, SeatState
from cbt.proctoring.incidents import PARTS, SIGNATURES
from cbt.rules.door import ABSENT_CAUSES, DOCUMENT_TYPES
from cbt.rules.states import ClosedBy, RoomCounts, SittingState
from cbt.rules.violations import Effect, Evidence, Tier
from cbt.translations.compiler import texts_of

LOGGED = (
    *("arrive", "arrive_many", "check_in", "code", "allow_sign_in", "clear_query", "absent", "undo_absent"),
    *("leave", "return", "seen_blurs", "seen_claim", "seen_undelivered", "undo_arrive", "undo_leave"),
    *("undo_return", "undo_clear_query", "adjust", "adjust_room", "suspend", "resume", "move", "move_to"),
    *("force", "reopen", "violation", "remind", "gap_granted", "gap_refused", "start", "start_armed"),
    *(
        "start_waits",
        "start_forms",
        "hold",
        "resume_room",
        "evacuate",
        "countersign",
        "evacuate_close",
        "abort",
        "end",
    ),
    *("closed_candidate", "closed_deadline", "lost", "connected"),
)
TODOS = (
    *("offline", "offline_many", "query", "gap", "gap_usable", "claim", "undelivered", "blurs"),
    *("absences", "countersign", "start_waits", "start_forms"),
    *("clone_many", "elsewhere_many", "guessing_many", "undelivered_many", "blurs_many"),
)
BLOCKERS = (
    *(
        "not_arrived",
        "not_signed_in",
        "not_begun",
        "interacting",
        "units_done",
        "suspended",
        "moving",
        "undecided",
    ),
    "unbalanced",
)


def wanted() -> set[str]:
    ids = {f"proctoring.state.{state}" for state in SeatState}
    ids |= {f"proctoring.{part}.{state}" for state in SittingState for part in ("room_state", "next")}
    ids |= {f"proctoring.doing.closed_{by}" for by in ClosedBy} | {"proctoring.doing.closed_unanswered"}
    ids |= {f"proctoring.{part}.{code}" for code in ACTS for part in ("act", "do", "about")}
    ids |= {f"proctoring.said.{code}" for code in ACTS if code != "code"}
    ids |= {f"proctoring.reasons.{code}" for code, act in ACTS.items() if "reason" in act.fields} | {
        "proctoring.reasons.remind"
    }
    ids |= {f"proctoring.count.{key}" for key in display.FILTERS}
    ids |= {f"proctoring.alert.{one}" for one in ALERTS}
    ids |= {f"proctoring.tier.{one}" for one in Tier} | {f"proctoring.evidence.{one}" for one in Evidence}
    ids |= {f"proctoring.cause.{cause}" for cause in ABSENT_CAUSES}
    ids |= {f"proctoring.document.{code}" for code in DOCUMENT_TYPES}
    ids |= {"proctoring.reason.evacuation"} | {f"proctoring.effect.{one}" for one in Effect}
    ids |= {f"proctoring.report.part.{part}" for part in PARTS}
    ids |= {f"proctoring.signature.{one}" for one in SIGNATURES}
    ids |= {f"proctoring.log.{kind}" for kind in LOGGED} | {f"proctoring.todo.{kind}" for kind in TODOS}
    ids |= {f"proctoring.end.why.{reason}" for reason in BLOCKERS}
    places = [name for name in RoomCounts.__slots__ if name.startswith("by_")]
    return ids | {f"proctoring.end.place.{name}" for name in (*places, "unanswered")}


def written() -> set[str]:
    """The ids that stand in full in the room's code and templates."""
    texts = [path.read_text("utf-8") for path in product_dir("templates").glob("proctoring/**/*.html")]
    folder = product_dir("templates").parent / "cbt" / "proctoring"
    texts += [path.read_text("utf-8") for path in folder.rglob("*.py")]
    found = {one for text in texts for one in re.findall(r'_\(\s*"((?:proctoring)\.[a-z_.]+[a-z_])"', text)}
    refusals = r'(?:InvalidInput|Conflict|NotFound|NotAllowed)\(\s*"(proctoring\.[a-z_]+)"'
    codes = {one for text in texts for one in re.findall(refusals, text)}
    return found | {f"error.{code}.{part}" for code in codes for part in ("what", "fix")}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_word_is_translated(language: str) -> None:
    known = texts_of(language)
    missing = sorted(one for one in wanted() | written() if not known.get(one, "").strip(" "))
    assert missing == []


def test_both_languages_fill_in_the_same_values() -> None:
    names = re.compile(r"%\((\w+)\)s")
    texts = {
        language: {
            name: sorted(names.findall(text))
            for name, text in texts_of(language).items()
            if name.startswith(("proctoring.", "error.proctoring."))
        }
        for language in ("zh", "en")
    }
    assert texts["zh"] == texts["en"]
