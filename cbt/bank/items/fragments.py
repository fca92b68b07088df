"""What of one item version a candidate's browser may have: text in authored order, and nothing else."""

from __future__ import annotations

from cbt.bank.items import rich
from cbt.rules.items.basis.content import ItemContent, Rendering

_HTML = Rendering(block=rich.to_html, line=rich.inline)


def sanitised(content: ItemContent) -> dict[str, object]:
    """Return the candidate-safe HTML fragments of one item version, in AUTHORED order.

    A blank {{n}} is `<span data-blank="n"></span>`. Never the key, the explanation, the difficulty, the
    knowledge point or anything computed from them; what there is for each type stands with the type.

    Source: R-44.
    """
    return content.shown(_HTML)
