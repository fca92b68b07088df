"""The static files of pages: read once at start, scripts and style sheets joined, named by one digest.

Joined, a page asks for two files instead of fifty. Nothing is compiled: every module becomes a function that
is called once, in the order in which a browser would run them, and lines that are remarks alone are left out.
What is not written as the house writes its modules is refused (ValueError) rather than guessed: no default,
star or changing export, no import but at the beginning of a line, no text over several lines, no circle.
"""

from __future__ import annotations

import fnmatch
import gzip
import hashlib
import mimetypes
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import flask

from cbt.errors import NotFound
from cbt.http.app_context import path_of
from cbt.http.auth.access import public
from cbt.http.responses import unpacks

_JOINED = ".joined.js"
_IMPORT = re.compile(r'^import (?:\{([^{}]*)\} from )?"(\.[^"\n]+)";[ \t]*$\n?', re.MULTILINE)
_LATER = re.compile(r'\bimport\("(\.[^"\n]+)"\)')
_DECLARED = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) ([\w$]+))", re.MULTILINE)
_LISTED = re.compile(r"^export \{([^{}]*)\};[ \t]*$\n?", re.MULTILINE)
_CONSTANT = r"^(?:export )?(?:(?:async )?function\*?|class|const) {}\b"
_LEFT = re.compile(r"^\s*(?:import\b(?!\()|export\b)", re.MULTILINE)
_INDENTED = re.compile(r"^[ \t]+(?:import\b(?!\()|export\b)", re.MULTILINE)
_REMARK = re.compile(r"^[ \t]*(?://.*|/\*(?:(?!\*/)[\s\S])*\*/[ \t]*)\n", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]+|\n(?=\n)", re.MULTILINE)
_SHEET = re.compile(r'^@import "(\.[^"\n]+)";[ \t]*$\n?', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Module:
    name: str
    takes: tuple[tuple[str, Mapping[str, str]], ...]
    """The modules it imports, each with what it calls their exports."""
    gives: Mapping[str, str]
    """What its exports are called in it."""
    later: frozenset[str]
    text: str
    """Without imports."""
    body: str
    """Without exports, too."""


def join_scripts(files: Mapping[str, str], entry: str) -> dict[str, str]:
    """Return the script that holds `entry` and all it imports, and beside it those loaded later, by their names.

    A module that is loaded later and what only such a module imports stay files of their own, which take from the
    joined script what is in it: no module is there twice.
    """
    modules: dict[str, _Module] = {}
    order: list[str] = []
    _visit(files, entry, modules, order, ())
    inside = {name: f"joined${number}" for number, name in enumerate(order)}
    apart: list[str] = []
    waiting = sorted({name for one in modules.values() for name in one.later})
    while waiting:
        name = waiting.pop()
        if name in inside:
            raise ValueError(f"{name} is loaded later and is there from the beginning")
        if name not in apart:
            apart.append(name)
            modules[name] = _read(files, name)
            waiting += [*modules[name].later, *(one for one, _ in modules[name].takes if one not in inside)]
    main = joined_name(entry)
    scripts = {main: _joined(modules, order, inside, main)}
    return scripts | {joined_name(name): _beside(modules[name], inside, main) for name in apart}


def join_sheets(files: Mapping[str, str], name: str) -> str:
    """Return a style sheet with the sheets in it that it imports; `*` is all of a folder, by their names."""

    def taken_in(match: re.Match[str]) -> str:
        wanted = _at(name, match[1])
        sheets = sorted(fnmatch.filter(files, wanted)) if wanted.endswith("/*.css") else [wanted]
        return "".join(map(stripped, sheets))

    def stripped(inner: str) -> str:
        if inner not in files or "url(" in files[inner] or "@import" in files[inner]:
            raise ValueError(f"{name} cannot take in {inner}")
        return _stripped(files[inner])

    return _SHEET.sub(taken_in, files[name])


def _visit(
    files: Mapping[str, str], name: str, modules: dict[str, _Module], order: list[str], above: tuple[str, ...]
) -> None:
    if name in above:
        raise ValueError(f"a circle of imports: {' → '.join([*above, name])}")
    if name in order:
        return
    module = modules[name] = _read(files, name)
    if "import.meta" in module.text:
        raise ValueError(f"{name} asks where it lies")
    for needed, names in module.takes:
        _visit(files, needed, modules, order, (*above, name))
        missing = names.keys() - modules[needed].gives.keys()
        if missing:
            raise ValueError(f"{name}: {needed} has no {', '.join(sorted(missing))}")
    order.append(name)


def _read(files: Mapping[str, str], name: str) -> _Module:
    if name not in files:
        raise ValueError(f"there is no {name}")
    if any(line.count("`") % 2 for line in files[name].splitlines()):
        raise ValueError(f"{name}: a text over several lines")
    if _INDENTED.search(_REMARK.sub("", files[name])):
        raise ValueError(f"{name}: an import or export that is not at the beginning of a line")
    source = _stripped(files[name])
    takes = tuple((_at(name, one[2]), _names(one[1] or "")) for one in _IMPORT.finditer(source))
    text = _IMPORT.sub("", source)
    gives = {one[1]: one[1] for one in _DECLARED.finditer(text)}
    for match in _LISTED.finditer(text):
        gives |= {outside: inside for inside, outside in _names(match[1]).items()}
    for inner in gives.values():
        if not re.search(_CONSTANT.format(re.escape(inner)), text, re.MULTILINE):
            raise ValueError(f"{name}: {inner} may change")
    body = _LISTED.sub("", _DECLARED.sub("", text))
    if _LEFT.search(body):
        raise ValueError(f"{name}: {_LEFT.search(body)!r}")
    later = frozenset(_at(name, one[1]) for one in _LATER.finditer(text))
    return _Module(name, takes, gives, later, text, body)


def _joined(modules: Mapping[str, _Module], order: list[str], inside: Mapping[str, str], main: str) -> str:
    parts = []
    for name in order:
        module = modules[name]
        taken = "".join(
            f"const {_pattern(names)} = {inside[needed]};\n" for needed, names in module.takes if names
        )
        body = taken + _later(module.body, name, main)
        if name == order[-1]:
            parts.append(f"{{\n{body}}}\n")  # the last may wait at its top level
        else:
            parts.append(
                f"const {inside[name]} = (() => {{\n{body}return {_pattern(module.gives)};\n}})();\n"
            )
    shared = ", ".join(inside[name] for name in order[:-1])
    return "".join(parts) + (f"export {{ {shared} }};\n" if shared else "")


def _beside(module: _Module, inside: Mapping[str, str], main: str) -> str:
    lines = []
    for needed, names in module.takes:
        if needed in inside:
            own = inside[needed]
            lines += [
                f'import {{ {own} }} from "{_to(module.name, main)}";\n',
                f"const {_pattern(names)} = {own};\n",
            ]
        else:
            taken = _pattern(names).replace(":", " as")
            lines.append(f'import {taken} from "{_to(module.name, joined_name(needed))}";\n')
    return "".join(lines) + _later(module.text, module.name, module.name)


def _later(text: str, name: str, home: str) -> str:
    return _LATER.sub(lambda one: f'import("{_to(home, joined_name(_at(name, one[1])))}")', text)


def _names(listed: str) -> dict[str, str]:
    """Return what stands in the braces of an import or export: by the first name the second, or the same."""
    names = {}
    for text in filter(None, (part.strip() for part in listed.split(","))):
        first, _, second = text.partition(" as ")
        if not re.fullmatch(r"[\w$]+", first) or (second and not re.fullmatch(r"[\w$]+", second.strip())):
            raise ValueError(f"not a name: {text}")
        names[first] = second.strip() or first
    return names


def _pattern(names: Mapping[str, str]) -> str:
    shown = (outside if outside == called else f"{outside}: {called}" for outside, called in names.items())
    return f"{{ {', '.join(shown)} }}"


def _stripped(text: str) -> str:
    return _INDENT.sub("", _REMARK.sub("", text if text.endswith("\n") else f"{text}\n"))


def joined_name(name: str) -> str:
    """Return under which name the script that `name` is joined to lies beside it."""
    return name.removesuffix(".js") + _JOINED


def _at(name: str, step: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), step))


