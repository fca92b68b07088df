"""What somebody might enter at a position of a paper, as the answer page would send it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

LETTERS = "ABCDEFGH"
WORDS = ("主管", "15", "客户", "𬭎", "a b", "“引号”")


def plausible(item: Mapping[str, Any], rng: random.Random) -> Any:
    """Return an answer that may come in for an item as the paper shows it."""
    match item["type"]:
        case "true_false" | "single_choice":
            return LETTERS[rng.randrange(len(item["choices"]))]
        case "multiple_choice":
            letters = LETTERS[: len(item["choices"])]
            return "".join(sorted(rng.sample(letters, rng.randint(1, len(letters)))))
        case "fill_blank":
            return [rng.choice(WORDS) for _ in range(item["blanks"])]
        case "matching":
            return [rng.randint(1, len(item["options"])) for _ in item["lefts"]]
        case "ordering":
            return rng.sample(range(1, len(item["steps"]) + 1), len(item["steps"]))
        case "hotspot":
            return [[rng.randint(1, 9), rng.randint(1, 9)]]
        case _:
            return str(rng.randrange(1, 1000))
