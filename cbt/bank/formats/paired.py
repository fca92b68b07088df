"""Several files read together: keys that stand in a file of their own are given to the questions of another."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from cbt.bank.foreign.pictures import with_pictures
from cbt.bank.formats import registry
from cbt.bank.formats.kind import Content
from cbt.bank.formats.page import format as page
from cbt.bank.formats.plain import format as plain
from cbt.bank.formats.reading.lines import LinedText
from cbt.bank.formats.reading.reader import cut, only_keys, read_joined
from cbt.bank.formats.word import format as word
from cbt.bank.imports.drafts import AS_INFERRED, Adjustments, Reading
from cbt.errors import CbtError

_DOCUMENTS: Mapping[str, Callable[[bytes], LinedText]] = {
    plain.NAME: lambda content: LinedText(plain.lines_of(content)),
    word.NAME: word.document_of,
    page.NAME: lambda content: LinedText(page.lines_of(content)),
}
_KEY_WORDS = re.compile(r"参考|标准|正确|答案|解析|及|与|和|key|answers?|[\s_\-—()（）.·]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of one file: a reading or the reason of its refusal; `keys` is the file its keys stood in.

    A file that was read as the keys of another has neither; `of` names the other.
    """

    name: str
    reading: Reading | None = None
    error: CbtError | None = None
    keys: str = ""
    of: str = ""


def read_paired(
    files: Sequence[tuple[str, Content]], adjust: Mapping[str, Adjustments] | None = None
) -> list[Brought]:
    """Return what becomes of each file, in their order; `adjust` are adjustments by a file's name.

    A file of nothing but keys is joined with the one of questions without keys that it fits by name, or with the
    other where there are but two; numbers and sections must agree, what does not is a finding. It is inferred,
    and shown as such.
    """
    adjust = adjust or {}
    alone = [_alone(name, content, adjust.get(name, AS_INFERRED)) for name, content in files]
    lists = {one.name for one in alone if one.error is not None and one.error.code == "bank.keys_only"}
    asking = {one.name for one in alone if one.error is not None and one.error.code == "bank.no_keys"}
    asking |= {one.name for one in alone if one.reading is not None and _misses_keys(one.reading)}
    pairs = _pairs(sorted(lists), sorted(asking), two=len(files) == 2) if lists and asking else {}
    contents = dict(files)
    joined = {
        name: _joined(name, contents[name], keys, contents[keys], adjust.get(name, AS_INFERRED))
        for keys, name in pairs.items()
    }
    return [
        joined.get(one.name, Brought(one.name, of=pairs[one.name]) if one.name in pairs else one)
        for one in alone
    ]


def _alone(name: str, content: Content, adjust: Adjustments) -> Brought:
    try:
        return Brought(name, registry.read(content, name, adjust))
    except CbtError as error:
        return Brought(name, error=error)


def _misses_keys(found: Reading) -> bool:
    return found.form in _DOCUMENTS and any(one.code == "text_no_key" for one in found.findings)


def _pairs(lists: Sequence[str], asking: Sequence[str], *, two: bool) -> dict[str, str]:
    """Return for each file of keys the one of questions: by name, or where `two` files are all there is."""
    found: dict[str, str] = {}
    names = {name: _bare(name) for name in (*lists, *asking)}
    for keys in lists:
        fitting = [name for name in asking if names[name] == names[keys]]
        if len(fitting) == 1 and fitting[0] not in found.values():
            found[keys] = fitting[0]
    left = [name for name in asking if name not in found.values()]
    over = [name for name in lists if name not in found]
    if two and len(left) == len(over) == 1:
        found[over[0]] = left[0]
    return found


def _bare(name: str) -> str:
    return _KEY_WORDS.sub("", PurePath(name).stem).casefold()


def _joined(name: str, content: Content, keys: str, listed: Content, adjust: Adjustments) -> Brought:
    try:
        content, asked = registry.in_utf8(content, adjust)
        listed, asked_of_keys = registry.in_utf8(listed, adjust)
        assert isinstance(content, bytes)
        assert isinstance(listed, bytes)
        form, asking = _document(content, name)
        answering = _document(listed, keys)[1].beside(asking)
        questions, answers = cut(asking.lines), cut(answering.lines)
        assert only_keys(answers)
        found = read_joined(questions, answers, keys, form, name, adjust)
        found = replace(found, inferred=(*(asked or asked_of_keys), *found.inferred))
        return Brought(name, with_pictures(found, asking.shown.joined(answering.shown)), keys=keys)
    except CbtError as error:
        return Brought(name, error=error, keys=keys)


def _document(content: bytes, name: str) -> tuple[str, LinedText]:
    form = registry.format_for(content, name).name
    return form, _DOCUMENTS[form](content)