def _to(name: str, target: str) -> str:
    step = posixpath.relpath(target, posixpath.dirname(name) or ".")
    return step if step.startswith(".") else f"./{step}"


pages = flask.Blueprint("assets", __name__)
_COMPRESSED = {".css", ".js", ".svg", ".json", ".txt"}


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    packed: bytes | None
    mimetype: str
    digest: str = ""
    """Its own, where it is no file of the tree."""


Parts = tuple[tuple[str, str], ...]
"""Scripts and sheets that lie elsewhere, each after the name under which it is served."""


def read_tree(root: Path, entries: tuple[str, ...] = (), parts: Parts = ()) -> tuple[dict[str, _Asset], str]:
    """Return every file below `root`, and `parts`, by its name, and one digest over all of them.

    Beside each script of `entries` lies what it is joined to; a style sheet is sent with those it imports in it.
    """
    bodies = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in (sorted(root.rglob("*")) if root.is_dir() else [])
        if path.is_file()
    }
    bodies |= {name: text.encode() for name, text in parts}
    texts = {name: body.decode() for name, body in bodies.items() if name.endswith((".js", ".css"))}
    bodies |= {name: join_sheets(texts, name).encode() for name in texts if name.endswith(".css")}
    for entry in entries:
        bodies |= {name: text.encode() for name, text in join_scripts(texts, entry).items()}
    digest = hashlib.sha256()
    files: dict[str, _Asset] = {}
    for name, body in bodies.items():
        digest.update(name.encode() + b"\0" + body)
        suffix = Path(name).suffix
        packed = gzip.compress(body, 9, mtime=0) if suffix in _COMPRESSED else None
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        files[name] = _Asset(body, packed, "text/javascript" if suffix == ".js" else kind)
    return files, digest.hexdigest()[:12]


