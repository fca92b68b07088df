"""Static files under a path that carries the hash of the whole tree: compressed once, cached for good."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import flask

from cbt.errors import NotFound
from cbt.web.addresses import path_of
from cbt.web.gzipping import unpacks
from cbt.web.static.joining import join_scripts, join_sheets
from cbt.web.who.access import public

pages = flask.Blueprint("assets", __name__)
_COMPRESSED = {".css", ".js", ".svg", ".json", ".txt"}


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    packed: bytes | None
    mimetype: str
    digest: str = ""
    """Its own, where it is no file of the tree."""


def read_tree(root: Path, entries: tuple[str, ...] = ()) -> tuple[dict[str, _Asset], str]:
    """Return every file below `root` by its name, and one digest over all of them.

    Beside each script of `entries` lies what it is joined to; a style sheet is sent with those it imports in it.
    """
    bodies = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in (sorted(root.rglob("*")) if root.is_dir() else [])
        if path.is_file()
    }
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

    def __init__(self, app: flask.Flask, root: Path, entries: tuple[str, ...] = ()) -> None:
        self._files, self.digest = read_tree(root, entries)
        path = path_of(app, "assets.static_file", digest=self.digest, name="")
        self._before, self._after = path.split(self.digest)
        self._makers: dict[str, Callable[[str], bytes | None]] = {}
        self._made: dict[str, _Asset] = {}

    def url(self, name: str) -> str:
        """Return the hashed URL of the static file `name`; raise NotFound when there is none."""
        found = self.get(name)
        if found is None:
            raise NotFound("web.no_asset", name=name)
        return f"{self._before}{found.digest or self.digest}{self._after}{name}"

    def made_by(self, folder: str, make: Callable[[str], bytes | None]) -> None:
        """Serve pages of a folder that are made when they are first asked for: the same bytes in every process.

        `make` is given a name without the folder and returns the page, or None where there is none of that name.
        """
        self._makers[folder] = make

    def styles_in(self, folder: str) -> list[str]:
        """Return the hashed URLs of the style sheets in a folder and below, by their names."""
        return [
            self.url(name) for name in self._files if name.startswith(f"{folder}/") and name.endswith(".css")
        ]

    def get(self, name: str) -> _Asset | None:
        """Return the file `name` with its compressed body, or None."""
        found = self._files.get(name) or self._made.get(name)
        if found is None:
            folder, _, rest = name.rpartition("/")
            make = self._makers.get(folder)
            body = make(rest) if make is not None else None
            if body is not None:
                own = hashlib.sha256(body).hexdigest()[:12]
                found = self._made[name] = _Asset(body, gzip.compress(body, 9, mtime=0), "text/html", own)
        return found


def init_assets(app: flask.Flask, root: Path, *, entries: tuple[str, ...] = ()) -> None:
    """Serve the tree below `root`, with the scripts of `entries` joined; give templates `asset` and `styles_in`."""
    app.register_blueprint(pages)
    assets = app.extensions["cbt_assets"] = Assets(app, root, entries)
    app.add_template_global(assets.url, "asset")
    app.add_template_global(assets.styles_in, "styles_in")


@pages.get("/static/<digest>/<path:name>")
@public
def static_file(digest: str, name: str) -> flask.Response:
    """Send one static file; an old digest gets the present file, uncached."""
    assets: Assets = flask.current_app.extensions["cbt_assets"]
    found = assets.get(name)
    if found is None:
        raise NotFound("web.no_page")
    packed = found.packed is not None and unpacks(flask.request.headers.get("Accept-Encoding"))
    response = flask.Response(found.packed if packed else found.body, mimetype=found.mimetype)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    fresh = digest == (found.digest or assets.digest)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if fresh else "no-cache"
    return response
