"""Runbooks: one file of Markdown per alert in `deploy/runbooks/`, and a page of Grafana that shows them all."""

import re
from pathlib import Path

from streams.dashboards.model import Page, Panel
from streams.dashboards.rules import RULES, Rule
from streams.errors import VitalsError
from streams.resources import resource_dir

_SQL = re.compile(r"^```sql\n(.*?)^```", re.DOTALL | re.MULTILINE)


def directory() -> Path:
    """Where the files lie."""
    return resource_dir("deploy") / "runbooks"


def text_of(rule: Rule) -> str:
    """The runbook of an alert, Markdown. Raises VitalsError where there is none."""
    path = directory() / f"{rule.slug}.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise VitalsError(f"the runbook {path} is missing: install again") from None


def queries_in(text: str) -> list[str]:
    """The SQL that a runbook says to look at."""
    return _SQL.findall(text)


def runbooks_page() -> Page:
    """All runbooks, in the order of the alerts; `rules.runbook_url` leads to one."""
    panels = (
        Panel(
            id=number,
            kind="text",
            title=(rule.name, rule.name),
            about=("What to do when this alert fires.", "该告警触发时的处理步骤。"),
            width=12,
            height=18,
            text=(text_of(rule), text_of(rule)),
        )
        for number, rule in enumerate(RULES, 1)
    )
    return Page(name="runbooks", title=("Group vitals: runbooks", "群体征:处理手册"), panels=tuple(panels))