class Assets:
    """The static tree, read once at start; one digest over all of it makes relative imports work."""

    def __init__(
        self, app: flask.Flask, root: Path, entries: tuple[str, ...] = (), parts: Parts = ()
    ) -> None:
        self._files, self.digest = read_tree(root, entries, parts)
        path = path_of(app, "assets.static_file", digest=self.digest, name="")
        self._before, self._after = path.split(self.digest)
        self._makers: dict[str, Callable[[str], bytes | None]] = {}
        self._made: dict[str, _Asset] = {}
        self.scopes: dict[str, str] = {}
        """Below which address a script may stand before the pages (a service worker), by its name."""

    def url(self, name: str) -> str:
        """Return the hashed URL of the static file `name`; raise NotFound when there is none."""
        asset = self.get(name)
        if asset is None:
            raise NotFound("web.no_asset", name=name)
        return f"{self._before}{asset.digest or self.digest}{self._after}{name}"

    def made_by(self, folder: str, make: Callable[[str], bytes | None]) -> None:
        """Serve pages of a folder that are made when they are first asked for: the same bytes in every process.

        `make` is given a name without the folder and returns the page, or None where there is none of that name.
        """
        self._makers[folder] = make

    def styles_in(self, folder: str) -> list[str]:
        return [
            self.url(name) for name in self._files if name.startswith(f"{folder}/") and name.endswith(".css")
        ]

    def get(self, name: str) -> _Asset | None:
        """Return the file `name` with its compressed body, or None."""
        asset = self._files.get(name) or self._made.get(name)
        if asset is None:
            folder, _, rest = name.rpartition("/")
            make = self._makers.get(folder)
            body = make(rest) if make is not None else None
            if body is not None:
                own = hashlib.sha256(body).hexdigest()[:12]
                asset = self._made[name] = _Asset(body, gzip.compress(body, 9, mtime=0), "text/html", own)
        return asset


def init_assets(app: flask.Flask, root: Path, *, entries: tuple[str, ...] = (), parts: Parts = ()) -> None:
    """Serve the tree below `root` and `parts`, with the scripts of `entries` joined; give templates `asset` and
    `styles_in`."""
    app.register_blueprint(pages)
    assets = app.extensions["cbt_assets"] = Assets(app, root, entries, parts)
    app.add_template_global(assets.url, "asset")
    app.add_template_global(assets.styles_in, "styles_in")


@pages.get("/static/<digest>/<path:name>")
@public
def static_file(digest: str, name: str) -> flask.Response:
    """Send one static file; an old digest gets the present file, uncached."""
    assets: Assets = flask.current_app.extensions["cbt_assets"]
    asset = assets.get(name)
    if asset is None:
        raise NotFound("web.no_page")
    packed = asset.packed is not None and unpacks(flask.request.headers.get("Accept-Encoding"))
    response = flask.Response(asset.packed if packed else asset.body, mimetype=asset.mimetype)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    fresh = digest == (asset.digest or assets.digest)
    if name in assets.scopes:  # it lies elsewhere than the pages that it is for
        response.headers["Service-Worker-Allowed"] = assets.scopes[name]
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if fresh else "no-cache"
    return response
