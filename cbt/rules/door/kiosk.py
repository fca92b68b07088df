"""The file of a kiosk browser (Safe Exam Browser), and how a server knows that a page was asked for with that file.

The file is a plain property list. Its Config Key is the SHA-256, in lower-case hexadecimal, of the settings as JSON
without white space and without escapes, sorted by their names whatever their case, less `originatorVersion` and
empty dictionaries; a request carries the SHA-256 of its URL, without a fragment, followed by that key.

Source: R-42.
"""

from __future__ import annotations

import hashlib
import plistlib
from collections.abc import Mapping
from hmac import compare_digest

HEADER = "X-SafeExamBrowser-ConfigKeyHash"
Value = str | int | bool | list["Value"] | dict[str, "Value"]
Settings = Mapping[str, Value]


def settings_for(origin: str) -> Settings:
    """Return the settings of a browser that shows the exam at `origin` and nothing else.

    Cookies and storage stay over a restart: a machine is known by its cookie, and what was not delivered waits in
    its storage.
    """
    host = origin.partition("//")[2]
    return {
        "originatorVersion": "cbt",
        "sebConfigPurpose": 0,
        "startURL": f"{origin}/",
        "sendBrowserExamKey": True,
        "examSessionClearCookiesOnStart": False,
        "examSessionClearCookiesOnEnd": False,
        "removeBrowserProfile": False,
        "URLFilterEnable": True,
        "URLFilterRules": [{"action": 1, "active": True, "expression": f"{host}/*", "regex": False}],
        "allowPreferencesWindow": False,
        "allowSpellCheck": False,
        "allowSwitchToApplications": False,
        "browserWindowAllowReload": True,
        "enableRightMouse": False,
        "enableZoomPage": True,
        "newBrowserWindowByLinkPolicy": 0,
        "showReloadButton": True,
        "showTaskBar": True,
        "showTime": True,
        "allowQuit": True,
    }


def file_of(settings: Settings) -> bytes:
    """Return settings as the file that the browser opens."""
    return plistlib.dumps(dict(settings), sort_keys=True)


def seb_json(value: Value | Settings) -> str:
    """Return a value as the text whose digest is the Config Key."""
    if isinstance(value, Mapping):
        pairs = sorted(value.items(), key=lambda pair: (pair[0].casefold(), pair[0]))
        kept = [(name, one) for name, one in pairs if one != {}]
        return "{" + ",".join(f'"{name}":{seb_json(one)}' for name, one in kept) + "}"
    if isinstance(value, list):
        return f"[{','.join(seb_json(one) for one in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else f'"{value}"'


def config_key(settings: Settings) -> str:
    """Return the Config Key of settings."""
    told = {name: value for name, value in settings.items() if name != "originatorVersion"}
    return hashlib.sha256(seb_json(told).encode()).hexdigest()


def matches(said: str, url: str, key: str) -> bool:
    """Return whether what a request says of itself is that of a browser with this key at this URL."""
    expected = hashlib.sha256((url.partition("#")[0] + key).encode()).hexdigest()
    return compare_digest(said.strip().lower().encode(), expected.encode())
