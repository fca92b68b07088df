"""What is joined into one script runs as its modules would; what is not plain is refused, never guessed."""

from __future__ import annotations

import gzip
import re

import pytest
from flask.testing import FlaskClient

from cbt.http.static import join_scripts, join_sheets
from cbt.items.types.answer_page import answer_parts
from cbt.paths import product_dir
from cbt.runner.views import ENTRY
from tests.world import World

REAL = dict(answer_parts()) | {
    path.relative_to(product_dir("static")).as_posix(): path.read_text("utf-8")
    for path in product_dir("static").rglob("*")
    if path.suffix in {".js", ".css"}
}


def test_modules_become_functions_called_in_order_and_none_is_there_twice() -> None:
    files = {
        "a/main.js": 'import { twice } from "./b.js";\nimport { one as first } from "../c.js";\n'
        "// a remark\nawait twice(first);\nexport { run };\nasync function run() {\n"
        '  return import("./later/d.js"); // stays\n}\n',
        "a/b.js": 'import { one } from "../c.js";\nconst inner = 2;\n'
        "export const twice = (n) => n * inner + one;\nexport { inner as two };\n",
        "c.js": "/** What it is.\n *  import of nothing */\nexport const one = 1;\nexport class Two {}\n",
        "a/later/d.js": 'import { one } from "../../c.js";\nimport { e as other } from "./e.js";\n'
        'const STYLE = new URL("./d.css", import.meta.url);\nexport const d = [one, other, STYLE];\n',
        "a/later/e.js": 'import "../b.js";\nexport function e() {}\n',
    }
    joined = join_scripts(files, "a/main.js")
    assert joined == {
        "a/main.joined.js": (
            "const joined$0 = (() => {\nconst one = 1;\nclass Two {}\nreturn { one, Two };\n})();\n"
            "const joined$1 = (() => {\nconst { one } = joined$0;\nconst inner = 2;\n"
            "const twice = (n) => n * inner + one;\nreturn { twice, two: inner };\n})();\n"
            "{\nconst { twice } = joined$1;\nconst { one: first } = joined$0;\nawait twice(first);\n"
            'async function run() {\nreturn import("./later/d.joined.js"); // stays\n}\n}\n'
            "export { joined$0, joined$1 };\n"
        ),
        "a/later/d.joined.js": (
            'import { joined$0 } from "../main.joined.js";\nconst { one } = joined$0;\n'
            'import { e as other } from "./e.joined.js";\n'
            'const STYLE = new URL("./d.css", import.meta.url);\nexport const d = [one, other, STYLE];\n'
        ),
        "a/later/e.joined.js": (
            'import { joined$1 } from "../main.joined.js";\nconst {  } = joined$1;\nexport function e() {}\n'
        ),
    }


