"""What of one item version a candidate's browser may have: text in authored order, and nothing else."""

from __future__ import annotations

from cbt.bank.items import rich
from cbt.rules.items.reading import ItemContent, ItemType


def sanitised(content: ItemContent) -> dict[str, object]:
    """Return the candidate-safe HTML fragments of one item version, in AUTHORED order.

    Always `type` and `stem`; by type `choices` (single, multiple), `blanks` and `word_bank` (fill_blank),
    `blanks` (numeric), `lefts` and `options` (matching: pair order, then the extras), `steps` (ordering),
    `title`, `stimulus` and `parts` (case). A blank {{n}} is `<span data-blank="n"></span>`. Never the key,
    the explanation, the difficulty, the knowledge point or anything computed from them; places of matching
    and ordering ARE the key here, so a page gets them only through the orders of a frozen form.

    Source: R-44.
    """
    shown: dict[str, object] = {"type": content.type.value, "stem": rich.to_html(content.stem)}
    match content.type:
        case ItemType.SINGLE_CHOICE | ItemType.MULTIPLE_CHOICE:
            shown["choices"] = _lines(content.choices)
        case ItemType.FILL_BLANK:
            shown["blanks"] = content.blanks
            shown["word_bank"] = _lines(content.word_bank)
        case ItemType.NUMERIC:
            shown["blanks"] = 1
        case ItemType.MATCHING:
            shown["lefts"] = _lines(content.lefts)
            shown["options"] = _lines(content.options)
        case ItemType.ORDERING:
            shown["steps"] = _lines(content.steps)
        case ItemType.CASE:
            shown["title"] = rich.inline(content.title)
            shown["stimulus"] = rich.to_html(content.stimulus)
            shown["parts"] = [sanitised(part.content) for part in content.parts]
    return shown


def _lines(texts: tuple[str, ...]) -> list[str]:
    return [rich.inline(text) for text in texts]
