"""An upload of several files: unpacked, read together, keys given to the questions of another file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath

import msgspec

from cbt.confined.runner import MEGABYTE, Exhausted, Limits, run
from cbt.errors import CbtError, InvalidInput
from cbt.interchange import html_page as page
from cbt.interchange import plain_text as plain
from cbt.interchange import registry
from cbt.interchange.archive import TAXONOMY_FILE, is_document
from cbt.interchange.documents.items import cut, only_keys, read_joined
from cbt.interchange.documents.lines import LinedText
from cbt.interchange.doubts.registry import questioned
from cbt.interchange.format import Content
from cbt.interchange.intake import with_pictures
from cbt.interchange.mapping import reader as mapped
from cbt.interchange.mapping import source
from cbt.interchange.mapping.definition import MAPPING, FileMapping, mapping_in
from cbt.interchange.word import format as word
from cbt.items.draft import AS_INFERRED, Adjustments, Reading
from cbt.spreadsheets.findings import Finding, Place, Severity

_DOCUMENTS: Mapping[str, Callable[[bytes], LinedText]] = {
    plain.NAME: lambda content: LinedText(plain.lines_of(content)),
    word.NAME: word.document_of,
    page.NAME: lambda content: LinedText(page.lines_of(content)),
}
_KEY_WORDS = re.compile(r"参考|标准|正确|答案|解析|及|与|和|key|answers?|[\s_\-—()（）.·]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FileReading:
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
) -> list[FileReading]:
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
        joined.get(one.name, FileReading(one.name, of=pairs[one.name]) if one.name in pairs else one)
        for one in alone
    ]


def _alone(name: str, content: Content, adjust: Adjustments) -> FileReading:
    try:
        return FileReading(name, registry.read(content, name, adjust))
    except CbtError as error:
        return FileReading(name, error=error)


def _misses_keys(reading: Reading) -> bool:
    return reading.form in _DOCUMENTS and any(one.code == "text_no_key" for one in reading.findings)


def _pairs(lists: Sequence[str], asking: Sequence[str], *, two: bool) -> dict[str, str]:
    """Return for each file of keys the one of questions: by name, or where `two` files are all there is."""
    pairs: dict[str, str] = {}
    names = {name: _bare(name) for name in (*lists, *asking)}
    for keys in lists:
        fitting = [name for name in asking if names[name] == names[keys]]
        if len(fitting) == 1 and fitting[0] not in pairs.values():
            pairs[keys] = fitting[0]
    left = [name for name in asking if name not in pairs.values()]
    over = [name for name in lists if name not in pairs]
    if two and len(left) == len(over) == 1:
        pairs[over[0]] = left[0]
    return pairs


def _bare(name: str) -> str:
    return _KEY_WORDS.sub("", PurePath(name).stem).casefold()


def _joined(name: str, content: Content, keys: str, listed: Content, adjust: Adjustments) -> FileReading:
    try:
        content, inferences = registry.in_utf8(content, adjust)
        listed, asked_of_keys = registry.in_utf8(listed, adjust)
        assert isinstance(content, bytes)
        assert isinstance(listed, bytes)
        form, asking = _document(content, name)
        answering = _document(listed, keys)[1].beside(asking)
        questions, answers = cut(asking.lines, adjust), cut(answering.lines, adjust)
        assert only_keys(answers)
        reading = read_joined(questions, answers, keys, form, name, adjust)
        reading = replace(reading, inferred=(*(inferences or asked_of_keys), *reading.inferred))
        reading = with_pictures(reading, asking.shown.joined(answering.shown))
        return FileReading(name, questioned(reading, adjust), keys=keys)
    except CbtError as error:
        return FileReading(name, error=error, keys=keys)


def _document(content: bytes, name: str) -> tuple[str, LinedText]:
    form = registry.format_for(content, name).name
    return form, _DOCUMENTS[form](content)


SEVERAL = "several"
"""The form of files of more than one format."""
_OF = ">"
"""Stands between a file and what is inferred of it."""


def read_all(files: Sequence[tuple[str, bytes]], adjust: Adjustments = AS_INFERRED) -> Reading:
    """Return several files as one reading; of one file what the registry returns.

    Keys in a file of their own are given to the questions of another. What has the shape of a mapping by hand is
    read as that says, the other files as they are without one. A file that is refused becomes a finding, so that
    the others are seen; all refused, the first refusal is raised.
    """
    if (by_hand := mapping_in(adjust)) is not None:
        return _read_mapped(files, by_hand, {key: value for key, value in adjust.items() if key != MAPPING})
    if len(files) == 1:
        name, content = files[0]
        return registry.read(content, name, adjust)
    brought = read_paired(files, {name: _within(adjust, name) for name, _content in files})
    readings = [one.reading for one in brought if one.reading is not None]
    refused = {one.name: one.error for one in brought if one.error is not None}
    if not readings:
        raise next(iter(refused.values()))
    return _joined_readings(readings, [_refusal(name, error) for name, error in refused.items()])


def _read_mapped(files: Sequence[tuple[str, bytes]], mapping: FileMapping, adjust: Adjustments) -> Reading:
    """Return files as a mapping by hand says; raise as its reader does where none of them has its shape."""
    sources: dict[str, source.RawFile] = {}
    refused: dict[str, CbtError] = {}
    for name, content in files:
        try:
            sources[name] = source.open_source(content, name, _within(adjust, name))
        except CbtError as error:
            refused[name] = error
    asking = [
        name for name in sources if name != mapping.keys.file and mapped.has_shape(sources[name], mapping)
    ]
    lists = [name for name in sources if name not in asking] if mapping.keys.file else []
    keys = {own: listed for listed, own in _pairs(lists, asking, two=len(files) == 2).items()}
    if not asking:
        raise next(iter(refused.values()), InvalidInput("bank.mapping.unfit"))
    readings = [
        mapped.read(sources[name], mapping, sources[keys[name]].parts if name in keys else ())
        for name in asking
    ]
    rest = [file for file in files if file[0] not in asking and file[0] not in keys.values()]
    if not rest and len(readings) == 1:
        return readings[0]
    others = read_paired(rest, {name: _within(adjust, name) for name, _content in rest})
    refused = {one.name: one.error for one in others if one.error is not None}
    readings += [one.reading for one in others if one.reading is not None]
    return _joined_readings(readings, [_refusal(name, error) for name, error in refused.items()])


def _refusal(name: str, error: CbtError) -> Finding:
    params = {"refusal": error.code, **error.params}
    return Finding(Severity.ERROR, "file_refused", Place(name), params=params)


def unscoped(adjust: Adjustments) -> dict[str, str]:
    """Return what was said of single files as it is said of any file laid out like them, without their doubts."""
    said = {name.rpartition(_OF)[2]: value for name, value in adjust.items()}
    return {name: value for name, value in said.items() if not name.startswith(("doubt:", "heading:"))}


def _within(adjust: Adjustments, name: str) -> Adjustments:
    of_all = {key: value for key, value in adjust.items() if _OF not in key}
    head = f"{name}{_OF}"
    return of_all | {key.removeprefix(head): value for key, value in adjust.items() if key.startswith(head)}


def _joined_readings(readings: Sequence[Reading], findings: Sequence[Finding]) -> Reading:
    forms = {found.form for found in readings}
    layouts = {found.layout for found in readings}
    return Reading(
        form=forms.pop() if len(forms) == 1 else SEVERAL,
        file_name=readings[0].file_name,
        items=[item for found in readings for item in found.items],
        findings=[*(one for found in readings for one in found.findings), *findings],
        columns=tuple(use for found in readings for use in found.columns),
        inferred=tuple(
            replace(one, name=f"{found.file_name}{_OF}{one.name}")
            for found in readings
            for one in found.inferred
        ),
        layout=layouts.pop() if len(layouts) == 1 else "",
        media={name: taken for found in readings for name, taken in found.media.items()},
        came={name: digest for found in readings for name, digest in found.came.items()},
    )


NamedFile = tuple[str, bytes]
"""The name under which a file came, with the folders it lay in, and its content."""
MOST_FILES = 200
MOST_ENTRIES = 500
"""What an archive may hold, with what file managers leave in it."""
LONGEST_NAME = 200
LIMITS = Limits(answer=200 * MEGABYTE)
_UNPACK = "cbt.interchange.archive:unpack"
_ZIP, _DIRECTORY, _TAIL = b"PK\x03\x04", b"PK\x05\x06", 66_000
_OTHER_ARCHIVES = (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b\x08")
_LEFT_OUT = ("~$", ".", "__MACOSX", "Thumbs.db", "desktop.ini")


def pack(files: Sequence[NamedFile]) -> bytes:
    return msgspec.msgpack.encode(list(files))


def unpack(body: bytes) -> list[NamedFile]:
    return msgspec.msgpack.decode(body, type=list[tuple[str, bytes]])


def safe_name(path: str) -> str:
    """Return a file's name with its folders and nothing that leads elsewhere; "" for one that is nobody's bank.

    Lock files of spreadsheet programs and what file managers leave behind are nobody's.
    """
    plain = "".join(letter for letter in path.replace("\\", "/") if letter.isprintable())
    parts = [part for part in PurePosixPath(plain).parts if part not in ("/", "..", ".")]
    if not parts or any(part.startswith(_LEFT_OUT) for part in parts):
        return ""
    return "/".join(parts)[-LONGEST_NAME:]


def taken(files: Sequence[NamedFile]) -> list[NamedFile]:
    """Return the files that may hold items, under safe names, in the order of these.

    Raises InvalidInput("bank.no_file"), ("bank.too_many_files").
    """
    named_files = [(name, content) for path, content in files if content and (name := safe_name(path))]
    if not named_files:
        raise InvalidInput("bank.no_file", field="file")
    if len(named_files) > MOST_FILES:
        raise InvalidInput("bank.too_many_files", count=len(named_files), limit=MOST_FILES, field="file")
    return sorted(named_files)


def said(files: Sequence[NamedFile]) -> str:
    """Return the one name of what was brought: of a file its own, else of the first and how many there are."""
    first = files[0][0]
    if len(files) == 1:
        return first.rpartition("/")[2]
    top = {name.partition("/")[0] for name, _content in files}
    head = next(iter(top)) if len(top) == 1 else first.rpartition("/")[2]
    return f"{head[: LONGEST_NAME - 10]} +{len(files) - 1}" if len(top) > 1 else head


def opened(files: Sequence[NamedFile]) -> list[NamedFile]:
    """Return the files with what lies in archives among them, each under its safe name.

    An archive alone gives its files their own names; one of several gives them its own before. Raises as
    `foreign.files.unpack` and `taken` do, and InvalidInput("bank.archive_kind") for an archive of another kind.
    """
    if not any(_is_archive(content) for _name, content in files):
        return list(files)
    named_files: list[NamedFile] = []
    for name, content in files:
        if not _is_archive(content):
            named_files.append((name, content))
            continue
        head = "" if len(files) == 1 else f"{name}/"
        named_files += [(f"{head}{inner}", body) for inner, body in _unpacked(content)]
    return taken(named_files)


def _is_archive(content: bytes) -> bool:
    if content.startswith(_OTHER_ARCHIVES):
        raise InvalidInput("bank.archive_kind")
    return content.startswith(_ZIP) and _DIRECTORY in content[-_TAIL:] and not is_document(content)


def _unpacked(content: bytes) -> list[NamedFile]:
    try:
        answer = run(_UNPACK, content, limits=LIMITS, most=MOST_ENTRIES)
    except Exhausted as error:
        raise InvalidInput("bank.package_too_big") from error
    return msgspec.msgpack.decode(answer, type=list[tuple[str, bytes]])


def read_paths(paths: Sequence[Path], adjust: Adjustments) -> Reading:
    """Read files, folders and archives that lie somewhere as one; a folder with a 细目表 is read as the bank it is.

    Raises as `read_all` and `registry.content_of` do, NotFound("bank.no_folder") for a folder without any file that
    may hold items.
    """
    first = paths[0]
    if len(paths) == 1 and first.is_dir() and ((first / TAXONOMY_FILE).is_file() or not _below(first)):
        return registry.read(first, first.name, adjust)
    files = [(name, registry.content_of(path)) for one in paths for name, path in _below(one)]
    brought = [(name, content) for name, content in files if isinstance(content, bytes)]
    return read_all(opened(taken(brought)), adjust)


def _below(path: Path) -> list[tuple[str, Path]]:
    if path.is_file():
        return [(path.name, path)]
    paths = sorted(one for one in path.rglob("*") if one.is_file())
    named = [(str(one.relative_to(path.parent)), one) for one in paths]
    return [(name, one) for name, one in named if safe_name(name)]
