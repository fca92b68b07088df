"""Works out score sheets from what was frozen and what was sealed: the forms and the journals.

Source: R-43, R-50 to R-54.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from cbt.assembly.draw import Arranged, Source, arrange, arrangements
from cbt.bank.store import contents
from cbt.blueprints.store import paper_of
from cbt.candidates.models import Registration
from cbt.rules.form_score import (
    NO_MARKS,
    ContentKey,
    FormScorer,
    Marks,
    NotMet,
    PlaceToMark,
    ScoreSheet,
    items_in,
)
from cbt.rules.items.content import ItemContent
from cbt.runner.models import Attempt
from cbt.runner.save.digest import answers_in, journal_texts
from cbt.scoring.key_corrections import AS_PUBLISHED, KeysInForce, key_numbers, keys_in_force
from cbt.scoring.late_answers import approved_answers
from cbt.scoring.marking.counted import NO_TEXTS, ByText, counted_marks, marks_of
from cbt.scoring.models import KeyCorrection

KEPT_FORMS = 64
"""So many forms that several people take are kept: a form of one's own does not come up again."""

_Paper = tuple[int, int, str, KeysInForce]
"""A form, the blueprint version and the code of the paper it is scored as, and the keys that are in force."""
Journals = Callable[[Session, Sequence[int]], dict[int, str]]
"""What gives the text of each attempt's journal."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What one attempt comes to: the sheet, and the text of the journal that it follows from."""

    ref: str
    sheet: ScoreSheet
    journal: str
    form_ok: bool
    """Whether the form still has the hash it was frozen with, where the forms themselves were read."""
    key_revision: int


