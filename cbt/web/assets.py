"""Static files under a path that carries the hash of the whole tree: compressed once, cached for good."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

import flask

from cbt.errors import NotFound
from cbt.web.addresses import path_of
from cbt.web.gzipping import unpacks
from cbt.web.who.access import public

pages = flask.Blueprint("assets", __name__)
_COMPRESSED = {".css", ".js", ".svg", ".json", ".txt"}


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    packed: bytes | None
    mimetype: str


def read_tree(root: Path) -> tuple[dict[str, _Asset], str]:
    """Return every file below `root` by its name, and one digest over all of them."""
    files: dict[str, _Asset] = {}
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")) if root.is_dir() else []:
        if path.is_file():
            name = path.relative_to(root).as_posix()
            body = path.read_bytes()
            digest.update(name.encode() + b"\0" + body)
            packed = gzip.compress(body, 9, mtime=0) if path.suffix in _COMPRESSED else None
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            files[name] = _Asset(body, packed, "text/javascript" if path.suffix == ".js" else kind)
    return files, digest.hexdigest()[:12]


class Assets:
    """The static tree, read once at start; one digest over all of it makes relative imports work."""

    def __init__(self, app: flask.Flask, root: Path) -> None:
        self._files, self.digest = read_tree(root)
        self._prefix = path_of(app, "assets.static_file", digest=self.digest, name="")

    def url(self, name: str) -> str:
        """Return the hashed URL of the static file `name`; raise NotFound when there is none."""
        if name not in self._files:
            raise NotFound("web.no_asset", name=name)
        return f"{self._prefix}{name}"

    def styles_in(self, folder: str) -> list[str]:
        """Return the hashed URLs of the style sheets in a folder and below, by their names."""
        return [
            self.url(name) for name in self._files if name.startswith(f"{folder}/") and name.endswith(".css")
        ]

    def get(self, name: str) -> _Asset | None:
        """Return the file `name` with its compressed body, or None."""
        return self._files.get(name)


def init_assets(app: flask.Flask, root: Path) -> None:
    """Serve the tree below `root` and give templates `asset(name)` and `styles_in(folder)`."""
    app.register_blueprint(pages)
    assets = app.extensions["cbt_assets"] = Assets(app, root)
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
    fresh = digest == assets.digest
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if fresh else "no-cache"
    return response
