"""A checklist as JSON, for programs that pass it on."""

from __future__ import annotations

import json
from typing import Any

from reconciler.applying.checklist import Checklist, NumberedStep, Section
from reconciler.applying.wording import plain

FORMAT = "license-checklist/1"


def render(checklist: Checklist) -> str:
    """Return the checklist as JSON; sentences are plain text, and what is to be copied is exact."""
    document = {
        "format": FORMAT,
        "steps": checklist.steps,
        "before": [plain(words) for words in checklist.before()],
        "organizations": [_section(section) for section in checklist.sections],
        "others": [plain(words) for words in checklist.others],
    }
    # ASCII alone: half of a surrogate pair could not be written otherwise.
    # In a log, GitHub's runner takes `##[` for a command.
    return json.dumps(document, indent=2).replace("##[", "\\u0023#[") + "\n"


def _section(section: Section) -> dict[str, Any]:
    return {
        "id": section.id,
        "name": section.name,
        "steps": [_step(row) for row in section.steps],
    }


def _step(row: NumberedStep) -> dict[str, Any]:
    step = row.step
    return {
        "number": row.number,
        "product": step.product,
        "title": step.title,
        "page": row.address,
        "tasks": [{"text": plain(task.text), "copied": list(task.copied)} for task in step.tasks],
        "checks": [plain(words) for words in step.checks],
        "notes": [plain(words) for words in step.notes],
        "changes": [change.id for change in step.changes],
    }
