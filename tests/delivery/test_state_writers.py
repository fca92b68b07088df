"""Who writes the state of an attempt, a sitting or a room: the functions that ask the table, and nobody else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import cbt
from cbt.rules import states
from cbt.rules.states import ATTEMPT_TRANSITIONS, Event, State, before, clock_events, reached_by
from cbt.runner import attempt_states

ROOT = Path(cbt.__file__).parent
MODELS = {"Attempt", "Sitting", "SittingRoom"}
_SQL = re.compile(
    r"(UPDATE\s+(attempt|sitting|sitting_room)\s+SET\b[^;]*\bstate\s*=)"
    r"|(INSERT\s+INTO\s+(attempt|sitting|sitting_room)\b)",
    re.IGNORECASE,
)

CHANGES = {
    "runner/attempt_states.py:move",
    "runner/attempt_states.py:move_all",
    "runner/attempt_states.py:moving_sealed",
    "sittings/room_clock.py:move_room_if_first",
    "sittings/room_clock.py:move_rooms",
    "sittings/room_clock.py:refresh_sitting_state",
    # A start that goes along with what others write asks the table, too, and repeats the state it leaves.
    "sittings/room_clock.py:_start_of_room",
    "sittings/room_clock.py:_run_of_sitting",
    # They write what `follow` and `move` have moved in the row they hold under lock.
    "runner/start/batch.py:__init__",
    "runner/close/closure.py:__init__",
    # Requests for approval have states of their own: conditional updates that repeat the state they leave.
    "accounts/approvals/requests.py:claim",
    "accounts/approvals/requests.py:hand_over",
    "accounts/approvals/decisions.py:settle",
    # What a database says of its own move to another has a state, too: its one row, once.
    "ops/move.py:_say_left",
    # An item has a table of its own, which `bank/review/judgement.py` asks; these store, rename and take back.
    "bank/changes.py:version_row",
    "bank/banks/item_bank.py:_rename",
    "bank/banks/item_bank.py:_restore",
    # How far an import is: conditional updates that repeat the state they leave.
    "imports/machine.py:wait_to_be_checked",
    "spreadsheets/file_checks.py:end",
    "bank/imports/execution.py:break_off",
    "bank/imports/execution.py:finish_run",
    "bank/imports/execution.py:claim_undo",
    "bank/imports/execution.py:end_undo",
    "bank/banks/item_bank.py:end_renaming",
    "bank/banks/item_bank.py:take_back",
    # An application of a unit has a table of its own, and one function that asks it.
    "enrolment/applications/application.py:move_on",
    # A job has three ways to leave a state but its one function: taken, given back, failed.
    "jobs/queue.py:claim",
    "jobs/queue.py:fail",
    "jobs/queue.py:give_back",
    # A destruction has a table beside its one function.
    "retention/destruction.py:_move",
    # An appeal has a table, which these ask; they repeat the state they leave.
    "results/appeals/decision.py:decide",
    "results/appeals/request.py:withdraw",
    # What an answer waits for follows from its marks (`rules/marking.state_of`); a desk is opened and ended once,
    # and once more for each purpose that wants an answer marked afresh.
    "scoring/marking/desk.py:_bring_in",
    "scoring/marking/desk.py:_opened",
    "scoring/marking/desk.py:_ended",
    "scoring/marking/fresh_marks.py:open_again",
    "scoring/marking/fresh_marks.py:ask_each",
    "scoring/marking/fresh_marks.py:end_purpose",
    "scoring/marking/turns.py:_put",
}
BEGINNINGS = {
    "runner/attempt_changes.py:create_attempt",
    "sittings/service.py:create_sitting",
    "sittings/service.py:add_sitting_room",
}


@cache
def writers() -> frozenset[tuple[str, str]]:
    """Return (how, `file:function`) of every place in the package that writes a column called state."""
    found = set()
    for path in ROOT.rglob("*.py"):
        text = path.read_text("utf-8")
        if "migrations" not in path.parts and re.search(r"state|INSERT", text, re.IGNORECASE):
            found |= {*_in(str(path.relative_to(ROOT)), ast.parse(text))}
    return frozenset(found)


def _in(name: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in ast.walk(tree):
        how = _writes(node)
        if how:
            inside = [one for one in functions if one.lineno <= node.lineno <= (one.end_lineno or 0)]
            function = max(inside, key=lambda one: one.lineno).name if inside else "<module>"
            yield how, f"{name}:{function}"


def _writes(node: ast.AST) -> str:
    match node:
        case ast.Assign(targets=targets) if any(_is_state(one) for one in targets):
            return "change"
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target) if _is_state(target):
            return "change"
        case ast.Call(func=ast.Attribute(attr="values" | "update")) if _passes_state(node):
            return "change"
        case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value="state"), *_]):
            return "change"
        case ast.Call(func=ast.Name(id=name)) if name in MODELS and _passes_state(node):
            return "beginning"
        case ast.Constant(value=str(text)) if _SQL.search(text):
            return "change"
    return ""


def _is_state(target: ast.AST) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return any(_is_state(one) for one in target.elts)
    return isinstance(target, ast.Attribute) and target.attr == "state" and not _is_self(target.value)


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _passes_state(call: ast.Call) -> bool:
    keys = [key.value for one in call.args if isinstance(one, ast.Dict) for key in one.keys if _text(key)]
    return "state" in keys or any(keyword.arg == "state" for keyword in call.keywords)


def _text(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant)


def test_only_the_functions_that_ask_the_table_change_a_state() -> None:
    assert {place for how, place in writers() if how == "change"} == CHANGES


def test_a_life_begins_in_one_place_for_each_kind() -> None:
    assert {place for how, place in writers() if how == "beginning"} == BEGINNINGS


@pytest.mark.parametrize(
    ("text", "how"),
    [
        pytest.param("attempt.state = State.CLOSED", "change", id="an attribute"),
        pytest.param("a, attempt.state = 1, 2", "change", id="one of several"),
        pytest.param("update(Attempt).values(state=State.SCORED)", "change", id="a bulk update"),
        pytest.param("query.update({'state': 'closed'})", "change", id="a query's update"),
        pytest.param("setattr(attempt, 'state', 'closed')", "change", id="by its name"),
        pytest.param('sql = "UPDATE attempt SET grace = 1, state = ?"', "change", id="SQL"),
        pytest.param(
            'sql = f"UPDATE attempt SET {x}, state = ? WHERE id = ?"', "", id="SQL in pieces, kept whole"
        ),
        pytest.param("Attempt(ref='a', state=State.READY)", "beginning", id="a new row"),
        pytest.param("view.state == State.CLOSED", "", id="a comparison"),
        pytest.param("SeatFacts(state=1)", "", id="something else's state"),
    ],
)
def test_the_scan_finds_what_it_is_for(text: str, how: str) -> None:
    found = [one for one, _ in _in("here.py", ast.parse(text))]
    assert found == ([how] if how else [])


def test_the_sets_of_states_follow_from_the_table() -> None:
    assert set(attempt_states.RUNNING) == {State.INTERACTING, State.UNITS_DONE}
    assert set(attempt_states.ACTIVE) == {State.INTERACTING, State.UNITS_DONE, State.SUSPENDED}
    assert set(attempt_states.OVER) == {State.CLOSED, State.SCORED}
    for event in Event:
        assert set(before(event)) == {state for state, one in ATTEMPT_TRANSITIONS if one is event}


@pytest.mark.parametrize("event", list(Event))
def test_an_event_leads_to_one_state_wherever_it_happens(event: Event) -> None:
    assert {ATTEMPT_TRANSITIONS[state, event] for state in before(event)} == {reached_by(event)}


CLOCK_STATES = (State.INTERACTING, State.SUSPENDED, State.UNITS_DONE)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("reached", CLOCK_STATES)
def test_a_clock_leads_there_by_the_table_or_not_at_all(state: State, reached: State) -> None:
    if state in attempt_states.OVER:
        with pytest.raises(states.Conflict):
            clock_events(state, reached)
        return
    now = state
    for event in clock_events(state, reached):
        now = states.next_attempt_state(now, event)
    assert now is reached
