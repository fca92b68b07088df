"""The types of an item as an author meets them: one line each."""

from __future__ import annotations

from collections.abc import Mapping

from cbt.bank.items.types.authoring import Authoring
from cbt.bank.items.types.case import CaseAuthoring
from cbt.bank.items.types.fill_blank import FillBlankAuthoring
from cbt.bank.items.types.hotspot import HotspotAuthoring
from cbt.bank.items.types.matching import MatchingAuthoring
from cbt.bank.items.types.multiple_choice import MultipleChoiceAuthoring
from cbt.bank.items.types.numeric import NumericAuthoring
from cbt.bank.items.types.ordering import OrderingAuthoring
from cbt.bank.items.types.short_answer import ShortAnswerAuthoring
from cbt.bank.items.types.single_choice import SingleChoiceAuthoring
from cbt.bank.items.types.true_false import TrueFalseAuthoring
from cbt.rules.items.values import ItemType

AUTHORING: Mapping[str, Authoring] = {
    ItemType.TRUE_FALSE: TrueFalseAuthoring(),
    ItemType.SINGLE_CHOICE: SingleChoiceAuthoring(),
    ItemType.MULTIPLE_CHOICE: MultipleChoiceAuthoring(),
    ItemType.FILL_BLANK: FillBlankAuthoring(),
    ItemType.NUMERIC: NumericAuthoring(),
    ItemType.MATCHING: MatchingAuthoring(),
    ItemType.ORDERING: OrderingAuthoring(),
    ItemType.CASE: CaseAuthoring(),
    ItemType.SHORT_ANSWER: ShortAnswerAuthoring(),
    ItemType.HOTSPOT: HotspotAuthoring(),
}
_UNKNOWN = Authoring()


def authoring_of(kind: object) -> Authoring:
    """Return the type an author names; of a name there is none of, what holds for any."""
    return AUTHORING.get(str(kind), _UNKNOWN)
