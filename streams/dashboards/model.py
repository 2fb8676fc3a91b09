"""What a dashboard is made of, before it is Grafana's JSON: pages, panels, columns, in English and Chinese."""

from typing import Literal

import msgspec

from streams.vitals.policy import Policy
from streams.words import Language

Words = tuple[str, str]
"""English, Chinese."""
Kind = Literal["stat", "table", "timeseries", "state-timeline", "bargauge", "text"]
NO_WORDS: Words = ("", "")


class Look(msgspec.Struct, frozen=True):
    """Whom it is for: the language of titles and reasons, the risk at which a group alarms, where Grafana answers.

    `grafana_url` is "" where it is not known, as in files: links are then relative to Grafana.
    """

    language: Language = "en"
    dying_risk: float = Policy().dying_risk
    grafana_url: str = ""

    def word(self, words: Words) -> str:
        """The words in the language asked for."""
        return words[self.language == "zh"]


class Column(msgspec.Struct, frozen=True):
    """A column of a query: how it is headed and shown. `link` is a URL of Grafana, `${__data.fields.x}` another column.

    `decimals` -1 leaves them to Grafana; `words` stand for values; `is_bar` draws a share as a bar, `is_right` has an
    axis of its own, `is_long` opens on a click.
    """

    name: str
    title: Words
    unit: str = ""
    width: int = 0
    link: str = ""
    color: str = ""
    decimals: int = -1
    is_hidden: bool = False
    is_verdict: bool = False
    is_bar: bool = False
    is_right: bool = False
    is_long: bool = False
    words: tuple[tuple[str, Words], ...] = ()


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One panel. `id` never changes: alerts and links name it. Sizes are in Grafana's grid of 24 columns.

    `nothing` is said where there are no rows. `may_be_empty`: a healthy system may have none. `steps` are thresholds
    (value, colour). `sql` has Grafana's macros and variables, and the fragments of `queries.worded`.
    """

    id: int
    kind: Kind
    title: Words
    about: Words
    sql: str = ""
    columns: tuple[Column, ...] = ()
    unit: str = "short"
    width: int = 24
    height: int = 8
    steps: tuple[tuple[float, str], ...] = ()
    nothing: Words = ("Nothing here yet: see `vitals status`", "暂无数据:请看 `vitals status`")
    may_be_empty: bool = False
    is_stacked: bool = False
    is_bars: bool = False
    has_bands: bool = False
    limit: tuple[float | None, float | None] = (None, None)
    text: Words = NO_WORDS


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A choice at the top of a page. Its query gives values, or values and what to show for them."""

    name: str
    title: Words
    sql: str = ""
    choices: tuple[tuple[str, Words], ...] = ()
    is_many: bool = True


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Marks on every time axis of a page: a query with `time`, `title` and `text`."""

    name: Words
    color: str
    sql: str
    is_shown: bool = True


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A dashboard. `since` is where its time range starts, in Grafana's words."""

    name: str
    title: Words
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...] = ()
    marks: tuple[Mark, ...] = ()
    since: str = "now-90d"

    @property
    def uid(self) -> str:
        """What links and alerts call it, in every Grafana."""
        return f"vitals-{self.name}"
