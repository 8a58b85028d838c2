"""The pictures in docs/images, taken of the examples' real reports; `script/pictures` runs it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from markdown_it import MarkdownIt
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.browser.conftest import FLAGS

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
WIDTHS = {"pull-request-comment": 1_000, "html-report": 1_240}
ENDS = {"pull-request-comment": "h3 ~ h3 ~ h3", "html-report": ".org + .org"}
"""What a picture ends before: another organization."""

ALERT = re.compile(r"<blockquote>\s*<p>\[!(CAUTION|WARNING|NOTE)\]")
COLOURS = {"CAUTION": "#cf222e", "WARNING": "#9a6700", "NOTE": "#0969da"}

# How a comment looks on the platform, near enough: its fonts, tables, alerts and code.
STYLE = """
body { font: 14px/1.5 "DejaVu Sans", system-ui, sans-serif; color: #1f2328; margin: 16px; }
.comment { border: 1px solid #d1d9e0; border-radius: 6px; }
.by { background: #f6f8fa; border-bottom: 1px solid #d1d9e0; padding: 8px 16px; color: #59636e; }
.body { padding: 4px 16px 12px; }
h2 { font-size: 1.4em; border-bottom: 1px solid #d1d9e0; padding-bottom: .3em; }
h3 { font-size: 1.15em; margin: 20px 0 10px; }
table { border-collapse: collapse; margin: 0 0 12px; font-size: 13px; }
th, td { border: 1px solid #d1d9e0; padding: 5px 11px; text-align: left; }
tr:nth-child(2n) td { background: #f6f8fa; }
code { background: #818b981f; border-radius: 6px; padding: .2em .4em; font-size: 85%; }
code { font-family: "DejaVu Sans Mono", monospace; }
blockquote { margin: 0 0 12px; padding: 4px 16px; border-left: 4px solid var(--c, #d1d9e0); }
blockquote p { margin: 4px 0; }
blockquote .kind { color: var(--c); font-weight: 600; display: block; }
blockquote ul { margin: 4px 0; padding-left: 22px; } details { margin: 0 0 10px; }
sub { color: #59636e; }
"""


def comment(markdown: str) -> str:
    """Return a comment on a pull request as a page."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    body = ALERT.sub(
        lambda found: (
            f'<blockquote style="--c:{COLOURS[found[1]]}"><p>'
            f'<span class="kind">{found[1].capitalize()}</span>'
        ),
        parser.render(markdown),
    )
    return (
        f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>"
        f"<div class=comment><div class=by><b>github-actions</b> bot commented</div>"
        f"<div class=body>{body}</div></div>"
    )


def reconciler(folder: Path, *arguments: str) -> str:
    """Run the real command in a folder and return what it printed."""
    command = [sys.executable, "-m", "reconciler", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    """Take both pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "examples"
        shutil.copytree(ROOT / "examples", folder)
        reconciler(folder, "load", "snapshot.yaml", "--db", "e.db")
        plan = ("plan", "--api", "sqlite:///e.db", "--format")
        pages = {
            "pull-request-comment": comment(reconciler(folder, *plan, "markdown")),
            "html-report": reconciler(folder, *plan, "html"),
        }
        options = webdriver.ChromeOptions()
        options.binary_location = str(shutil.which("chromium") or shutil.which("google-chrome"))
        for flag in (*FLAGS, f"--user-data-dir={name}/profile"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        for title, page in pages.items():
            file = Path(name) / f"{title}.html"
            file.write_text(page, encoding="utf-8")
            driver.get(file.as_uri())
            width = WIDTHS[title]
            size = {"width": width, "height": 4_000, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            end = "return document.querySelector(arguments[0]).getBoundingClientRect().top"
            size["height"] = int(driver.execute_script(end, ENDS[title]))
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.save_screenshot(str(IMAGES / f"{title}.png"))
            sys.stdout.write(f"{IMAGES / title}.png\n")
        driver.quit()


if __name__ == "__main__":
    main()
