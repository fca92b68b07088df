"""Choices in QTI."""

from __future__ import annotations

from cbt.bank.exports.markup import line
from cbt.bank.foreign import questions
from cbt.bank.formats.qti.mapping import Fields, Made, stem_of
from cbt.bank.formats.qti.scoring import Response22

CARRIED = frozenset({"choices", "answer", "fixed_order"})


def write(data: Fields, name: str, *, several: bool) -> Made:
    """Return a choice of one, or of several."""
    shuffle = "false" if data.get("fixed_order") else "true"
    choices = "".join(
        f'<simpleChoice identifier="{letter}">{line(text)}</simpleChoice>'
        for letter, text in zip(questions.LETTERS, data["choices"], strict=False)
    )
    most = 0 if several else 1
    head = f'<choiceInteraction responseIdentifier="{name}" shuffle="{shuffle}" maxChoices="{most}">'
    kind = "multiple" if several else "single"
    body = f"{stem_of(data)}{head}{choices}</choiceInteraction>"
    return [Response22(name, kind, "identifier", list(data["answer"]))], body
