"""The HTML reports in a real browser."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from reconciler.reports.formats import RENDERERS
from reconciler.reports.spans import Look
from tests.browser.conftest import Audit, Browser
from tests.unit.reports.documents import (
    HOSTILE,
    change,
    forecast,
    full_document,
    hostile_document,
    organization,
)
from tests.unit.reports.test_html import licenses

pytestmark = pytest.mark.xdist_group("browser")

PNG = b"\x89PNG\r\n\x1a\n"


def plan() -> str:
    document = full_document() | {"forecast": forecast()}
    document["organizations"][1] = organization(
        102, "Beta", changes=[change("grant", "zoe@beta.example", product="testops")]
    )
    return shown(document)


def shown(*documents: dict[str, Any]) -> str:
    return RENDERERS["html"](documents, Look())


def seen(rows: list[str], name: str) -> bool:
    return any(name in row for row in rows)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["plan", "licenses"])
def test_nothing_is_loaded_nothing_is_complained_of_and_nothing_bars_anybody(
    page: str, scheme: str, browser: Browser, audit: Audit
) -> None:
    browser.scheme(scheme)
    browser.open(plan() if page == "plan" else licenses("Acme QA"))
    assert browser.requests() == []
    assert browser.complaints() == []
    browser.run("for (const it of document.querySelectorAll('details')) it.open = true")
    assert audit() == []
    assert browser.picture(f"{page}-{scheme}").read_bytes().startswith(PNG)


def test_the_seat_bars_are_as_long_as_the_seats_in_use(browser: Browser) -> None:
    document = full_document()
    document["organizations"][0]["pools"][0] = {
        **document["organizations"][0]["pools"][0], "quota": 8, "used": 2, "used_after": 6,
    }  # fmt: skip
    browser.open(shown(document))
    widths = browser.run(
        "const bar = document.querySelector('.bar');"
        "return ['.track', '.used', '.offline']"
        ".map((it) => bar.querySelector(it).getBoundingClientRect().width)"
    )
    whole, used, offline = widths
    assert whole > 100
    assert used / whole == pytest.approx(6 / 8, abs=0.01)
    assert offline / whole == pytest.approx(1 / 8, abs=0.01)
    label = browser.run("return document.querySelector('.bar').getAttribute('aria-label')")
    assert label.endswith("6 of 8 seats in use, 2 before")


def test_words_find_rows_by_person_product_and_organization(browser: Browser) -> None:
    browser.open(plan())
    assert browser.search("bob@example") == "1 of 9 shown"
    assert [row for row in browser.rows() if "bob@example.com" in row] == browser.rows()
    assert browser.search("beta testops") == "1 of 9 shown"
    assert seen(browser.rows(), "zoe@beta.example")
    assert browser.search("gus") == "1 of 9 shown"
    assert browser.search("nobody at all") == "0 of 9 shown"
    assert browser.run("return document.getElementById('none').hidden") is False
    browser.run("document.getElementById('clear').click()")
    assert browser.run("return document.getElementById('found').textContent") == "9 in all"
    assert len(browser.rows()) == 9


def test_a_search_is_words_and_never_a_pattern_or_markup(browser: Browser) -> None:
    browser.open(plan())
    for words in (".*", "<b>", "[", "\\", "%", "$&"):
        assert browser.search(words) == "0 of 9 shown"
    assert browser.complaints() == []


def test_what_words_find_is_seen_even_where_it_was_folded(browser: Browser) -> None:
    browser.open(plan())
    folded = (
        "return [...document.querySelectorAll('.refusal details')]"
        ".map((it) => [it.open, it.querySelector('[data-k]').checkVisibility()])"
    )
    assert browser.run(folded) == [[False, False]]
    who = browser.run(
        "return document.querySelector('.refusal details [data-k] .who').textContent.trim()"
    )
    browser.search(who.split()[0])
    assert browser.run(folded) == [[True, True]]
    browser.search("bob@example")
    assert browser.run(folded)[0][0] is False
    # What a person opened stays open.
    browser.run("document.querySelector('.refusal details').open = true")
    browser.search(who.split()[0])
    browser.run("document.getElementById('clear').click()")
    assert browser.run(folded)[0][0] is True


def resized(browser: Browser, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.command("Emulation.setDeviceMetricsOverride", size)


def test_on_a_telephone_every_change_is_seen_whole(browser: Browser, audit: Audit) -> None:
    resized(browser, 390)
    browser.open(plan())
    cut = (
        "return [...document.querySelectorAll('.rows td, .fact')]"
        ".filter((it) => it.checkVisibility() && it.getBoundingClientRect().right > innerWidth)"
        ".map((it) => it.textContent)"
    )
    assert browser.run(cut) == []
    assert audit() == []
    browser.search("bob@example")
    shown = (
        "return [...document.querySelectorAll('.rows tr[data-k]')]"
        ".filter((it) => it.checkVisibility()).map((it) => it.textContent)"
    )
    (row,) = browser.run(shown)
    assert "bob@example.com" in row
    browser.command("Emulation.clearDeviceMetricsOverride", {})


def test_on_paper_small_words_are_small_and_an_email_stands_on_one_line(browser: Browser) -> None:
    browser.open(plan())
    browser.command("Emulation.setEmulatedMedia", {"media": "print"})
    resized(browser, 718)  # A4 with the margins of a browser
    size = "return parseFloat(getComputedStyle(document.querySelector(arguments[0])).fontSize)"
    for small, text in ((".flag .dim", ".flag li"), (".rows td", "body"), (".place", ".remark p")):
        assert browser.run(size, small) <= browser.run(size, text)
    emails = "return [...document.querySelectorAll('.who b')]"
    assert set(browser.run(f"{emails}.map((it) => it.getClientRects().length)")) == {1}
    browser.command("Emulation.clearDeviceMetricsOverride", {})
    browser.command("Emulation.setEmulatedMedia", {"media": ""})


def test_on_paper_a_dark_screen_changes_nothing(browser: Browser) -> None:
    browser.open(plan())
    colours = (
        "return ['.flag', '.chip', '.sign', '.tile', 'body'].map((name) => {"
        "const it = getComputedStyle(document.querySelector(name));"
        "return [name, it.color, it.backgroundColor]; })"
    )
    found = []
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.command("Emulation.setEmulatedMedia", {"media": "print", "features": features})
        found.append(browser.run(colours))
    browser.command("Emulation.setEmulatedMedia", {"media": ""})
    assert found[0] == found[1]


def test_kinds_can_be_left_out_and_what_takes_away_be_picked(browser: Browser) -> None:
    browser.open(plan())
    assert browser.tick("input[value=grant]") == "7 of 9 shown"
    assert not seen(browser.rows(), "dan@example.com")
    assert browser.tick("input[value=warning]") == "6 of 9 shown"
    assert browser.tick("#flagged") == "2 of 9 shown"
    rows = browser.rows()
    assert len(rows) == 2
    assert seen(rows, "carol@example.com")
    assert seen(rows, "eve@example.com")


def test_one_organization_can_be_picked(browser: Browser) -> None:
    browser.open(plan())
    browser.run(
        "const pick = document.getElementById('org'); pick.value = '102';"
        "pick.dispatchEvent(new Event('change', { bubbles: true }))"
    )
    (row,) = browser.rows()
    assert "zoe@beta.example" in row
    hidden = browser.run("return [...document.querySelectorAll('.org')].map((it) => it.hidden)")
    assert hidden == [True, False]


def test_it_is_used_by_keyboard_alone(browser: Browser) -> None:
    browser.open(plan())
    keys = "document.dispatchEvent(new KeyboardEvent('keydown', { key: arguments[0] }))"
    browser.run(keys, "/")
    assert browser.run("return document.activeElement.id") == "q"
    browser.search("bob@example")
    browser.run(keys, "Escape")
    assert browser.run("return document.getElementById('found').textContent") == "9 in all"
    tabbable = browser.run(
        "return [...document.querySelectorAll('a[href], input, select, summary, [tabindex=\"0\"]')]"
        ".filter((it) => it.tabIndex < 0).length"
    )
    assert tabbable == 0


def test_the_lists_of_the_license_page_are_searched_too(browser: Browser) -> None:
    browser.open(licenses("acme-laptop"))
    total = len(browser.rows())
    assert total == 4
    assert browser.search("2097-01-31") == "1 of 4 shown"
    assert browser.search("per-user acme") == "4 of 4 shown"


def test_on_paper_the_folded_parts_are_open_and_the_tools_are_gone(browser: Browser) -> None:
    browser.open(plan())
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.run("return document.querySelectorAll('details:not([open])').length") == 0
    browser.command("Emulation.setEmulatedMedia", {"media": "print"})
    shown_as = browser.run("return getComputedStyle(document.querySelector('.tools')).display")
    browser.command("Emulation.setEmulatedMedia", {"media": ""})
    assert shown_as == "none"
    browser.run("window.dispatchEvent(new Event('afterprint'))")
    assert browser.run("return document.querySelectorAll('details:not([open])').length") > 0
    pdf = browser.command("Page.printToPDF", {})["data"]
    assert pdf.startswith("JVBER")


def test_hostile_values_run_nothing_load_nothing_and_change_nothing(browser: Browser) -> None:
    documents = [hostile_document(value) for value in HOSTILE]
    for text in (shown(*documents), licenses("".join(HOSTILE[:40]))):
        browser.open(text)
        assert browser.requests() == []
        assert browser.complaints() == []
        found = browser.run(
            "return [document.scripts.length, document.images.length, document.links.length,"
            "document.querySelectorAll('iframe, object, embed, img, base, link').length,"
            "document.styleSheets.length, typeof window.alerted]"
        )
        assert found == [1, 0, 1, 0, 1, "undefined"]
        wide = browser.run("return document.documentElement.scrollWidth <= window.innerWidth + 1")
        assert wide, "a long value makes the page scroll sideways"


def test_ten_thousand_changes_stay_usable(browser: Browser) -> None:
    changes = [
        change("grant" if row % 3 else "remove", f"user-{row}@example.com") for row in range(10_000)
    ]
    document = full_document()
    document["organizations"] = [organization(1, "A", changes=changes)]
    browser.open(shown(document))
    ready = browser.run(
        "return performance.timing.domComplete - performance.timing.navigationStart"
    )
    assert ready < 15_000
    assert browser.search("user-77") == "111 of 10,000 shown"
    took = browser.driver.execute_async_script(
        """
        const done = arguments[0];
        const field = document.getElementById("q");
        const begin = performance.now();
        field.value = "";
        field.dispatchEvent(new Event("input", { bubbles: true }));
        const look = () =>
          document.getElementById("found").textContent === "10,000 in all"
            ? requestAnimationFrame(() => done(performance.now() - begin))
            : setTimeout(look, 10);
        look();
        """
    )
    assert took < 5_000


def test_a_page_for_every_day_of_the_forecast_stays_within_its_frame(browser: Browser) -> None:
    begin = date(2026, 11, 24).toordinal()
    days = [
        {
            "day": date.fromordinal(begin + number).isoformat(),
            "wanted": number % 9,
            "quota": 5,
            "pinned": number % 3,
            "short": max(0, number % 9 - 5),
        }
        for number in range(300)
    ]
    ahead = forecast()
    ahead["organizations"][0]["pools"][0]["days"] = days
    browser.open(shown(full_document() | {"forecast": ahead}))
    outside = browser.run(
        """
        const box = document.querySelector(".chart svg").getBoundingClientRect();
        return [...document.querySelectorAll(".chart svg > *")].filter((it) => {
          const inner = it.getBoundingClientRect();
          return inner.left < box.left - 1 || inner.right > box.right + 1
            || inner.top < box.top - 1 || inner.bottom > box.bottom + 1;
        }).map((it) => it.outerHTML);
        """
    )
    assert outside == []
