"""Whatever happens to a browser, its machine or its network: an answer that was typed arrives, once, in order."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.journeys.answers import places_of
from tests.journeys.browsers import Browsers
from tests.journeys.candidate import SAVED, Candidate
from tests.journeys.centre import Centre
from tests.journeys.seated import begin, evidence_of, journal_of, seat
from tests.world import PLANNED
from torture.sites.waiting import wait_for

pytestmark = pytest.mark.journey

CUT = "ERR_INTERNET_DISCONNECTED"
HOUR_MS = 3_600_000
OFF = """Object.defineProperty(window, "indexedDB", { get() { throw new DOMException("off", "SecurityError"); } });
Object.defineProperty(window, "localStorage", { get() { throw new DOMException("off", "SecurityError"); } });"""
FULL = """window.diskFull = false;
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (...given) {
    if (window.diskFull) throw new DOMException("full", "QuotaExceededError");
    return put.apply(this, given);
};"""

STORED = """async () => {
    const local = JSON.stringify(Object.entries(window.localStorage)).replaceAll('\\\\"', '"');
    try { if (!window.indexedDB) return local; } catch { return local; }
    const database = await new Promise((resolve, reject) => {
        const request = indexedDB.open("cbt-outbox", 1);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const records = await new Promise((resolve) => {
        const request = database.transaction("entries").objectStore("entries").getAll();
        request.onsuccess = () => resolve(request.result);
    });
    return local + JSON.stringify(records);
}"""
SPOIL = """async () => {
    const database = await new Promise((resolve) => {
        const request = indexedDB.open("cbt-outbox", 1);
        request.onsuccess = () => resolve(request.result);
    });
    await new Promise((resolve) => {
        const transaction = database.transaction("entries", "readwrite");
        const table = transaction.objectStore("entries");
        table.getAll().onsuccess = ({ target }) => {
            const answers = target.result.filter(({ kind }) => kind === "answer");
            for (const record of answers) table.put({ ...record, mac: "0".repeat(64) });
        };
        transaction.oncomplete = resolve;
    });
}"""
SLOW_DISK = """window.diskWaits = false;
const held = [];
window.diskGoesOn = () => { window.diskWaits = false; for (const go of held.splice(0)) go(); };
const complete = Object.getOwnPropertyDescriptor(IDBTransaction.prototype, "oncomplete");
Object.defineProperty(IDBTransaction.prototype, "oncomplete", {
    ...complete,
    set(handler) {
        const waits = window.diskWaits && this.mode === "readwrite";
        complete.set.call(this, waits ? () => (window.diskWaits ? held.push(handler) : handler()) : handler);
    },
});"""

FLYING = """window.flying = 0;
const asked = window.fetch;
window.fetch = async (url, ...more) => {
    if (!String(url).endsWith("/answers")) return asked(url, ...more);
    window.flying += 1;
    try {
        const reply = await asked(url, ...more);
        return new Response(await reply.text(), reply);
    } finally {
        window.flying -= 1;
    }
};"""

DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0))))"
"""Nobody answers before they see the paper: what follows its first frame has been done by then."""

WRITE = """async (url) => {
    const body = JSON.stringify({ epoch: 1, entries: [{ seq: 99, kind: "answer", position: 9, value: "A" }] });
    const headers = { "Content-Type": "application/json", "X-CBT-Lease": "old" };
    return (await fetch(url, { method: "POST", body, headers })).status;
}"""


def rescue(candidate: Candidate, key: str) -> None:
    """Wait until the strip above the paper says the beginning of this text."""
    said = candidate.text(f"delivery.rescue.{key}").split("{")[0]
    expect(candidate.find("#rescue")).to_contain_text(said)


def is_saved_when_looked_at(candidate: Candidate) -> bool:
    """Bring the page to the front, and return whether all is saved then."""
    candidate.browser.page.evaluate("window.dispatchEvent(new Event('focus'))")
    return candidate.find(SAVED).is_visible()


def test_the_network_and_the_machine_misbehave(centre: Centre, browsers: Browsers) -> None:
    begin(centre)
    browser = browsers.open("theory")
    browser.context.add_init_script(FLYING)
    page, watch = browser.page, browser.watch
    sent: list[Request] = []
    page.on("request", lambda one: sent.append(one) if one.url.endswith("/answers") else None)
    candidate = seat(centre, browser, "theory")
    page.evaluate(DRAWN)
    candidate.type_through(["a"])
    candidate.saved()
    # A hall that begins sends its starts: that the paper is there is what comes next, with an answer or alone.
    first = sent[0].post_data_json["entries"][0]
    assert (first["kind"], first["value"]) == ("event", {"type": "paper_loaded"})

    # A reply lost after the commit: the same entry is sent again and stands in the journal once.
    watch.allow("ERR_FAILED", CUT, "ERR_ABORTED")

    def lose_reply(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/answers", lose_reply, times=1)
    page.keyboard.press("PageDown")
    candidate.type_through(["b"])
    candidate.saved()
    assert journal_of(centre, "theory") == [(1, '"A"'), (2, '"B"')]

    # Half open: no reply comes. It is never called saved; after four seconds it is called cut, then it arrives.
    page.route("**/answers", lambda route: None, times=1)
    with page.expect_request("**/answers"):
        page.keyboard.press("PageDown")
        candidate.type_through(["a"])
    expect(candidate.find("#save")).to_contain_text("1")
    expect(candidate.item(3).locator(".saved.done")).to_have_count(0)
    now = datetime.fromtimestamp(page.evaluate("Date.now()") / 1000, UTC)
    page.clock.pause_at(now + timedelta(seconds=4.1))  # the next try does not come before it is looked at
    expect(candidate.find("#save.warn")).to_contain_text("1")
    page.clock.fast_forward(3_000)
    page.clock.resume()
    candidate.saved()
    assert journal_of(centre, "theory")[2:] == [(3, '"A"')]

    # The machine's clock jumps by hours, both ways: the time left and the order of answers do not care.
    left = candidate.find("#clock b").inner_text()
    for hours in (3, -6):
        page.clock.set_system_time(centre.now() + timedelta(hours=hours))
        candidate.find("body").press("PageDown")
        candidate.type_through(["a", "b"][:1] if hours > 0 else ["b"])
        candidate.saved()
        minutes = candidate.find("#clock b").inner_text().split(":")[0]
        assert int(left.split(":")[0]) - int(minutes) in (0, 1)
    page.clock.set_system_time(centre.now())
    assert [position for position, _ in journal_of(centre, "theory")] == [1, 2, 3, 4, 5]

    # In the background timers stand still; the moment the page comes back, what waited goes out.
    # A heartbeat that falls due is over, and its answer taken, before the line is cut.
    page.clock.pause_at(centre.now() + timedelta(minutes=1))
    assert wait_for(lambda: page.evaluate("window.flying") == 0)
    browser.context.set_offline(True)
    candidate.find("body").press("PageDown")
    candidate.type_through(["a"])
    expect(candidate.find("#save.warn")).to_contain_text("1")
    browser.context.set_offline(False)
    # The line may be back a moment later than the browser says so: somebody looks at the page until it is.
    assert wait_for(lambda: is_saved_when_looked_at(candidate))
    assert journal_of(centre, "theory")[5:] == [(6, '"A"')]
    page.clock.resume()

    # Asleep for half an hour, the lid closed on an answer that could not go out.
    browser.context.set_offline(True)
    candidate.find("body").press("PageDown")
    candidate.type_through(["b"])
    expect(candidate.find("#save.warn")).to_contain_text("1")
    sleeper = browser.context.new_cdp_session(page)
    sleeper.send("Page.setWebLifecycleState", {"state": "frozen"})
    centre.contexts.remove(browser.context)
    centre.move(minutes=30, heard=False)
    centre.contexts.append(browser.context)
    browser.context.set_offline(False)
    sleeper.send("Page.setWebLifecycleState", {"state": "active"})
    candidate.saved()
    assert journal_of(centre, "theory")[6:] == [(7, '"B"')]
    remaining = (PLANNED + timedelta(minutes=45) - centre.now()).total_seconds()
    expect(candidate.find("#clock b")).to_contain_text(f"{int(remaining // 60):02d}:")
    assert evidence_of(centre, "theory") == []


def test_a_browser_killed_while_somebody_types_loses_two_seconds_at_most(
    centre: Centre, browsers: Browsers
) -> None:
    begin(centre)
    machine = browsers.open_machine("typist")
    candidate = seat(centre, machine.browser, "skills")
    machine.browser.watch.allow(CUT)
    blank = next(
        place for place in places_of(centre, "skills") if place.type == "fill_blank" and place.unit == 1
    )
    field = candidate.item(blank.position).locator("input.blank").first
    field.click()
    machine.browser.context.set_offline(True)
    typed: list[tuple[float, str]] = []
    text = ""
    until = time.monotonic() + 3.5
    while time.monotonic() < until:
        text += "服务质量"[len(text) % 4]
        machine.browser.page.keyboard.insert_text(text[-1])
        typed.append((time.monotonic(), text))
        machine.browser.page.wait_for_timeout(60)
    killed_at = time.monotonic()
    machine.kill()
    machine.restart()
    candidate.browser = machine.browser
    candidate.browser.go(f"/exam/{candidate.sitter.attempt_ref}")
    candidate.opens()
    candidate.saved()
    kept = candidate.item(blank.position).locator("input.blank").first.input_value()
    safe = next(text for at, text in reversed(typed) if at <= killed_at - 2.0)
    assert kept.startswith(safe)
    assert journal_of(centre, "skills")[-1][0] == blank.position


@pytest.mark.parametrize("kept_in", ["IndexedDB", "localStorage"])
def test_what_waits_on_a_shared_machine_lies_there_sealed_and_arrives_after_a_reload(
    centre: Centre, browsers: Browsers, kept_in: str
) -> None:
    """R-16: neither an answer nor the secret is in the storage; the next start reads what waits with it."""
    begin(centre)
    browser = browsers.open(f"sealed-{kept_in}")
    if kept_in == "localStorage":
        browser.context.add_init_script(OFF.splitlines()[0])
    with browser.page.expect_response("**/start") as first:
        candidate = seat(centre, browser, "skills")
    secret = first.value.json()["seal"]
    blank = next(
        place for place in places_of(centre, "skills") if place.type == "fill_blank" and place.unit == 1
    )
    browser.watch.allow(CUT)
    browser.context.set_offline(True)
    candidate.item(blank.position).locator("input.blank").first.fill("顾客满意度调查")
    expect(candidate.find("#save.warn")).to_contain_text("1")
    stored = browser.page.evaluate(STORED)
    assert '"kind":"answer"' in stored
    assert '"body":"' in stored
    for told in ("顾客满意度调查", "\\u987e", '"value"', '"seal"', secret):
        assert told not in stored
    assert base64.b64encode("顾客满意度调查".encode()).decode() not in stored

    # Loaded again, the page has no secret until its start is answered: it counts what waits, and calls it unsaved.
    browser.page.close()
    browser.page = browser.context.new_page()
    browser.context.set_offline(False)
    browser.watch.allow("503")
    browser.page.route("**/start", lambda route: route.fulfill(status=503, json={}))
    browser.go(f"/exam/{candidate.sitter.attempt_ref}")
    expect(candidate.find("#save")).to_contain_text("1")
    assert journal_of(centre, "skills") == []
    browser.page.unroute("**/start")
    candidate.opens()
    field = candidate.item(blank.position).locator("input.blank").first
    expect(field).to_have_value("顾客满意度调查")
    candidate.saved()
    assert "顾客满意度调查" in journal_of(centre, "skills")[-1][1]


def test_what_another_secret_sealed_stays_and_is_listed(centre: Centre, browsers: Browsers) -> None:
    """It is neither sent nor lost: the seat page counts it, and hands it out as it lies there."""
    begin(centre)
    browser = browsers.open("foreign")
    candidate = seat(centre, browser, "theory")
    browser.watch.allow(CUT)
    browser.context.set_offline(True)
    candidate.type_through(["a"])
    expect(candidate.find("#save.warn")).to_contain_text("1")
    browser.page.evaluate(SPOIL)
    browser.page.close()
    browser.page = browser.context.new_page()
    browser.context.set_offline(False)
    browser.go(f"/exam/{candidate.sitter.attempt_ref}")
    candidate.opens()
    expect(candidate.item(1).locator("input:checked")).to_have_count(0)
    candidate.saved()
    assert journal_of(centre, "theory") == []
    browser.go("/")
    expect(browser.find("#undelivered p").first).to_contain_text("1")
    with browser.page.expect_download() as downloading:
        browser.hand.press(browser.find("#undelivered button"))
    text = downloading.value.path().read_text("ascii")
    assert text.startswith('{"format":"cbt-recovery-2"')


@pytest.mark.one_process
def test_a_storage_that_is_off_or_full_is_said_and_the_answers_still_arrive(
    centre: Centre, browsers: Browsers
) -> None:
    begin(centre)
    off = browsers.open("storage-off")
    off.context.add_init_script(OFF)
    candidate = seat(centre, off, "theory")
    rescue(candidate, "volatile")
    candidate.type_through(["a"])
    expect(candidate.find("#save")).to_contain_text(candidate.text("delivery.save.volatile"))
    expect(candidate.item(1).locator(".saved.done")).to_be_visible()
    candidate.look("volatile", zoom=True)
    off.watch.allow(CUT)
    off.context.set_offline(True)
    candidate.find("body").press("PageDown")
    candidate.type_through(["b"])
    rescue(candidate, "volatile_cut")
    candidate.look("volatile-cut", zoom=True)
    with off.page.expect_download() as downloading:
        off.hand.press(candidate.find("#rescue button"))
    assert downloading.value.suggested_filename.endswith(".cbtr")
    off.context.set_offline(False)
    expect(candidate.item(2).locator(".saved.done")).to_be_visible()
    assert journal_of(centre, "theory") == [(1, '"A"'), (2, '"B"')]

    full = browsers.open("storage-full")
    full.context.add_init_script(FULL)
    candidate = seat(centre, full, "second")
    expect(candidate.find("#rescue")).to_be_hidden()
    full.page.evaluate("window.diskFull = true")
    candidate.type_through(["a"])
    rescue(candidate, "volatile")
    expect(candidate.item(1).locator(".saved.done")).to_be_visible()
    full.page.evaluate("window.diskFull = false")
    candidate.find("body").press("PageDown")
    candidate.type_through(["b"])
    candidate.saved()
    expect(candidate.find("#rescue")).to_be_hidden()
    assert journal_of(centre, "second") == [(1, '"A"'), (2, '"B"')]


@pytest.mark.one_process
def test_an_answer_is_called_kept_on_this_machine_once_its_storage_has_it(
    centre: Centre, browsers: Browsers
) -> None:
    """R-40: nothing is guessed. With the network gone and a disk that takes its time it is in the page alone."""
    begin(centre)
    browser = browsers.open("theory")
    browser.context.add_init_script(SLOW_DISK)
    candidate = seat(centre, browser, "theory")
    candidate.type_through(["a"])
    candidate.saved()
    browser.watch.allow(CUT)
    browser.context.set_offline(True)
    browser.page.evaluate("window.diskWaits = true")
    browser.page.keyboard.press("PageDown")
    candidate.type_through(["b"])
    shown = candidate.item(2).locator(".saved")
    expect(shown).to_contain_text(candidate.text("delivery.save.item_page"))
    expect(shown).not_to_contain_text(candidate.text("delivery.save.item_local"))
    browser.page.evaluate("window.diskGoesOn()")
    expect(shown).to_contain_text(candidate.text("delivery.save.item_local"))
    browser.context.set_offline(False)
    candidate.saved()
    assert journal_of(centre, "theory") == [(1, '"A"'), (2, '"B"')]


def test_a_second_tab_takes_the_paper_with_what_the_first_could_not_send(
    centre: Centre, browsers: Browsers
) -> None:
    begin(centre)
    browser = browsers.open("tabs")
    candidate = seat(centre, browser, "theory")
    candidate.type_through(["a"])
    candidate.saved()
    # Only the first tab's saves fail: it holds an answer when the second tab opens the same paper.
    browser.watch.allow("ERR_FAILED", "status of 409")
    first = browser.page
    first.route("**/answers", lambda route: route.abort())
    candidate.find("body").press("PageDown")
    candidate.type_through(["b"])
    expect(candidate.find("#save.warn")).to_contain_text("1")
    browser.page = browser.context.new_page()
    browser.go(f"/exam/{candidate.sitter.attempt_ref}")
    candidate.opens()
    expect(first.locator("#screen h2")).to_have_text(candidate.text("delivery.screen.lost.title"))
    expect(first.locator("#paper")).to_be_hidden()
    expect(first.locator("#rescue")).to_be_hidden()
    candidate.saved()
    candidate.go_to(3)
    candidate.type_through(["a"])
    candidate.saved()
    assert journal_of(centre, "theory") == [(1, '"A"'), (2, '"B"'), (3, '"A"')]

    # The former tab cannot write, even past its screen; taking the paper back brings all of it along.
    first.unroute("**/answers")
    assert first.evaluate(WRITE, f"/attempts/{candidate.sitter.attempt_ref}/answers") == 409
    first.locator("#screen button").click()
    expect(first.locator("#paper")).to_be_visible()
    expect(candidate.find("#screen h2")).to_have_text(candidate.text("delivery.screen.lost.title"))
    browser.page = first
    candidate.go_to(2)
    expect(candidate.item(2).locator("input:checked")).to_have_value("B")


def test_what_a_tab_types_while_it_is_being_replaced_is_adopted(centre: Centre, browsers: Browsers) -> None:
    """The text in a field is flushed by the tab that loses the paper, and sent by the one that has it."""
    begin(centre)
    browser = browsers.open("adopting")
    candidate = seat(centre, browser, "skills")
    blank = next(
        place for place in places_of(centre, "skills") if place.type == "fill_blank" and place.unit == 1
    )
    first = browser.page
    first.clock.pause_at(centre.now() + timedelta(seconds=30))
    candidate.item(blank.position).locator("input.blank").first.fill("还没存下的字")
    browser.watch.allow("status of 409")
    browser.page = browser.context.new_page()
    browser.go(f"/exam/{candidate.sitter.attempt_ref}")
    browser.page.clock.resume()
    candidate.opens()
    field = candidate.item(blank.position).locator("input.blank").first
    expect(field).to_have_value("还没存下的字")
    candidate.saved()
    assert "还没存下的字" in journal_of(centre, "skills")[-1][1]


@pytest.mark.one_process
def test_the_pages_own_sha_256_and_hmac_are_the_standard_ones(centre: Centre, browsers: Browsers) -> None:
    browser = browsers.open("hashes")
    browser.go("/")
    source = browser.find("script[type=module]").first.get_attribute("src")
    assert source is not None
    for length in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000):
        data = bytes((7 * i + length) % 256 for i in range(length))
        key = data[:70]
        made = hashes_of(browser.page, source, key, data)
        assert made == [hashlib.sha256(data).hexdigest(), hmac.new(key, data, "sha256").hexdigest()]


def hashes_of(page: Page, seat_script: str, key: bytes, data: bytes) -> list[str]:
    """Return digest and HMAC as the product's module works them out."""
    made: list[str] = page.evaluate(
        """async ([script, key, data]) => {
            const module = await import(script.replace("door/seat.js", "runner/recovery_file/sha256.js"));
            const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
            const bytes = Uint8Array.from(data);
            return [hex(module.sha256(bytes)), hex(module.hmac(Uint8Array.from(key), bytes))];
        }""",
        [seat_script, list(key), list(data)],
    )
    return made
