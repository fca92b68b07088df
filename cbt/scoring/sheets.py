"""Works out score sheets from what was frozen and what was sealed: the forms and the journals.

Source: R-43, R-50 to R-54.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.bank.store import ContentKey, contents
from cbt.candidates.models import Registration
from cbt.delivery.models import Attempt
from cbt.delivery.save.digests import answers_in, journal_texts
from cbt.exams.store import paper_of
from cbt.rules.canonical import digest
from cbt.rules.items.basis.content import ItemContent
from cbt.rules.scoring.score import FormScorer, ScoreSheet
from cbt.scoring.approved import approved_answers

KEPT_FORMS = 64
"""So many forms that several people take are kept: a form of one's own does not come up again."""

_Paper = tuple[int, int, str]
"""A form, and the blueprint version and the code of the paper it is scored as."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What one attempt comes to: the sheet, and the text of the journal that it follows from."""

    sheet: ScoreSheet
    journal: str
    form_ok: bool
    """Whether the form still has the hash it was frozen with."""


class Scorers:
    """The scorers of one run over many attempts: a form, which never changes, is read once and not again."""

    def __init__(self) -> None:
        self._kept: dict[_Paper, tuple[FormScorer, bool]] = {}
        self._contents: dict[int, dict[ContentKey, ItemContent]] = {}

    def score(
        self, session: Session, attempt_ids: Sequence[int], *, also: Collection[int] = ()
    ) -> dict[int, Scored]:
        """Return what each attempt comes to; raise what the first raises that cannot be scored.

        Approved late answers count; `also` are late entries to be taken as approved too, to see what that
        would change (R-29).
        """
        takers = _takers(session, attempt_ids)
        journals = journal_texts(session, attempt_ids)
        late = approved_answers(session, attempt_ids, also=also)
        scored = {}
        for paper, scorer, form_ok in self._of(session, takers):
            for attempt_id in takers[paper]:
                journal = journals[attempt_id]
                answers = answers_in(journal)
                if attempt_id in late:
                    answers |= {str(place): value or "" for place, value in late[attempt_id].items()}
                scored[attempt_id] = Scored(scorer.score(answers), journal, form_ok)
        return scored

    def scorers_of(self, session: Session, attempt_ids: Sequence[int]) -> dict[int, FormScorer]:
        """Return what works out the sheet of each attempt, whatever answers it is given."""
        takers = _takers(session, attempt_ids)
        return {one: scorer for paper, scorer, _ok in self._of(session, takers) for one in takers[paper]}

    def _of(
        self, session: Session, takers: Mapping[_Paper, Sequence[int]]
    ) -> Iterator[tuple[_Paper, FormScorer, bool]]:
        """Yield the scorer of each paper; one that several take is kept for the next chunk."""
        fresh = takers.keys() - self._kept.keys()
        for paper in takers.keys() - fresh:
            yield paper, *self._kept[paper]
        forms = _forms(session, {form_id for form_id, _, _ in fresh})
        for paper in fresh:
            form_id, version_id, code = paper
            bank_id, content, sha256 = forms[form_id]
            frozen = json.loads(content)
            items = self._contents_for(session, bank_id, frozen)
            scorer = FormScorer(frozen, items, paper=paper_of(session, version_id, code))
            made = scorer, digest(content) == sha256
            if len(takers[paper]) > 1 and len(self._kept) < KEPT_FORMS:
                self._kept[paper] = made
            yield paper, *made

    def _contents_for(
        self, session: Session, bank_id: int, frozen: Mapping[str, Any]
    ) -> Mapping[ContentKey, ItemContent]:
        """Return the item versions of a form, among those of the forms before it; of one bank, so not many."""
        known = self._contents.setdefault(bank_id, {})
        wanted = {(one["item"], one["version"]) for one in frozen["positions"]}
        if not wanted <= known.keys():
            known |= contents(session, wanted - known.keys(), bank_id)
        return known


def _takers(session: Session, attempt_ids: Sequence[int]) -> dict[_Paper, list[int]]:
    """Return which attempts are at which paper."""
    rows = session.execute(
        select(Attempt.id, Attempt.form_id, Registration.blueprint_version_id, Registration.paper)
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Attempt.id.in_(attempt_ids))
    )
    takers: dict[_Paper, list[int]] = {}
    for attempt_id, form_id, version_id, code in rows:
        takers.setdefault((form_id, version_id, code), []).append(attempt_id)
    return takers


def _forms(session: Session, form_ids: Collection[int]) -> dict[int, tuple[int, str, str]]:
    """Return bank, content and hash of forms."""
    if not form_ids:
        return {}
    rows = session.execute(
        select(Form.id, Form.bank_id, Form.content, Form.sha256).where(Form.id.in_(form_ids))
    )
    return {form_id: (bank_id, content, sha256) for form_id, bank_id, content, sha256 in rows}
