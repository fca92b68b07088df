"""What the product's code never does: the doors to whole kinds of attack that are not there.

Read from the syntax tree, so that no comment and no text is taken for code.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.sources import nodes_of, tree_of

ROOT = Path(__file__).parents[2]
APART = ("cbt/torture/", "cbt/demo/")
"""What breaks an installation on purpose, and what fills one for show: no part of a served page."""
OWN_PAGES = "cbt/ops/doctor/findings.py"
"""The doctor asks this installation's own pages, and those at an address that an administrator types."""
OWN_MACHINE = "cbt/rehearsal/http_client.py"
"""The candidates of a rehearsal are served by this machine: `strays` holds their line to that."""

DRAWN_BEFORE = "cbt/proctoring/board/parts.py"
"""The parts of a board, which this process drew of the same templates a moment before: escaped then."""
DRAWN_OF_FIGURES = "cbt/results/analysis/charts.py"
"""Charts: what is called safe there is a literal, and `format` escapes what comes into it (a case below)."""
OWN_LINE = ("cbt/runner/save/codec.py",)
"""Numbers and texts between processes of one server over a socket that only its own user's processes get
(tests/db/test_write_line.py::test_an_owner_of_another_user_is_not_believed): no request's bytes are read so."""

IN_A_CHILD = (
    "cbt/interchange/markdown.py",
    "cbt/interchange/text.py",
    "cbt/interchange/html_reader.py",
    "cbt/interchange/word/reader.py",
    "cbt/spreadsheets/table_reader.py",
)
"""Banks in XML are read in a confined child (tests/bank/test_open_hostile.py, tests/bank/field_texts)."""


@cache
def modules() -> dict[str, ast.Module]:
    """Return the syntax tree of every module by its path below the root."""
    return {path.relative_to(ROOT).as_posix(): tree_of(path) for path in sorted((ROOT / "cbt").rglob("*.py"))}


@cache
def imported(tree: ast.Module) -> set[str]:
    """Return the names of all modules that are imported, `a.b` for `from a import b` too."""
    found = set()
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return found


@cache
def calls(tree: ast.Module) -> list[tuple[str, ast.Call]]:
    """Return every call with the dotted name that is called."""
    return [(dotted(node.func), node) for node in nodes_of(tree) if isinstance(node, ast.Call)]


def dotted(node: ast.expr) -> str:
    """Return the text of what is called; nearly all are plain names, which need not be put together again."""
    names, first = [], node
    while isinstance(first, ast.Attribute):
        names.append(first.attr)
        first = first.value
    return ".".join((first.id, *reversed(names))) if isinstance(first, ast.Name) else ast.unparse(node)


def texts(tree: ast.Module) -> Iterator[str]:
    """Yield every text literal."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def packages(tree: ast.Module) -> set[str]:
    """Return the names of all modules that are imported, and of the packages that hold them."""
    return {".".join(one.split(".")[:end]) for one in imported(tree) for end in range(1, one.count(".") + 2)}


@cache
def names_called(tree: ast.Module) -> set[str]:
    """Return the dotted names that are called."""
    return {name for name, _ in calls(tree)}


def imports(*names: str) -> Callable[[ast.Module], bool]:
    return lambda tree: not packages(tree).isdisjoint(names)


def called(*names: str) -> Callable[[ast.Module], bool]:
    return lambda tree: not names_called(tree).isdisjoint(names)


def keyword(name: str, value: object) -> Callable[[ast.Module], bool]:
    def has(tree: ast.Module) -> bool:
        return any(
            one.arg == name and isinstance(one.value, ast.Constant) and one.value.value is value
            for _, call in calls(tree)
            for one in call.keywords
        )

    return has


def joined_statement(tree: ast.Module) -> bool:
    """A statement joined from a value that is not a name of a table, a column or a place for a value."""
    for name, call in calls(tree):
        if name.split(".")[-1] in {"text", "execute", "exec_driver_sql", "executemany"} and call.args:
            first = call.args[0]
            if isinstance(first, ast.BinOp) and isinstance(first.op, ast.Mod):
                return True
            if isinstance(first, ast.Call) and ast.unparse(first.func).endswith(".format"):
                return True
    return False


def bare_cookie(tree: ast.Module) -> bool:
    """A cookie without HttpOnly and SameSite."""
    return any(
        not {"httponly", "samesite"} <= {one.arg for one in call.keywords}
        for name, call in calls(tree)
        if name.endswith("response.set_cookie")
    )


def literal_secret(tree: ast.Module) -> bool:
    """A password or key written into the code."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            value = node.value.value
            for target in node.targets:
                name = ast.unparse(target).lower()
                secret = name.split(".")[-1] in {"password", "secret", "secret_key", "token", "api_key"}
                if secret and isinstance(value, str) and value:
                    return True
    return False


