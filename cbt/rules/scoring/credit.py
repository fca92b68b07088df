"""How much of one answer is right."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from cbt.rules.items.basis.content import ALL, NOTHING, ItemContent
from cbt.rules.items.values import PartialCredit
from cbt.rules.scoring.key_revision import KeyRevision, keys_in_force


def share_of(
    position: Mapping[str, Any],
    content: ItemContent,
    canonical: str | None,
    *,
    revision: KeyRevision | None = None,
) -> Fraction | None:
    """Return the share of a position's points an answer earns, from 0 to 1, as an exact fraction.

    `content` is the item's, also for a part of a case. Where several answers count as right the best match
    decides. None is an answer that people mark (待阅); where nothing was answered there is nothing to mark.

    Source: R-50, R-51, R-52, R-54.
    """
    asked = content.part(position["part"])
    if revision is not None and revision.give_all:
        return ALL
    if canonical is None:
        return NOTHING
    if asked.by_people:
        return None
    keys = keys_in_force(asked, revision)
    return asked.share(position, canonical, keys, PartialCredit(position["credit"]))
