"""`vitals cleanup`: whom a group might part with. It shows a list and changes nothing, on no platform, ever."""

import csv
import io
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from streams import settings
from streams.errors import VitalsError
from streams.reading import the_one
from streams.terminal import plain_console, print_json
from streams.words import Language, counted, money, places

if TYPE_CHECKING:
    from rich.table import Table

    from streams.settings import Settings

SHOWN = 20
NAMES_ASKED = 5000
"""In one query: ClickHouse reads at most 256 KiB of SQL."""
WIDE = 100_000
"""In a pipe a table is as wide as its rows."""
_BOM = "\ufeff"
"""Excel takes a CSV for UTF-8 only if it begins so."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins with one of these would be reckoned with, or worse, when a spreadsheet opens it."""
_WORDS = {
    "write": "写信", "wait": "等待", "remove": "移出", "member": "成员", "name": "名称", "step": "建议", "on": "日期",
    "joined": "入群", "last message": "最后发言", "active days 28/90/all": "活跃天数 28/90/全部",
    "probes ignored": "未领福利", "last claim": "最近领取", "purchases": "购买", "amount": "金额",
}  # fmt: skip


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the view `cleanup_list`. Times are UTC, `spent` is in minor units; `name` only where asked."""

    member_id: str
    name: str = ""
    place: int
    step: str
    write_on: date | None
    written_at: datetime | None
    remove_from: date
    joined_at: datetime | None
    tenure_days: int
    last_message_at: datetime | None
    last_claim_at: datetime | None
    probes_ignored: int
    messages: int
    active_days_28d: int
    active_days_90d: int
    active_days: int
    claims: int
    orders: int
    spent: int
    currency: str
    listed_since: datetime
    daily_limit: int


_COLUMNS = tuple(name for name in Candidate.__struct_fields__ if name != "name")
_EPILOG = """\b
Example:
  vitals cleanup tea-3
  vitals cleanup tea-3 --csv tea-3.csv --names