def world_writable(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Constant) and node.value in {0o777, 0o666} and not isinstance(node.value, bool)
        for node in nodes_of(tree)
    )


def weak_cipher(tree: ast.Module) -> bool:
    weak = ("md5", "sha1", "DES", "ECB", "RC4", "Blowfish", "PKCS1v15")
    named = {one.split(".")[-1] for one, _ in calls(tree)} | {one.split(".")[-1] for one in imported(tree)}
    return bool(named & set(weak)) or any(text.lower() in {"md5", "sha1"} for text in texts(tree))


def shared_random(tree: ast.Module) -> bool:
    """The generator everybody can foretell; a `random.Random` that is handed in shuffles, and guards nothing."""
    return any(
        one.startswith("random.") and not one.startswith(("random.Random", "random.SystemRandom"))
        for one, _ in calls(tree)
    )


def strays(tree: ast.Module) -> bool:
    """A line that could lead to another machine than this: by anything but plain connections to a fixed HOST.

    http.client follows no redirect and asks no proxy of the environment: a connection leads where its first
    argument says, unless it is given a tunnel or another socket.
    """
    opened = [call for name, call in calls(tree) if name.endswith("Connection")]
    plain = [
        call
        for name, call in calls(tree)
        if name == "http.client.HTTPConnection"
        and [ast.unparse(one) for one in call.args[:1]] == ["HOST"]
        and not {one.arg for one in call.keywords} - {"timeout"}
    ]
    fixed = [one for one in tree.body if ast.unparse(one) == "HOST = '127.0.0.1'"]
    given = [
        node
        for node in nodes_of(tree)
        if (isinstance(node, ast.Name) and node.id == "HOST" and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.arg) and node.arg == "HOST")
    ]
    led_away = {"set_tunnel", "sock", "host", "create_connection", "_create_connection"}
    touched = {node.attr for node in nodes_of(tree) if isinstance(node, ast.Attribute)} & led_away
    other = imports(
        "socket", "ssl", "asyncio", "subprocess", "urllib.request", "requests", "httpx", "urllib3"
    )
    return not plain or opened != plain or not fixed or len(given) != 1 or bool(touched) or other(tree)


