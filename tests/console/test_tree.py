"""The whole tree of commands: each takes `--json`, and each is told of in the installation's language alone."""

from __future__ import annotations

import json
import re

import click
import pytest
from click.testing import CliRunner, Result

from cbt.cli import build
from cbt.config import LOCALES
from cbt.console.command import TextArgument, TextCommand, TextGroup, TextOption
from cbt.console.texts import text
from cbt.translations.compiler import texts_of
from tests.console.page import walk

HAN = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
TYPED = re.compile(r"cbt(?: [a-z-]+)*")
PROSE = re.compile(r"(?<![\w/-])[a-z]{2,} [a-z]{2,}(?![\w-])")


TREE = dict(walk(build()))
LEAVES = {path: one for path, one in TREE.items() if not isinstance(one, click.Group)}


def run(*arguments: str, language: str = "zh") -> Result:
    """Run `cbt` with these words, as a process of that language would."""
    return CliRunner(env={"CBT_LOCALE": language}).invoke(build(), list(arguments))


def test_every_command_takes_json_and_every_word_of_it_is_told_of() -> None:
    for path, command in TREE.items():
        assert isinstance(command, TextCommand | TextGroup), path
        assert command.help_id, path
        options = [one for one in command.params if not getattr(one, "hidden", False)]
        if path:
            assert all(isinstance(one, TextOption | TextArgument) for one in options), path
        assert [one.name for one in options if not getattr(one, "help", None)] == [], path
    assert {
        path for path, one in LEAVES.items() if "--json" not in {opt for p in one.params for opt in p.opts}
    } == set()
    assert len(LEAVES) > 25


@pytest.mark.parametrize("language", LOCALES)
def test_every_help_is_in_its_language_and_misses_no_text(language: str) -> None:
    known = texts_of(language)
    for path in TREE:
        shown = run(*path, "--help", language=language)
        assert shown.exit_code == 0, path
        assert not re.search(r"(?:cli|console)\.\w+", shown.output), path
        assert known["console.usage"] in shown.output
        assert known[getattr(TREE[path], "help_id", "")].endswith("." if language == "en" else "。"), path
        if language == "en":
            assert HAN.findall(shown.output) == [], path
        else:
            assert PROSE.findall(TYPED.sub("", shown.output)) == [], path


REFUSED = [
    pytest.param(["srve"], "console.no_command_near", id="a mistyped command"),
    pytest.param(["qqqq"], "console.no_command", id="no command at all"),
    pytest.param(["bank", "lnt"], "console.no_command_near", id="a mistyped command of a group"),
    pytest.param(["verify", "--jsn"], "console.no_option_near", id="a mistyped option"),
    pytest.param(["verify", "--qqqq"], "console.no_option", id="no option at all"),
    pytest.param(["verify", "-q"], "console.no_option", id="a short option"),
    pytest.param(["score", "verify"], "console.missing", id="an argument left out"),
    pytest.param(["move"], "console.missing", id="an option left out"),
    pytest.param(["score", "verify", "a", "b"], "console.extra_argument", id="an argument too many"),
    pytest.param(["form", "draw", "a", "b"], "console.choice", id="none of a choice"),
    pytest.param(["form", "draw", "a", "theory", "--seed", "x"], "console.number", id="no number"),
    pytest.param(["backup", "--keep", "0"], "console.number_from", id="a number too small"),
    pytest.param(["backup", "--keep"], "console.option_value", id="a value left out"),
    pytest.param(["verify", "--json=1"], "console.option_value", id="a value too many"),
    pytest.param(["bank", "lint", "nowhere"], "console.not_there", id="no such folder"),
    pytest.param(["bank", "lint", "-"], "console.not_there", id="standard input where a folder is read"),
    pytest.param(["bank", "lint", "pyproject.toml"], "console.file_for_folder", id="a file for a folder"),
    pytest.param(
        ["roster", "import", "cbt", "--sitting", "x"], "console.folder_for_file", id="a folder for a file"
    ),
    pytest.param(
        ["bank", "template", "pyproject.toml"], "console.file_there", id="over a file that is there"
    ),
    pytest.param(
        ["bank", "template", "nowhere/a.xlsx"], "console.not_there", id="into a folder that is not there"
    ),
]


@pytest.mark.parametrize(("typed", "code"), REFUSED)
def test_what_is_mistyped_is_two_sentences_in_either_language_and_an_error_for_a_program(
    typed: list[str], code: str
) -> None:
    for language in LOCALES:
        said = run(*typed, language=language)
        assert (said.exit_code, said.stdout) == (2, "")
        what, fix = said.stderr.splitlines()
        assert not what.startswith("error.")
        assert not fix.startswith("error.")
        assert bool(HAN.search(what + fix)) is (language == "zh"), said.stderr
    words = next((count for count in (1, 2) if tuple(typed[:count]) in LEAVES), len(typed))
    told = run(*typed[:words], "--json", *typed[words:])
    assert (told.exit_code, told.stderr) == (2, "")
    error = json.loads(told.stdout)["error"]
    assert error.keys() == {"code", "what", "fix"}
    assert error["code"] == code


def test_json_stands_behind_the_command_and_elsewhere_is_told_so() -> None:
    for typed in (["--json", "sitting", "list"], ["sitting", "--json", "list"]):
        assert json.loads(run(*typed).stdout)["error"]["code"] == "console.json_place"


def test_a_group_alone_shows_what_it_holds() -> None:
    shown = run("bank")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert text("bank.cli.lint") in shown.stderr


def test_a_fault_nobody_foresaw_names_its_place_and_not_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("110101199003071234")

    monkeypatch.setattr("cbt.blueprints.commands.schema_text", broken)
    said = run("blueprint", "schema")
    assert said.exit_code == 70
    assert "builtins.RuntimeError" in said.stderr
    assert "cbt/blueprints/commands.py:" in said.stderr
    assert "110101" not in said.stderr
    assert "Traceback" not in said.stderr
    assert json.loads(run("blueprint", "schema", "--json").stdout)["error"]["code"] == "console.unforeseen"
