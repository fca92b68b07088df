"""Which memory is put into large pages, and that to ask for them harms nothing."""

from __future__ import annotations

from tests.large_pages import heap_of, use_large_pages

MAPS = """\
55d0c0000000-55d0c0400000 r--p 00000000 fd:00 131 /usr/bin/python3.11
55d0c1000000-55d0c1800000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000600000 rw-p 00000000 00:00 0
7f0000600000-7f0000601000 ---p 00000000 00:00 0
7f0001000000-7f0001400000 rw-s 00000000 00:01 77 /dev/shm/one that is shared
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]
"""


def test_what_is_written_and_of_no_file_is_the_heap() -> None:
    assert list(heap_of(MAPS)) == [(0x55D0C1000000, 0x55D0C1800000), (0x7F0000000000, 0x7F0000600000)]


def test_what_a_process_holds_is_as_it_was() -> None:
    held = [str(number) for number in range(100_000)]
    use_large_pages()
    use_large_pages()
    assert held == [str(number) for number in range(100_000)]
