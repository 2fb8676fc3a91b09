"""Runbooks: one file of Markdown per alert in `deploy/runbooks/`, and a page of Grafana that shows them all."""

import re
from pathlib import Path

from streams.dashboards.model import Page, Panel
from streams.dashboards.rules import RUNBOOKS
from streams.errors import VitalsError
from streams.resources import resource_dir

_SQL = re.compile(r"^```sql\n(.*?)^```", re.DOTALL | re.MULTILINE)


def directory() -> Path:
    """Where the files lie."""
    return resource_dir("deploy") / "runbooks"


def text_of(slug: str) -> str:
    """A runbook, Markdown. Raises VitalsError where there is none."""
    path = directory() / f"{slug}.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise VitalsError(f"the runbook {path} is missing: install again") from None


def queries_in(text: str) -> list[str]:
    """The SQL that a runbook says to look at."""
    return _SQL.findall(text)


def runbooks_page() -> Page:
    """All runbooks, in the order of `RUNBOOKS`; `rules.runbook_url` leads to one."""
    panels = (_panel(number, slug) for number, slug in enumerate(RUNBOOKS, 1))
    return Page(name="runbooks", title=("Group vitals: runbooks", "群体征:处理手册"), panels=tuple(panels))


def _panel(number: int, slug: str) -> Panel:
    text = text_of(slug)
    name = text.partition("\n")[0].removeprefix("# ")
    return Panel(
        id=number,
        kind="text",
        title=(name, name),
        about=("What to do when this alert fires.", "该告警触发时的处理步骤。"),
        width=12,
        height=18,
        text=(text, text),
    )
