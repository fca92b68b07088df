"""Checks of what a text holds beside words: formulas that can be read, pictures and sounds told in words."""

from __future__ import annotations

from collections.abc import Iterator

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.formulas import fault_of
from cbt.bank.items.marks import MOST_FORMULAS, formulas_in
from cbt.bank.media.references import ANY_MARK, MARK, NO_WORDS, NO_WORDS_SOUND, SCHEME, texts_of
from cbt.sheets.findings import Finding, Severity

LONGEST_SHOWN = 40


def check_marks(draft: ItemDraft) -> Iterator[Finding]:
    """Yield formulas that are not understood, and pictures and sounds without words or without a name of ours."""
    for name, text in texts_of(draft.data):
        if "$" in text:
            yield from _formulas(draft, name, text)
        if "![" in text:
            yield from _media(draft, name, text)


def _formulas(draft: ItemDraft, name: str, text: str) -> Iterator[Finding]:
    sources = list(formulas_in(text))
    if len(sources) > MOST_FORMULAS:
        yield draft.find(Severity.ERROR, "formula_many", name, len(sources), most=MOST_FORMULAS)
    for source in sources:
        if fault := fault_of(source):
            shown = source if len(source) <= LONGEST_SHOWN else f"{source[:LONGEST_SHOWN]}…"
            yield draft.find(Severity.ERROR, f"formula_{fault.code}", name, shown, words=fault.words)


def _media(draft: ItemDraft, name: str, text: str) -> Iterator[Finding]:
    for mark in ANY_MARK.finditer(text):
        if not MARK.fullmatch(mark[0]):
            code = "media_name" if mark[2].startswith(SCHEME) else "media_elsewhere"
            severity = Severity.ERROR if code == "media_name" else Severity.HINT
            yield draft.find(severity, code, name, mark[2])
        elif not mark[1].strip():
            yield draft.find(Severity.ERROR, "media_alt", name, mark[2])
        elif mark[1].strip() in (NO_WORDS, NO_WORDS_SOUND):
            yield draft.find(Severity.HINT, "media_words", name, mark[1].strip())