NEVER: dict[str, tuple[Callable[[ast.Module], bool], tuple[str, ...]]] = {
    "text that is run (eval, exec)": (called("eval", "exec", "compile", "__import__"), ()),
    "objects read back from bytes (pickle, marshal, shelve)": (
        imports("pickle", "marshal", "shelve", "dill"),
        OWN_LINE,
    ),
    "YAML": (imports("yaml", "ruamel"), ()),
    "XML": (imports("xml", "lxml", "defusedxml", "xmltodict"), IN_A_CHILD),
    "a shell": (called("os.system", "os.popen", "subprocess.getoutput"), ()),
    "a command line as one text": (keyword("shell", True), ()),
    "requests to other servers": (
        imports("urllib.request", "http.client", "requests", "httpx", "aiohttp", "urllib3"),
        (*APART, OWN_PAGES, OWN_MACHINE),
    ),
    "mail": (imports("smtplib", "imaplib", "poplib", "email.mime"), ()),
    "directories of people (LDAP)": (imports("ldap", "ldap3"), ()),
    "a cache server": (imports("redis", "memcache", "pymemcache", "pylibmc"), ()),
    "web sockets, GraphQL or WebRTC": (imports("websockets", "graphql", "strawberry", "graphene", "aiortc"), ()),
    "OAuth, SAML or JSON web tokens": (imports("authlib", "oauthlib", "jwt", "jose", "saml2", "onelogin"), ()),
    "templates made of text": (called("flask.render_template_string", "render_template_string"), ()),
    "text that is called safe": (
        called("Markup", "markupsafe.Markup", "flask.Markup"),
        (*APART, DRAWN_BEFORE, DRAWN_OF_FIGURES),
    ),
    "a debugger": (keyword("debug", True), ()),
    "a server for development": (called("app.run", "flask.run"), ()),
    "weak digests and ciphers": (weak_cipher, ()),
    "chance that can be foretold": (shared_random, APART),
    "certificates that are not checked": (keyword("verify", False), APART),
    "unchecked TLS": (called("ssl._create_unverified_context"), ()),
    "statements put together from values": (joined_statement, ()),
    "cookies open to scripts or other sites": (bare_cookie, ()),
    "secrets in the code": (literal_secret, ()),
    "files for everybody": (world_writable, ()),
    "temporary files that can be foretold": (called("tempfile.mktemp", "os.tempnam"), ()),
    "archives unpacked by their own paths": (
        called("archive.extractall", "zipfile.extractall", "shutil.unpack_archive"),
        (),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("does", "apart"), [pytest.param(*one, id=name) for name, one in NEVER.items()])
def test_no_module_has(does: Callable[[ast.Module], bool], apart: tuple[str, ...]) -> None:
    sinners = [
        path for path, tree in modules().items() if not path.startswith(apart or ("-",)) and does(tree)
    ]
    assert len(modules()) > 200
    assert sinners == []


SEEN = {
    "text that is run (eval, exec)": "eval('1')",
    "objects read back from bytes (pickle, marshal, shelve)": "from pickle import loads",
    "XML": "import xml.etree.ElementTree",
    "a command line as one text": "run('ls', shell=True)",
    "requests to other servers": "import urllib.request",
    "weak digests and ciphers": "hashlib.md5(b'')",
    "chance that can be foretold": "random.choice('ab')",
    "statements put together from values": "session.execute('SELECT %s' % name)",
    "cookies open to scripts or other sites": "response.set_cookie('a', 'b')",
    "secrets in the code": "password = 'x'",
    "files for everybody": "os.chmod(path, 0o777)",
    "a debugger": "app.run(debug=True)",
    "templates made of text": "flask.render_template_string(text)",
}


@pytest.mark.parametrize("name", list(SEEN))
def test_the_search_sees_it(name: str) -> None:
    assert NEVER[name][0](ast.parse(SEEN[name]))


def test_charts_call_nothing_safe_but_literals() -> None:
    called_safe = [call for name, call in calls(modules()[DRAWN_OF_FIGURES]) if name == "Markup"]
    assert called_safe
    assert all(isinstance(one, ast.Constant) for call in called_safe for one in call.args)


def test_the_line_of_a_rehearsal_leads_to_this_machine_alone() -> None:
    assert not strays(modules()[OWN_MACHINE])


STRAYING = {
    "a host that a caller names": (
        "http.client.HTTPConnection(HOST,",
        "http.client.HTTPConnection(self._host,",
    ),
    "a host by keyword": ("http.client.HTTPConnection(HOST,", "http.client.HTTPConnection(host=HOST, port="),
    "another kind of connection": ("http.client.HTTPConnection(HOST,", "http.client.HTTPSConnection(HOST,"),
    "another constant": ('HOST = "127.0.0.1"', 'HOST = "10.0.0.1"'),
    "every address": ('HOST = "127.0.0.1"', 'HOST = "0.0.0.0"'),
    "a constant set twice": ('HOST = "127.0.0.1"', 'HOST = "127.0.0.1"\nHOST = "10.0.0.1"'),
    "an argument of its name": ("port: Callable[[], int])", "port: Callable[[], int], HOST: str)"),
    "a tunnel": (
        "            self._line.request(",
        "            self._line.set_tunnel(path)\n            self._line.request(",
    ),
    "a socket of its own": ("import math", "import math\nimport socket"),
}


@pytest.mark.parametrize("name", list(STRAYING))
def test_a_line_that_could_lead_elsewhere_is_seen(name: str) -> None:
    before, after = STRAYING[name]
    source = (ROOT / OWN_MACHINE).read_text("utf-8")
    assert source.count(before) == 1
    assert strays(ast.parse(source.replace(before, after)))
