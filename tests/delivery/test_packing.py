"""What goes to the process that owns the writing comes out as it went in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.audit.chain import EntryDraft, ToFollow
from cbt.errors import Conflict, NotFound, TooEarly, Unavailable
from cbt.rules.clock import UnitWindow
from cbt.rules.states import State
from cbt.runner.protocol import (
    Entry,
    HandedIn,
    HandIn,
    Outcome,
    Receipt,
    Save,
    Saved,
    UnitEndResult,
    UnitLeft,
)
from cbt.runner.save.attempt_row import FormRow, Guard
from cbt.runner.save.codec import SavePacking
from cbt.runner.start.batch import Opened, Start
from cbt.storage.write_queue.batch import Carried, Failed
from cbt.storage.write_queue.change_set import ChangeSetOutcome, Parcel, Rows

PACKING = SavePacking()
numbers = st.integers(0, 2**31 - 1)
words = st.text(max_size=12)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 — hypothesis wants its bounds naive
entries = st.builds(
    Entry,
    seq=numbers,
    kind=st.sampled_from(["answer", "flag", "note", "event"]),
    position=numbers,
    value=st.none() | words,
    unit=st.integers(0, 9),
    full=st.booleans(),
)
saves = st.builds(
    Save,
    attempt_id=numbers,
    lease_hash=words,
    epoch=numbers,
    entries=st.lists(entries, max_size=3),
    now=instants,
    machine=words,
    place=st.none() | numbers,
)
windows = st.lists(st.builds(UnitWindow, unit=numbers, from_at=instants, to_at=instants), max_size=3).map(
    tuple
)
starts = st.builds(Start, ref=words, token_hash=words, machine=words, now=instants, lease=words)
rows = st.builds(
    Rows,
    sql=words,
    values=st.lists(st.tuples(numbers, st.none() | words, st.binary(max_size=9)), max_size=3),
    touches=st.none() | numbers,
)
ends = st.builds(HandIn, save=saves, pressed_at=instants) | st.builds(
    UnitLeft, save=saves, from_unit=numbers, completed=st.booleans()
)
lines = st.builds(EntryDraft, instants, words, words, words, words, words, words)
parcels = st.builds(Parcel, rows=st.lists(rows, max_size=3), lines=st.lists(lines, max_size=2))
guards = st.builds(
    Guard,
    state=st.sampled_from(State),
    lease_hash=st.none() | words,
    lease_epoch=numbers,
    closes_at=st.none() | instants,
    earliest_submit_at=st.none() | instants,
    open_unit=st.none() | numbers,
    unit_ends_at=st.none() | instants,
    prior_unit=st.none() | numbers,
    prior_unit_ends_at=st.none() | instants,
    grace=st.timedeltas(timedelta(0), timedelta(seconds=60)),
    has_message=st.booleans(),
    left_at=st.none() | instants,
    seen_at=st.none() | instants,
    lease_machine=st.none() | words,
    kept_rows=numbers,
    kept_bytes=numbers,
)
receipts = st.lists(st.builds(Receipt, seq=numbers, at=instants), max_size=3)
saved = st.builds(Saved, outcome=st.sampled_from(Outcome), guard=guards, receipts=receipts)
forms = st.builds(FormRow, numbers, words, numbers, words, words, numbers, words)
journals = st.lists(st.tuples(words, numbers, st.none() | words, numbers), max_size=3)


handed_in = st.builds(
    HandedIn,
    saved=saved,
    receipt=st.none() | words,
    closed_at=st.none() | instants,
    follows=st.builds(ToFollow, words, words),
)
moved = st.builds(UnitEndResult, saved=saved, goes_on=st.booleans(), windows=windows)


@given(st.lists(saves | ends | starts | parcels, max_size=4))
def test_requests_come_out_as_they_went_in(requests: list[Any]) -> None:
    assert PACKING.unpack_requests(PACKING.pack_requests(requests)) == requests


@given(st.builds(ChangeSetOutcome, whole=st.booleans(), follows=st.tuples(words, words)))
def test_what_became_of_a_parcel_comes_out_as_it_went_in(put_down: ChangeSetOutcome) -> None:
    carried = Carried([put_down], None)
    assert PACKING.unpack_carried(PACKING.pack_carried(carried), [Parcel([])]) == carried


@given(saved | handed_in | moved)
def test_what_became_of_a_save_or_an_end_comes_out_as_it_went_in(outcome: Any) -> None:
    save = Save(1, "", 1, (), datetime(2026, 1, 1, tzinfo=UTC), "")
    carried = Carried([outcome], 0.25)
    assert PACKING.unpack_carried(PACKING.pack_carried(carried), [save]) == carried


@given(starts, guards, forms, journals, st.none() | numbers, windows)
def test_an_opened_paper_comes_out_with_the_lease_that_was_asked_for(
    start: Start,
    guard: Guard,
    form: FormRow,
    journal: list[Any],
    place: int | None,
    ahead: tuple[UnitWindow, ...],
) -> None:
    carried = Carried([Opened(start.lease, 3, guard, form, journal, place, ahead)])
    assert PACKING.unpack_carried(PACKING.pack_carried(carried), [start]) == carried


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Unavailable("copy.behind", path="/srv/copy"), id="with what it is about"),
        pytest.param(NotFound("attempt.unknown"), id="without"),
        pytest.param(Conflict("lease.held", since=datetime(2026, 1, 1, tzinfo=UTC)), id="with an instant"),
        pytest.param(
            TooEarly("submit.too_early", available_at=datetime(2026, 1, 1, tzinfo=UTC), left="00:01"),
            id="with an instant that is told in the reader's time",
        ),
    ],
)
def test_a_refusal_stays_a_refusal_and_a_failure_a_failure(error: Any) -> None:
    start = Start("at-1", "", "", datetime(2026, 1, 1, tzinfo=UTC), "")
    packed = PACKING.pack_carried(Carried([error, Failed(error)]))
    refused, failed = PACKING.unpack_carried(packed, [start, start]).outcomes
    assert isinstance(failed, Failed)
    for one in (refused, failed.error):
        assert (type(one), one.code) == (type(error), error.code)
        assert one.params == error.params


@pytest.mark.parametrize("packed", [b"", b"\x00", b"i\x01\x00\x00\x00", b"[\x01\x00\x00\x00N"])
def test_anything_else_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError):
        PACKING.unpack_requests(packed)
    with pytest.raises(ValueError):
        PACKING.unpack_carried(packed, [])


def test_outcomes_of_other_requests_are_refused() -> None:
    packed = PACKING.pack_carried(Carried([NotFound("attempt.unknown")]))
    with pytest.raises(ValueError):
        PACKING.unpack_carried(packed, [])
