"""A real headless browser for the pages, which keeps an account of what they load and say."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver

# What this process was started with; each test's own environment is emptied.
IN_CI = bool(os.environ.get("CI"))
AXE = os.environ.get("AXE_CORE")
DRIVERS = os.environ.get("CHROMEWEBDRIVER", "")
KEPT = os.environ.get("RECONCILER_PICTURES")

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--window-size=1240,900",
)  # fmt: skip


def missing(what: str) -> None:
    """Skip where a tool is not installed; in CI, where it must be, fail."""
    if IN_CI:
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    chromedriver = shutil.which("chromedriver") or shutil.which("chromedriver", path=DRIVERS)
    if browser is None or chromedriver is None:
        missing("chromium with chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(browser)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(str(chromedriver)))
    found.set_script_timeout(60)
    # The browser's own first page goes on loading in the midst of ours, unless it is left.
    found.get("about:blank")
    yield found
    found.quit()


@dataclass(slots=True)
class Browser:
    """One page in the browser."""

    driver: WebDriver
    folder: Path

    def open(self, text: str) -> None:
        """Show a page from a file, as a person would who was sent it."""
        file = self.folder / "page.html"
        file.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        self.driver.get_log("performance")
        self.driver.get_log("browser")
        self.driver.get(file.as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def search(self, words: str) -> str:
        """Type into the search field, and return what the page says of it."""
        return str(
            self.driver.execute_async_script(
                """
                const [words, done] = arguments;
                const field = document.getElementById("q");
                field.value = words;
                field.dispatchEvent(new Event("input", { bubbles: true }));
                setTimeout(() => done(document.getElementById("found").textContent), 150);
                """,
                words,
            )
        )

    def tick(self, selector: str) -> str:
        return str(
            self.run(
                "document.querySelector(arguments[0]).click();"
                "return document.getElementById('found').textContent",
                selector,
            )
        )

    def rows(self) -> list[str]:
        """The texts of the rows that can be seen."""
        found: list[str] = self.run(
            "return [...document.querySelectorAll('[data-k]')]"
            ".filter((it) => !it.closest('[hidden]')).map((it) => it.textContent)"
        )
        return found

    def requests(self) -> list[str]:
        """The addresses of everything that was loaded, the page's own file left out."""
        rows = [json.loads(row["message"])["message"] for row in self.driver.get_log("performance")]
        urls = [
            row["params"]["request"]["url"]
            for row in rows
            if row["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.endswith("/page.html")]

    def complaints(self) -> list[str]:
        """What the console holds: errors, and what the policy kept out."""
        return [str(row["message"]) for row in self.driver.get_log("browser")]

    def scheme(self, name: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.command("Emulation.setEmulatedMedia", {"features": features})

    def command(self, name: str, arguments: dict[str, Any]) -> Any:
        return self.driver.execute_cdp_cmd(name, arguments)  # type: ignore[attr-defined]

    def picture(self, name: str) -> Path:
        """Take a picture of the whole page; RECONCILER_PICTURES names a folder to keep it in."""
        height = min(4_000, int(self.run("return document.documentElement.scrollHeight")))
        size = {"width": 1240, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", size)
        folder = Path(KEPT) if KEPT else self.folder
        target = folder / f"{name}.png"
        self.driver.save_screenshot(str(target))
        self.command("Emulation.clearDeviceMetricsOverride", {})
        return target


@pytest.fixture
def browser(driver: WebDriver, tmp_path: Path) -> Iterator[Browser]:
    found = Browser(driver, tmp_path)
    yield found
    found.scheme("light")


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE or not Path(AXE).is_file():
        missing("axe-core (AXE_CORE names its axe.min.js)")
    return Path(str(AXE)).read_text(encoding="utf-8")


Audit = Callable[[], list[str]]


@pytest.fixture
def audit(browser: Browser, axe: str) -> Audit:
    """Returns what axe-core finds serious or critical on the page that is open."""

    def run() -> list[str]:
        # By the protocol: the page's own policy lets no further script in.
        browser.command("Runtime.evaluate", {"expression": axe})
        result = browser.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then(done, (error) => done({error: `${error}`}))"
        )
        assert "error" not in result, result
        assert len(result["passes"]) > 10
        return [
            f"{row['id']}: {node['target']}: {node['failureSummary']}"
            for row in result["violations"]
            if row["impact"] in {"serious", "critical"}
            for node in row["nodes"]
        ]

    return run
