"""Only the edge reads a request, makes an answer and knows an address, in one way each; and it writes nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import flask
import pytest

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.http import views
from cbt.http.auth import access
from cbt.http.server import request_body
from cbt.items import media
from cbt.storage.engine import begin_installation
from tests.packaging.test_house import CHECKOUT, modules
from tests.packaging.test_pages import files
from tests.sources import nodes_of, tree_of

PRODUCT = CHECKOUT / "cbt"
FRAMES = {"http", "application"}
HELPERS = {
    "accounts/approvals/views.py",  # how a form gets its second person
    "accounts/navigation.py",  # the frame around a page of staff
    "accounts/sign_in.py",  # puts on record what an answer refused
    "jobs/answers.py",  # how a view has something done in the background
    "jobs/scheduler.py",  # the context of a periodic job tells its name to who counts
    "runner/paper/page.py",  # draws the page after the paper of nobody; draws the answer page of nobody
    "runner/replies.py",  # under which lease a request of the answer page comes; what the answer page is told
    "certificates/handler.py",  # a hot address: its handler, and the page the view draws of what it found
    "results/handler.py",  # the same
    "runner/news/handler.py",  # a hot address: its handler, and the view that asks it
    "runner/paper/handler.py",  # hot addresses whose pages the view draws with what came of the request
    "door/views.py",  # the cookie between two pages of the door
    "proctoring/board/page.py",  # what an open board is told
    "demo/world.py",  # makes the cookies of browsers that never asked
}
"""What views share beside the rooms of the edge, and who plays a browser."""
OF_A_REQUEST = re.compile(
    r"flask\.(request|g|session|flash|redirect|make_response|jsonify|render_template|Response|has_request_context)"
    r"|cbt\.http\.(forms|partials|downloads|problems)\..+|cbt\.http\.auth\.access\.tell_elsewhere"
    r"|cbt\.http\.auth\.login\.(signed_in|acting|current_principal|machine_id|remember|forget|why_signed_out)"
    r"|cbt\.http\.auth\.(machine\.current_machine|cookies\..+)"
)
WITHOUT_AN_APP = {
    "http/views.py": {views.PATH},
    "http/server/request_body.py": {request_body.HEALTH},
    "items/media.py": {media.PREFIX},
    "ops/doctor/server.py": {"/metrics", "/healthz"},
}
"""Addresses that are said where no map of addresses is at hand; each is held against it below."""
ONE_HOME = {
    "HX-Request": {"http/partials.py"},
    "Content-Disposition": {"http/downloads.py"},
    "web.signed_out": {
        "http/auth/login.py",
        "http/auth/access.py",
        "runner/start/batch.py",
        "runner/waiting/handler.py",
    },
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> flask.Flask:
    """The product with its map of addresses; no database is opened for it."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("edge") / "data")
    begin_installation(settings)
    return create_app(settings)


def product() -> dict[str, ast.Module]:
    """Return every module of the product by its path in it."""
    return {
        path.relative_to(PRODUCT).as_posix(): tree_of(path)
        for path in modules()
        if path.is_relative_to(PRODUCT)
    }


def is_view(name: str) -> bool:
    return name.endswith("views.py") or name == "runner/api.py"


