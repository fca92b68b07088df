"""What a process did to a few files, in order, as strace saw it; and what a disk may hold of it after a cut.

A write is promised to be on the disk only once the file was synced after it. Whatever was not synced may be
there, in whole or in any of its 512-byte sectors, or not at all, in any order.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
CALLS = "openat,pwrite64,write,lseek,fsync,fdatasync,ftruncate,unlink,unlinkat"


@dataclass(frozen=True, slots=True)
class Event:
    """One completed call: write, truncate, sync or unlink of a file, or a mark (a line of the marks file)."""

    what: str
    file: str
    offset: int = 0
    data: bytes = b""


def strace_command(log: Path, watched: Sequence[Path], command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` and records what it does to the files `watched`."""
    paths = [argument for path in watched for argument in ("-P", str(path))]
    trace = ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}"]
    return [*trace, *paths, "-o", str(log), *command]


_LINE = re.compile(r"^(\d+) +(.*)$")
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
_CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+)")
_FD = re.compile(r"^(\d+)<((?:[^>\\]|\\x[0-9a-f]{2})*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def read_recording(lines: Iterable[str], *, marks: Path) -> Iterator[Event]:
    """Yield the events of a strace log in the order in which the calls ended."""
    begun: dict[str, str] = {}
    places: dict[tuple[str, str], int] = {}
    for line in lines:
        found = _LINE.match(line.rstrip("\n"))
        if found is None:
            continue
        thread, text = found.groups()
        if text.endswith(" <unfinished ...>"):
            begun[thread] = text.removesuffix(" <unfinished ...>")
            continue
        resumed = _RESUMED.match(text)
        if resumed is not None:
            text = begun.pop(thread, "") + resumed.group(2)
        call = _CALL.match(text)
        if call is not None and int(call.group(3)) >= 0:
            event = _event(call.group(1), call.group(2), int(call.group(3)), places, str(marks))
            if event is not None:
                yield event


def _event(
    name: str, arguments: str, result: int, places: dict[tuple[str, str], int], marks: str
) -> Event | None:
    if name in ("unlink", "unlinkat"):
        return Event("unlink", _bytes(arguments).decode())
    if name == "openat":
        return None
    handle = _FD.match(arguments)
    if handle is None:
        return None
    file = _plain(handle.group(2))
    if name in ("fsync", "fdatasync"):
        return Event("sync", file)
    if name == "ftruncate":
        return Event("truncate", file, offset=int(arguments.rsplit(",", 1)[1]))
    at = (handle.group(1), file)
    if name == "lseek":
        places[at] = result
        return None
    data = _bytes(arguments)[:result]
    if file == marks:
        return Event("mark", file, data=data)
    if name == "pwrite64":
        return Event("write", file, int(arguments.rsplit(",", 1)[1]), data)
    offset = places.get(at, 0)
    places[at] = offset + result
    return Event("write", file, offset, data)


def _bytes(arguments: str) -> bytes:
    found = _TEXT.search(arguments)
    return b"" if found is None else bytes.fromhex(found.group(1).replace("\\x", ""))


def _plain(path: str) -> str:
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found.group(1), 16)), path)


@dataclass(slots=True)
class Disk:
    """The files as a disk surely holds them, and what was written since and may or may not be there."""

    durable: dict[str, bytearray]
    pending: dict[str, list[Event]] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Disk:
        """Return a disk that surely holds `files`."""
        return cls({name: bytearray(content) for name, content in files.items()})

    def see(self, event: Event) -> None:
        """Go on by one event."""
        if event.what == "sync":
            for one in self.pending.pop(event.file, ()):
                _apply(self.durable, one)
        elif event.what != "mark":
            self.pending.setdefault(event.file, []).append(event)

    def cut(self, rng: random.Random) -> dict[str, bytes]:
        """Return what the files may hold when the power goes now: any part of what was not synced.

        A third of the cuts keeps a prefix of it in order, the last write torn; the others keep any subset,
        each write whole, torn or gone.
        """
        files = {name: bytearray(content) for name, content in self.durable.items()}
        in_order = rng.random() < 1 / 3
        for events in self.pending.values():
            kept = rng.randrange(len(events) + 1) if in_order else len(events)
            for number, event in enumerate(events[:kept]):
                torn = number == kept - 1 if in_order else rng.random() < 0.4
                if not in_order and rng.random() < 0.4:
                    continue
                for piece in _pieces(event, rng) if torn else (event,):
                    _apply(files, piece)
        return {name: bytes(content) for name, content in files.items()}


def _pieces(event: Event, rng: random.Random) -> Iterator[Event]:
    """Yield some of the sectors of one write; other calls happen whole."""
    if event.what != "write":
        yield event
        return
    begin, end = event.offset, event.offset + len(event.data)
    while begin < end:
        until = min(end, (begin // SECTOR + 1) * SECTOR)
        if rng.random() < 0.5:
            yield Event("write", event.file, begin, event.data[begin - event.offset : until - event.offset])
        begin = until


def _apply(files: dict[str, bytearray], event: Event) -> None:
    if event.what == "unlink":
        files.pop(event.file, None)
        return
    content = files.setdefault(event.file, bytearray())
    if event.what == "truncate":
        del content[event.offset :]
        content.extend(bytes(event.offset - len(content)))
        return
    if len(content) < event.offset:
        content.extend(bytes(event.offset - len(content)))
    content[event.offset : event.offset + len(event.data)] = event.data
