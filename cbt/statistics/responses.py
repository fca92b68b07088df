"""What people earned at items, as arrays: one cell for each person and item that was asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int32]


@dataclass(frozen=True)
class Responses:
    """Answers of `people` to `items`: who (`person`) earned how many of how many points (`earned`, `worth`) where.

    The four arrays have a cell for each item that somebody was asked; a pair that is not there was not asked of
    that person, for papers may be drawn for each alone. An item that was asked and not answered earned 0.
    """

    people: int
    items: int
    person: Places
    item: Places
    earned: Floats
    worth: Floats

    @classmethod
    def of_matrix(cls, matrix: ArrayLike, worths: ArrayLike) -> Responses:
        """Return the cells of a matrix, people × items, of points; NaN is what was not asked."""
        points = np.asarray(matrix, dtype=np.float64)
        person, item = np.nonzero(~np.isnan(points))
        most = np.asarray(worths, dtype=np.float64)
        people, items = points.shape
        return cls(
            people, items, person.astype(np.int32), item.astype(np.int32), points[person, item], most[item]
        )

    @cached_property
    def totals(self) -> Floats:
        """The points of each person."""
        return np.bincount(self.person, self.earned, self.people)

    @cached_property
    def shares(self) -> Floats:
        """What part of its points each cell earned."""
        return self.earned / self.worth

    @cached_property
    def asked(self) -> NDArray[np.intp]:
        """How many people each item was asked of."""
        return np.bincount(self.item, minlength=self.items)

    @cached_property
    def is_complete(self) -> bool:
        """Whether everybody was asked every item, once."""
        if len(self.item) != self.people * self.items:
            return False
        pairs = self.person.astype(np.int64) * self.items + self.item
        return bool((np.bincount(pairs) == 1).all())

    def of_item(self, values: NDArray[Any]) -> Floats:
        """Return the sum of a value of each cell by item."""
        return np.bincount(self.item, values, self.items)

    def means(self, values: NDArray[Any]) -> Floats:
        """Return the mean of a value of each cell by item; NaN for an item that nobody was asked."""
        with np.errstate(invalid="ignore"):
            return self.of_item(values) / self.asked

    def among(self, people: NDArray[np.bool_]) -> Responses:
        """Return the answers of some people to the items that they were asked, both numbered anew."""
        kept = people[self.person]
        items, item = np.unique(self.item[kept], return_inverse=True)
        numbers = np.cumsum(people, dtype=np.int32) - 1
        return Responses(
            int(people.sum()),
            len(items),
            numbers[self.person[kept]],
            item.astype(np.int32),
            self.earned[kept],
            self.worth[kept],
        )
