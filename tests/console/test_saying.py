"""What is printed, and how: data, words, columns, colours, progress."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cbt.console.command import command
from cbt.console.output import Answer, Progress, align, fold, plain, say, tone, width
from cbt.paths import product_dir

CHECKOUT = product_dir("templates").parent
AT = datetime(2026, 11, 24, 1, tzinfo=UTC)
SAID = Answer(
    {"at": AT, "points": Decimal("1.50"), "file": Path("a"), "roles": frozenset("ba")},
    ["一", tone("二", "red")],
    ["三"],
    code=1,
)


def run(*arguments: str, **how: bool) -> Result:
    made = command("say", help="console.cbt")(lambda: SAID)
    return CliRunner().invoke(made, list(arguments), color=how.get("color", False))


def test_words_and_notes_go_their_ways_and_the_code_is_the_answers() -> None:
    said = run()
    assert (said.stdout, said.stderr, said.exit_code) == ("一\n二\n", "三\n", 1)


def test_a_program_gets_the_data_alone_in_the_forms_of_json() -> None:
    said = run("--json")
    assert (said.stderr, said.exit_code) == ("", 1)
    assert json.loads(said.stdout) == {
        "at": "2026-11-24T01:00:00+00:00",
        "points": "1.50",
        "file": "a",
        "roles": ["a", "b"],
    }
    with pytest.raises(TypeError, match="object"):
        plain(object())


def test_a_name_that_is_not_utf_8_leaves_the_output_readable(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    name = os.fsdecode(b"a\xff")
    say(Answer({"file": Path(name)}), as_json=True)
    say(Answer(None, [name], [name]), as_json=False)
    for printed in capfdbinary.readouterr():
        assert "a\ufffd" in printed.decode("utf-8")


def test_colours_are_for_terminals_and_for_whoever_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[31m二" in run(color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run(color=True).stdout


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("one two three", ["one two", "three"], id="words"),
        pytest.param("核验全部存档", ["核验全部", "存档"], id="Chinese"),
        pytest.param("核验全部。存", ["核验全", "部。存"], id="no line begins with a mark"),
        pytest.param("列出 cbt 的试题", ["列出 cbt", "的试题"], id="both"),
        pytest.param("extraordinarily", ["extraordinarily"], id="a word that is too long stays whole"),
        pytest.param("", [""], id="nothing"),
    ],
)
def test_a_text_is_folded_between_words_and_between_wide_characters(text: str, lines: list[str]) -> None:
    assert fold(text, 8) == lines
    assert all(width(line) <= 8 or " " not in line for line in lines)


def test_a_table_of_nothing_is_no_line() -> None:
    assert align([]) == []


class Terminal(io.StringIO):
    """Standard error as a terminal."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


def progressed(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, *seconds: float) -> str:
    """Return what is printed by progress told at these seconds."""
    monkeypatch.setattr(sys, "stderr", stream)
    times = iter(seconds)
    clock: Callable[[], float] = lambda: next(times)  # noqa: E731
    with Progress(clock) as progress:
        for second in seconds:
            progress.tell(f"{second:g} s")
    return stream.getvalue()


def test_progress_writes_over_its_line_in_a_terminal_and_is_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = progressed(Terminal(), monkeypatch, 0, 1)
    assert said.split("\r\x1b[K") == ["", "0 s", "1 s", ""]


def test_progress_in_a_log_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert progressed(io.StringIO(), monkeypatch, 0, 1, 9.9, 10, 19, 20.5) == "0 s\n10 s\n20.5 s\n"


ASKED = """#!{python}
import sys
from cbt.cli import main
try:
    main()
finally:
    print([name for name in ("flask", "sqlalchemy") if name in sys.modules], file=sys.stderr)
"""
COMPLETING = """
eval "$(cbt completion bash 2>/dev/null)"
COMP_WORDS=(cbt ba); COMP_CWORD=1
_cbt_completion cbt
echo "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_command_without_loading_a_room(tmp_path: Path) -> None:
    asked = tmp_path / "cbt"
    asked.write_text(ASKED.format(python=sys.executable), "utf-8")
    asked.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", COMPLETING],
        env={**os.environ, "PATH": path, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["backup", "bank"]
    assert done.stderr == "[]\n"