HOSTILE = {
    "a circle": {
        "m.js": 'import { a } from "./n.js";\n',
        "n.js": 'import { b } from "./m.js";\nexport const a = 1;\n',
    },
    "itself": {"m.js": 'import { a } from "./m.js";\nexport const a = 1;\n'},
    "nothing there": {"m.js": 'import { a } from "./gone.js";\n'},
    "no such export": {"m.js": 'import { a } from "./n.js";\n', "n.js": "export const b = 1;\n"},
    "a default": {"m.js": 'import a from "./n.js";\n', "n.js": "export default 1;\n"},
    "a default export": {
        "m.js": 'import { a } from "./n.js";\n',
        "n.js": "export default 1;\nexport const a = 1;\n",
    },
    "everything": {"m.js": 'import * as a from "./n.js";\n', "n.js": "export const a = 1;\n"},
    "passed on": {"m.js": 'export { a } from "./n.js";\n', "n.js": "export const a = 1;\n"},
    "what may change": {"m.js": 'import { a } from "./n.js";\n', "n.js": "export let a = 1;\n"},
    "what may change, by its name": {
        "m.js": 'import { a } from "./n.js";\n',
        "n.js": "let a = 1;\nexport { a };\n",
    },
    "taken apart": {"m.js": 'import { a } from "./n.js";\n', "n.js": "export const { a } = window;\n"},
    "indented": {"m.js": "if (true) {\n  export const a = 1;\n}\n"},
    "from elsewhere": {"m.js": 'import { a } from "https://example.org/x.js";\n'},
    "two on a line": {
        "m.js": 'import { a } from "./n.js"; import { b } from "./n.js";\n',
        "n.js": "export const a = 1;\n",
    },
    "a text over lines": {
        "m.js": 'const a = `\nimport { b } from "./n.js";\n`;\n',
        "n.js": "export const b = 1;\n",
    },
    "a name that is code": {
        "m.js": 'import { a as b = 1 } from "./n.js";\n',
        "n.js": "export const a = 1;\n",
    },
    "where it lies": {"m.js": "const a = import.meta.url;\n"},
    "later and now": {
        "m.js": 'import { a } from "./n.js";\nimport("./n.js");\n',
        "n.js": "export const a = 1;\n",
    },
    "later, not there": {"m.js": 'import("./n.js");\n'},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_not_plain_is_refused(case: str) -> None:
    with pytest.raises(ValueError):
        join_scripts(HOSTILE[case], "m.js")


def test_the_answer_page_is_joined_whole() -> None:
    """Every module of it is in the one script once, and every one that is loaded later takes from it."""
    joined = join_scripts(REAL, ENTRY)
    main = joined["runner/main.joined.js"]
    assert not re.search(r"^\s*(import|export) (?!\{ joined\$)", main, re.MULTILINE)
    exports = [
        name for text in REAL.values() for name in re.findall(r"^export class (\w+)", text, re.MULTILINE)
    ]
    there = [name for name in exports if f"class {name} " in main]
    assert len(there) > 10
    assert all(main.count(f"class {name} ") == 1 for name in there)
    assert {name for name in joined if "tools" in name} == {
        name.replace(".js", ".joined.js") for name in REAL if re.fullmatch(r"runner/tools/\w+\.js", name)
    }
    assert all('from "../main.joined.js"' in text for name, text in joined.items() if "tools" in name)
    assert len(gzip.compress(main.encode(), 9)) < 43_000


def test_a_sheet_holds_those_it_imports_in_their_order() -> None:
    files = {
        "a/page.css": '/* look */\n@import "../b.css";\n@import "./c.css";\np { top: 0; }\n',
        "b.css": "/* a remark\n   on two lines */\nb { left: 0; } /* said */\n",
        "a/c.css": "c {\n  right: 0;\n}\n",
    }
    assert join_sheets(files, "a/page.css") == (
        "/* look */\nb { left: 0; } /* said */\nc {\nright: 0;\n}\np { top: 0; }\n"
    )
    for hostile in ({}, {"b.css": 'b { background: url("x.png"); }'}, {"b.css": '@import "./c.css";'}):
        with pytest.raises(ValueError):
            join_sheets({"page.css": '@import "./b.css";\n', **hostile}, "page.css")


def test_the_sheet_of_the_answer_page_has_every_type_of_item() -> None:
    sheet = join_sheets(REAL, "runner/page.css")
    styles = [text for name, text in REAL.items() if re.fullmatch(r"runner/items/\w+\.css", name)]
    assert len(styles) > 5
    assert {text.splitlines()[-1].strip() in sheet for text in styles} == {True}


def test_the_page_asks_for_what_was_joined(world: World) -> None:
    world.admit_all()
    world.start()
    client: FlaskClient = world.candidate("theory")
    page = client.get(f"/exam/{world.sitters['theory'].attempt_ref}").text
    files = re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css))"', page)
    assert [name.rpartition("/")[2] for name in files] == ["page.css", "main.joined.js"]
    for name in files:
        reply = client.get(name, headers={"Accept-Encoding": "gzip"})
        assert "immutable" in reply.headers["Cache-Control"]
        assert reply.headers["Content-Encoding"] == "gzip"
        assert b"@import" not in gzip.decompress(reply.data)