Whom staff named in the group since they are on the list was written to; what is said in private is not seen.
Whoever is to stay needs only a word, a claim or a purchase: the list is made anew each day."""


@click.command(epilog=_EPILOG)
@click.argument("group_id", metavar="GROUP")
@click.option("--csv", "path", type=click.Path(dir_okay=False, allow_dash=True), help="Write it as CSV; - is stdout.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.  [default: 20; all with --csv and --json]")
@click.option("--json", "is_json", is_flag=True, help="For programs.")
@click.option("--names", is_flag=True, help="Names beside the pseudonyms. Asks as the owner of the database.")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
def cleanup_command(
    *, group_id: str, path: str | None, limit: int | None, is_json: bool, names: bool, language: Language
) -> None:
    """List whom a group might part with, and what to do first. Nobody is removed: it is always a dry run.

    GROUP is a group's id, or its name, or a part of either that no other group has.
    """
    from streams.fleet import Fleet  # noqa: PLC0415  `--help` needs no driver

    own = settings.load()
    group = the_one(Fleet(own).names(), group_id)
    found = candidates(own, group)
    shown = found[: limit or (None if path or is_json else SHOWN)]
    if names:
        shown = named(own, shown)
    if is_json:
        print_json(shown)
    elif path:
        write(path, as_csv(shown, has_names=names))
        if path != "-":
            click.echo(_written(len(shown), path, language) + _closing(found, language))
    else:
        _show(shown, found, group, language, has_names=names)


def candidates(own: "Settings", group_id: str) -> list[Candidate]:
    """The list of one group, the longest silent first."""
    from streams.warehouse import Warehouse, structs  # noqa: PLC0415

    sql = f"SELECT {', '.join(_COLUMNS)} FROM cleanup_list WHERE group_id = %(group)s ORDER BY place"  # noqa: S608
    rows = Warehouse(own, "bi").query(sql, {"group": group_id})
    return structs(Candidate, rows, _COLUMNS)


def named(own: "Settings", found: Sequence[Candidate]) -> list[Candidate]:
    """The same with their names, as far as they are known."""
    from streams.warehouse import Warehouse  # noqa: PLC0415

    asked = "SELECT member_id, name FROM members_v1 FINAL WHERE NOT is_erased AND member_id IN %(ids)s"
    warehouse, known = Warehouse(own), dict[str, str]()
    for start in range(0, len(found), NAMES_ASKED):
        ids = tuple(one.member_id for one in found[start : start + NAMES_ASKED])
        known.update(warehouse.query(asked, {"ids": ids}))
    return [msgspec.structs.replace(one, name=known.get(one.member_id, "")) for one in found]


def as_csv(found: Sequence[Candidate], *, has_names: bool) -> str:
    """With a header, as Excel opens it: a byte order mark, and no cell that is a formula. Money in whole units."""
    columns = [name for name in Candidate.__struct_fields__ if has_names or name != "name"]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for one in found:
        spent = f"{one.spent / 10 ** places(one.currency):.{places(one.currency)}f}"
        writer.writerow([spent if name == "spent" else _cell(getattr(one, name)) for name in columns])
    return _BOM + out.getvalue()


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, int):
        return value
    text = f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def write(path: str, text: str) -> None:
    """To a file or stdout. Raises VitalsError where the file cannot be written."""
    if path == "-":
        sys.stdout.buffer.write(text.encode())
        return
    try:
        Path(path).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise VitalsError(f"{path} cannot be written ({error.strerror}): name another file") from None


def _show(
    shown: Sequence[Candidate], found: Sequence[Candidate], group: str, language: Language, *, has_names: bool
) -> None:
    console = plain_console(width=None if sys.stdout.isatty() else WIDE)
    is_zh, count = language == "zh", len(found)
    if not found:
        console.print(f"{group}：没有需要移出的成员。" if is_zh else f"{group}: nobody to part with.", soft_wrap=True)
        return
    head = f"：清理名单上有 {count} 名成员" if is_zh else f": {counted(count, 'member')} on the cleanup list"
    console.print(group + head, soft_wrap=True)
    console.print(_table(shown, language, has_names=has_names))
    if rest := count - len(shown):
        more = f"还有 {rest} 名；--limit {count} 可全部显示" if is_zh else f"{rest} more; --limit {count} shows them"
        console.print(more, style="dim", soft_wrap=True)
    console.print(_closing(found, language), style="dim", soft_wrap=True)


def _written(count: int, path: str, language: Language) -> str:
    return f"已将 {count} 名成员写入 {path}。" if language == "zh" else f"{counted(count, 'member')} in {path}. "


def _closing(found: Sequence[Candidate], language: Language) -> str:
    """What the steps mean, and that nothing was done."""
    if not found:
        return "没有移出任何人：这只是一份名单。" if language == "zh" else "Nobody was removed: this is a list."
    counts = {step: sum(one.step == step for one in found) for step in ("write", "wait", "remove")}
    if language == "zh":
        told = "，".join(f"{_WORDS[step]} {count} 人" for step, count in counts.items() if count)
        return (
            f"{told}；每天最多 {found[0].daily_limit} 人（5 %）。先写信；一周后仍无回应的，才可移出。"
            "没有给任何人写信，也没有移出任何人：这只是一份名单。"
        )
    told = ", ".join(f"{count} to {step}" for step, count in counts.items() if count)
    return (
        f"{told}; at most {found[0].daily_limit} a day (5 %). Write first; who is still silent a week later may be "
        "removed. Nobody was written to or removed: this is a list."
    )


def _table(shown: Sequence[Candidate], language: Language, *, has_names: bool) -> "Table":
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    def say(text: str) -> str:
        return _WORDS[text] if language == "zh" else text

    heads = ["member", *(["name"] if has_names else []), "step", "on", "joined", "last message"]
    heads += ["active days 28/90/all", "probes ignored", "last claim", "purchases", "amount"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(say(head), no_wrap=head in {"member", "step", "on"})
    for one in shown:
        due = one.write_on if one.step == "write" else one.remove_from
        days = f"{one.active_days_28d}/{one.active_days_90d}/{one.active_days}"
        cells = [one.member_id, *([one.name] if has_names else []), say(one.step), f"{due}", _day(one.joined_at)]
        cells += [_day(one.last_message_at), days, str(one.probes_ignored), _day(one.last_claim_at), str(one.orders)]
        cells.append(money(one.spent, one.currency) if one.orders else "")
        table.add_row(*(Text("".join(c if c.isprintable() else " " for c in cell)) for cell in cells))
    return table


def _day(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d}"
