"""How far a selection of items is from what a form must be; 0 is a form that will do."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cbt.rules.assembly.drawable import Drawable, true_bounds
from cbt.rules.exam.policies import DifficultyMix

# Two forms that are each within half of ± 0.1 of the target differ by at most 0.1 between them.
MEAN_TOLERANCE = 0.1
MIX_SLACK = 0.03

_HARD, _SOFT = 1000.0, 1.0


class Tally:
    """Running counts over the items chosen so far, so that one swap is judged without looking at all.

    Source: R-8.
    """

    def __init__(
        self, items: int, true_false: int, mix: DifficultyMix, enemies: Mapping[str, Collection[str]]
    ) -> None:
        shares = sum(mix.shares)
        self.goals = [items * share / shares for share in mix.shares]
        self.slack = max(1.0, MIX_SLACK * items)
        self.goal_sum = items * float(mix.mean)
        self.sum_slack = items * MEAN_TOLERANCE / 2
        self.true_low, self.true_high = true_bounds(true_false)
        self.enemies = enemies
        self.refs: set[str] = set()
        self.levels = [0, 0, 0, 0, 0]
        self.level_sum = 0
        self.trues = 0
        self.hostile_pairs = 0

    def add(self, item: Drawable) -> None:
        """Count an item in."""
        self.hostile_pairs += self._enemies_of(item)
        self.refs.add(item.ref)
        self._count(item, 1)

    def remove(self, item: Drawable) -> None:
        """Count an item out."""
        self.refs.discard(item.ref)
        self.hostile_pairs -= self._enemies_of(item)
        self._count(item, -1)

    @property
    def broken(self) -> str | None:
        """The first constraint that does not hold, as the code of its error; None when all hold."""
        if self.hostile_pairs:
            return "assembly.enemies"
        if self._true_excess():
            return "assembly.true_share"
        return "assembly.difficulty" if self._mean_excess() else None

    @property
    def cost(self) -> float:
        """Distance from a form that will do: constraints weigh a thousand times what the mix does."""
        hard = self.hostile_pairs + self._true_excess() + self._mean_excess()
        spread = zip(self.levels, self.goals, strict=True)
        soft = sum(max(0.0, abs(count - goal) - self.slack) for count, goal in spread)
        return _HARD * hard + _SOFT * soft

    def _true_excess(self) -> int:
        return max(self.true_low - self.trues, self.trues - self.true_high, 0)

    def _mean_excess(self) -> float:
        # The millionth keeps a sum that stands exactly on the bound inside it.
        excess = abs(self.level_sum - self.goal_sum) - self.sum_slack
        return excess if excess > 1e-6 else 0.0

    def _enemies_of(self, item: Drawable) -> int:
        return sum(1 for ref in self.enemies.get(item.ref, ()) if ref in self.refs)

    def _count(self, item: Drawable, sign: int) -> None:
        self.levels[item.difficulty - 1] += sign
        self.level_sum += sign * item.difficulty
        self.trues += sign * (item.truth is True)


def mutual_enemies(items: Collection[Drawable]) -> dict[str, frozenset[str]]:
    """Return the enemies of each item that has any; declared on one side it holds for both."""
    mutual: dict[str, set[str]] = {}
    for item in items:
        for ref in sorted(item.enemies):
            mutual.setdefault(item.ref, set()).add(ref)
            mutual.setdefault(ref, set()).add(item.ref)
    return {ref: frozenset(others) for ref, others in mutual.items()}
