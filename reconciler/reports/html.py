"""Pages of HTML: one file each, which loads nothing and runs nothing but its own small script."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reconciler.model.text import printable
from reconciler.products import PRODUCTS
from reconciler.reports import html_view
from reconciler.reports.bars import bar_of
from reconciler.reports.charts import BOTTOM, HEIGHT, LEFT, TOP, WIDTH
from reconciler.reports.counts import outcome_words, total
from reconciler.reports.spans import Look
from reconciler.reports.takings import counts_of, takings_of
from reconciler.reports.wording import misleading, title, unread
from reconciler.reports.write_notes import write_notes

Document = Mapping[str, Any]

_OPEN = 100
"""The most changes that take something away which stand there unfolded."""

_CODE = re.compile(r"`([^`]+)`")


def render_all(documents: Sequence[Document], look: Look) -> str:
    """Return one or several plans as a page; a plan's member `forecast`, where given, as charts."""
    rows = takings_of(documents)
    counts = counts_of(rows)
    losing = {"losing": counts.people + counts.machines, "losing_last": counts.last}
    summary = {**total(documents), **losing}
    found = list(html_view.sections(documents))
    return _page(
        "plan.html.j2",
        documents=documents,
        headline="; ".join(filter(None, (counts.words, outcome_words(summary)))),
        summary=summary,
        status=_status(documents, summary),
        counts=counts,
        taken=[html_view.taken_of(row) for row in rows],
        open_taken=sum(len(row.changes) for row in rows) <= _OPEN,
        misleading=misleading(documents),
        unread=unread(documents),
        written=write_notes(documents),
        sections=found,
        unchanged=html_view.unchanged(documents, found),
        chart={"width": WIDTH, "height": HEIGHT, "left": LEFT, "top": TOP, "bottom": BOTTOM},
    )


def license_page(page: Document) -> str:
    """Return the License Management page of all its organizations."""
    return _page(
        "licenses.html.j2", page=page, title_of=title, products=PRODUCTS, bar_of=_bar_of_product
    )


def _bar_of_product(product: Document) -> Any:
    offline = product["offline_licenses"]
    pool = {
        "quota": product["quota"],
        "used": product["used"],
        "used_after": product["used"],
        "offline": len(offline) if offline else 0,
    }
    return bar_of(pool, product["name"])


def _status(documents: Sequence[Document], summary: Mapping[str, int]) -> tuple[str, str]:
    """Return the kind and the words of what may happen next."""
    if not all(document.get("live", True) for document in documents):
        return "info", "Not applyable: made from a snapshot, or for another day"
    if unread(documents):
        return "bad", "Not all organizations could be read"
    if summary.get("refused"):
        return "bad", "A person has to act before all of it can be applied"
    if any(document["applyable"] for document in documents):
        return "good", "Can be applied"
    return "info", "Nothing to apply"


def _page(template: str, **values: Any) -> str:
    style, script = _part("style.css"), _part("script.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    rendered = _environment().get_template(template)
    return rendered.render(policy=policy, style=Markup(style), script=Markup(script), **values)  # noqa: S704


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reconciler.reports", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        finalize=_shown,
    )
    environment.filters |= {"moment": _moment, "coded": _coded}
    return environment


def _shown(value: Any) -> Any:
    """Make what would hide or reorder text visible, in every value that a template shows."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value)
    return value


def _moment(text: str) -> str:
    """Return a time without its seconds."""
    offset = text[19:].replace("+00:00", "Z").replace("Z", " UTC")
    return f"{text[:10]} {text[11:16]}{offset}" if len(text) >= 19 else text


def _coded(text: str) -> Markup:
    """Return a message of ours with what stands between backticks as code."""
    pieces = _CODE.split(printable(text))
    shown = (f"<code>{escape(p)}</code>" if i % 2 else escape(p) for i, p in enumerate(pieces))
    return Markup("".join(shown))  # noqa: S704


@cache
def _part(name: str) -> str:
    """Return the style or the script as it stands in the page, to the byte that is hashed."""
    text = (files("reconciler.reports") / "templates" / name).read_text(encoding="utf-8")
    return f"\n{text}"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
