"""单选 in QTI, and what it shares with 多选."""

from __future__ import annotations

from cbt.interchange import raw_items
from cbt.interchange.export import line
from cbt.interchange.qti.response import Fields, Made, QtiWriting, Response22, stem_of

CARRIED = frozenset({"choices", "answer", "fixed_order"})


def write(data: Fields, name: str, *, several: bool) -> Made:
    """Return a choice of one, or of several."""
    shuffle = "false" if data.get("fixed_order") else "true"
    choices = "".join(
        f'<simpleChoice identifier="{letter}">{line(text)}</simpleChoice>'
        for letter, text in zip(raw_items.LETTERS, data["choices"], strict=False)
    )
    most = 0 if several else 1
    head = f'<choiceInteraction responseIdentifier="{name}" shuffle="{shuffle}" maxChoices="{most}">'
    kind = "multiple" if several else "single"
    body = f"{stem_of(data)}{head}{choices}</choiceInteraction>"
    return [Response22(name, kind, "identifier", list(data["answer"]))], body


MAPPING = QtiWriting(CARRIED, lambda data, name, _picture: write(data, name, several=False))