class Scorers:
    """The scorers of one run over many attempts.

    They go by what was prepared of each form when it was drawn, or by what another source says of it, and by what
    `journals` gives. Several threads may ask at once.
    """

    def __init__(self, source: Source = arrangements, journals: Journals = journal_texts) -> None:
        self._source, self._journals = source, journals
        self._kept: dict[_Paper, tuple[FormScorer, bool]] = {}
        self._contents: dict[int, dict[ContentKey, ItemContent]] = {}
        self._marks: dict[tuple[int, KeysInForce], Marks] = {}
        self._keys: dict[tuple[int, int], KeysInForce] = {}
        self._unprepared: dict[int, Arranged] = {}

    def score(
        self,
        session: Session,
        attempt_ids: Sequence[int],
        *,
        also: Collection[int] = (),
        late: bool = True,
        keys: KeysInForce | None = None,
        marks: Mapping[int, ByText] | None = None,
    ) -> dict[int, Scored]:
        """Return what each attempt comes to; raise what the first raises that cannot be scored.

        Approved late answers count, and what people marked, unless `late` is off; `also` are late entries to be
        taken as approved too, to see what that would change (R-29), `marks` those that are about to count. The keys
        are those that each attempt's score was made with, the newest of its sitting where it has none; or `keys`
        for all, to see what a correction changes (R-54).
        """
        takers = self._takers(session, attempt_ids, keys)
        journals = self._journals(session, attempt_ids)
        approved = approved_answers(session, attempt_ids, also=also) if late else {}
        counted = counted_marks(session, attempt_ids) if late else {}
        scored = {}
        for paper, scorer, form_ok in self._of(session, takers):
            for attempt_id, ref in takers[paper].items():
                journal = journals[attempt_id]
                answers = with_approved(answers_in(journal), approved.get(attempt_id))
                by_text = {**counted.get(attempt_id, NO_TEXTS), **(marks or {}).get(attempt_id, NO_TEXTS)}
                sheet = scorer.score(answers, marks_of(answers, by_text) if by_text else NO_MARKS)
                scored[attempt_id] = Scored(ref, sheet, journal, form_ok, paper[-1].number)
        return scored

    def to_mark(
        self, session: Session, attempt_ids: Sequence[int]
    ) -> dict[int, list[tuple[PlaceToMark, str]]]:
        """Return the answers of each attempt that people have to mark, with their canonical texts. Source: R-51."""
        journals = self._journals(session, attempt_ids)
        approved = approved_answers(session, attempt_ids)
        places = {}
        for attempt_id, scorer in self.scorers_of(session, attempt_ids).items():
            answers = with_approved(answers_in(journals[attempt_id]), approved.get(attempt_id))
            places[attempt_id] = [(one, answers[str(one.position)]) for one in scorer.to_mark(answers)]
        return places

    def scorers_of(self, session: Session, attempt_ids: Sequence[int]) -> dict[int, FormScorer]:
        """Return what works out the sheet of each attempt, whatever answers it is given."""
        takers = self._takers(session, attempt_ids)
        return {one: scorer for paper, scorer, _ok in self._of(session, takers) for one in takers[paper]}

    def take_unprepared(self) -> dict[int, Arranged]:
        """Return, once, what forms of before lack and was worked out: for whoever writes."""
        return {form_id: self._unprepared.pop(form_id) for form_id in list(self._unprepared)}

    def _of(
        self, session: Session, takers: Mapping[_Paper, Collection[int]]
    ) -> Iterator[tuple[_Paper, FormScorer, bool]]:
        """Yield the scorer of each paper; one that several take is kept for the next chunk."""
        fresh = takers.keys() - self._kept.keys()
        for paper in takers.keys() - fresh:
            yield paper, *self._kept[paper]
        forms = self._arranged(session, {form_id for form_id, *_ in fresh})
        for paper in fresh:
            form_id, version_id, code, keys = paper
            form, asked_paper = forms[form_id], paper_of(session, version_id, code)
            marks = self._marks_of(form.bank_id, keys)
            try:
                scorer = FormScorer.of(form.text, marks, paper=asked_paper)
            except NotMet:
                self._meet(session, forms.values())
                scorer = FormScorer.of(form.text, marks, paper=asked_paper)
            if len(takers[paper]) > 1 and len(self._kept) < KEPT_FORMS:
                self._kept[paper] = scorer, form.form_ok
            yield paper, scorer, form.form_ok

    def _arranged(self, session: Session, form_ids: Collection[int]) -> dict[int, Arranged]:
        if not form_ids:
            return {}
        arranged = self._source(session, form_ids)
        if missing := form_ids - arranged.keys():
            worked_out = arrange(session, missing)
            self._unprepared.update(worked_out)
            arranged |= worked_out
        return arranged

    def _meet(self, session: Session, forms: Iterable[Arranged]) -> None:
        """Read the items of forms that did not come up yet; of one bank, so not many."""
        lines: defaultdict[int, set[str]] = defaultdict(set)
        for form in forms:
            lines[form.bank_id].update(form.text.split("\n")[1:])
        for bank_id, own_lines in lines.items():
            item_contents = self._contents.setdefault(bank_id, {})
            item_contents.update(contents(session, items_in(own_lines) - item_contents.keys(), bank_id))

    def _marks_of(self, bank_id: int, keys: KeysInForce) -> Marks:
        marks = self._marks.get((bank_id, keys))
        if marks is None:
            own = self._contents.setdefault(bank_id, {})
            marks = self._marks[bank_id, keys] = Marks(own, keys.of_bank(bank_id))
        return marks

    def _takers(
        self, session: Session, attempt_ids: Sequence[int], keys: KeysInForce | None = None
    ) -> dict[_Paper, dict[int, str]]:
        """Return which attempts are at which paper, each with its ref."""
        corrected = exists().where(KeyCorrection.sitting_id == Registration.sitting_id)
        columns = (Attempt.form_id, Registration.blueprint_version_id, Registration.paper)
        rows = session.execute(
            select(Attempt.id, Attempt.ref, *columns, Registration.sitting_id, corrected)
            .join(Registration, Registration.id == Attempt.registration_id)
            .where(Attempt.id.in_(attempt_ids))
        ).all()
        by_correction = [row[0] for row in rows if row[-1]] if keys is None else []
        numbers = key_numbers(session, by_correction) if by_correction else {}
        takers: dict[_Paper, dict[int, str]] = {}
        for attempt_id, ref, form_id, version_id, code, sitting_id, _ in rows:
            own = keys or self._keys_at(session, sitting_id, numbers.get(attempt_id, 0))
            takers.setdefault((form_id, version_id, code, own), {})[attempt_id] = ref
        return takers

    def _keys_at(self, session: Session, sitting_id: int, number: int) -> KeysInForce:
        if not number:
            return AS_PUBLISHED
        keys = self._keys.get((sitting_id, number))
        if keys is None:
            keys = self._keys[sitting_id, number] = keys_in_force(session, sitting_id, number)
        return keys


def with_approved(answers: dict[str, str], approved: Mapping[int, str | None] | None) -> dict[str, str]:
    """Return answers with the approved late ones over them."""
    return answers | {str(place): value or "" for place, value in (approved or {}).items()}