def attributes(tree: ast.Module) -> set[tuple[str, str]]:
    """Return every `base.name` of a module."""
    return {
        (node.value.id, node.attr)
        for node in nodes_of(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


@cache
def names_in(tree: ast.Module) -> frozenset[str]:
    """Return the full names a module imports, and those it reaches through a module it imports."""
    known = {}
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            known |= {(one.asname or one.name).partition(".")[0]: one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            known |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    reached = {f"{known[base]}.{name}" for base, name in attributes(tree) if base in known}
    return frozenset({*known.values(), *reached})


def of_a_request(tree: ast.Module) -> set[str]:
    return {name for name in names_in(tree) if OF_A_REQUEST.fullmatch(name)}


def test_only_the_edge_reads_the_request_and_makes_the_answer() -> None:
    inside = {
        name: tree
        for name, tree in product().items()
        if not is_view(name) and name not in HELPERS and name.partition("/")[0] not in FRAMES
    }
    assert len(inside) > 200
    assert {name: found for name, tree in inside.items() if (found := of_a_request(tree))} == {}


@pytest.mark.parametrize("name", sorted(HELPERS))
def test_what_views_share_is_of_the_edge(name: str) -> None:
    assert of_a_request(product()[name])


def test_no_view_writes_or_queries() -> None:
    """It may open a session for reading, hand it to a store, and get a row by its number."""
    views = {name: tree for name, tree in product().items() if is_view(name)}
    assert len(views) > 10
    assert {name: found for name, tree in views.items() if (found := set(database_in(tree)))} == {}


def database_in(tree: ast.Module) -> Iterator[str]:
    """Yield what a module does with the database beside reading through others."""
    for name in names_in(tree):
        if name.startswith("sqlalchemy") or name.endswith(".unit_of_work"):
            yield name
    for base, name in attributes(tree):
        if base == "session" and name != "get_one":
            yield f"session.{name}"


def test_what_is_called_a_service_writes() -> None:
    services = {name: names_in(tree) for name, tree in product().items() if name.endswith("service.py")}
    assert len(services) > 5
    assert [
        name for name, used in services.items() if "cbt.storage.unit_of_work.unit_of_work" not in used
    ] == []


def address_pattern(app: flask.Flask) -> re.Pattern[str]:
    """Return what an address of `app` begins with."""
    heads = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()} - {""}
    return re.compile(rf"/(?:{'|'.join(map(re.escape, sorted(heads)))})(?![\w-])")


def declared(tree: ast.Module) -> set[ast.expr]:
    """Return the texts in which a module declares its routes."""
    texts: set[ast.expr] = set()
    for node in nodes_of(tree):
        if isinstance(node, ast.FunctionDef):
            texts |= {one.args[0] for one in node.decorator_list if isinstance(one, ast.Call) and one.args}
        elif isinstance(node, ast.keyword) and node.arg == "url_prefix":
            texts.add(node.value)
    return texts


def test_no_module_writes_an_address_by_hand(app: flask.Flask) -> None:
    address, found = address_pattern(app), {}
    for name, tree in product().items():
        routes = declared(tree)
        found[name] = {
            node.value
            for node in nodes_of(tree)
            if isinstance(node, ast.Constant) and node not in routes and address.match(str(node.value))
        }
    assert {name: texts for name, texts in found.items() if texts} == WITHOUT_AN_APP


@pytest.mark.parametrize("tree", ["templates", "static"])
def test_no_page_or_script_writes_an_address_by_hand(app: flask.Flask, tree: str) -> None:
    by_hand = re.compile(rf"""(?:["'`]{address_pattern(app).pattern}|(?:href|src|action)=["']/)[^"'`\n]*""")
    written = {name: by_hand.findall(text) for name, text in files(tree).items()}
    assert len(written) > 30
    assert {name: found for name, found in written.items() if found and not name.startswith("vendor/")} == {}


@pytest.mark.parametrize(
    ("path", "method", "endpoint"),
    [
        pytest.param(f"{media.PREFIX}a-name", "GET", "bank.media.send", id="a picture"),
        pytest.param(views.PATH, "GET", "trust.trust", id="how to trust it"),
        pytest.param(request_body.HEALTH, "GET", "health.healthz", id="how it is"),
    ],
)
def test_what_is_said_without_an_app_is_the_address(
    app: flask.Flask, path: str, method: str, endpoint: str
) -> None:
    assert app.url_map.bind("").match(path, method=method)[0] == endpoint


@pytest.mark.parametrize("text", sorted(ONE_HOME))
def test_the_edge_has_one_way(text: str) -> None:
    homes = {
        name
        for name, tree in product().items()
        if any(isinstance(node, ast.Constant) and node.value == text for node in nodes_of(tree))
    }
    assert homes == ONE_HOME[text]


def test_the_sources_of_catalogues_have_one_reader() -> None:
    readers = {
        path.relative_to(CHECKOUT).as_posix()
        for tree in ("cbt", "torture", "bench")
        for path in (CHECKOUT / tree).rglob("*.py")
        if any(name.startswith("babel.messages.pofile") for name in names_in(tree_of(path)))
    }
    assert readers == {"cbt/translations/compiler.py"}


def test_every_form_for_staff_makes_one_thing_however_often_it_arrives(app: flask.Flask) -> None:
    """A view that makes something need not ask for it: being for staff is enough
    (`cbt/http/form_posts/idempotency.py`)."""
    views = app.view_functions
    posts = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    kinds = {name: declared.kind for name in posts if (declared := access.access_of(app, name))}
    staff = {name for name, kind in kinds.items() if kind == "staff"}
    assert {
        "batches.shape.add",
        "sittings.centres.add_centre",
        "accounts.add_person",
        "proctoring.act",
    } <= staff
    assert {name for name in staff if not hasattr(views[name], "cbt_once")} == set()
    assert {name for name in posts - staff if hasattr(views[name], "cbt_once")} == set()


def test_every_form_that_changes_something_carries_what_csrf_draws() -> None:
    """Token and one-time key stand together in that macro, so whoever has the one has the other."""
    forms = {
        name: re.findall(r'<form[^>]*method="post".*?</form>', text, re.DOTALL)
        for name, text in files("templates").items()
    }
    assert sum(map(len, forms.values())) > 60
    bare = {name for name, found in forms.items() for form in found if "csrf()" not in form}
    assert bare == set()
