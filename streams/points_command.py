"""`vitals points`: who earned most in a group, and what they have left."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import click
import msgspec

from streams.errors import VitalsError
from streams.reading import the_one
from streams.settings import Settings, load
from streams.terminal import print_json
from streams.words import Language, counted, number

_HEADS = {
    "en": ("PLACE", "MEMBER", "EARNED", "BALANCE", "REDEEMED", "REFUSED", "WAITING"),
    "zh": ("名次", "成员", "获得", "余额", "已兑换", "被拒", "待入账"),
}
_CHINESE = {"day": "日榜", "week": "周榜", "all time": "总榜"}
_PERIODS = {"day": "day", "week": "week", "all": "all time"}


class Score(msgspec.Struct, frozen=True):
    """One member's place. `earned` is of the period, the rest as of the last closed day; `waiting` comes after."""

    place: int
    member_id: str
    earned: int
    balance: int
    redeemed: int
    refused: int
    waiting: int


class Board(msgspec.Struct, frozen=True):
    """A group's leaderboard. `start` is the day or Monday that the period began with; None of all time."""

    group_id: str
    name: str
    period: str
    start: date | None
    scores: list[Score]


@click.command(
    "points", epilog="\b\nExample:\n  vitals points tea-3 --period week\n  vitals points tea-3 --language zh"
)
@click.argument("group", metavar="GROUP")
@click.option(
    "--period",
    type=click.Choice(list(_PERIODS)),
    default="all",
    show_default=True,
    help="The latest day or week in which anybody earned any, by the group's clock; or all time.",
)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.  [default: 20; none with --json]")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--json", "is_json", is_flag=True, help="For programs.")
def points_command(*, group: str, period: str, limit: int | None, language: Language, is_json: bool) -> None:
    """Show who earned most points in a group, and what is left.

    GROUP is its id or name, or a part of either that no other group has. Members are pseudonyms. Points are entered
    when a day has closed; what came since waits.
    """
    board = board_of(load(), group, _PERIODS[period])
    shown = board.scores[: limit or (None if is_json else 20)]
    if is_json:
        whole = msgspec.structs.replace(board, scores=shown)
        print_json(whole)
        return
    for line in board_lines(msgspec.structs.replace(board, scores=shown), len(board.scores), language):
        click.echo(line)


def board_of(settings: Settings, text: str, period: str) -> Board:
    """The leaderboard of the group that `text` means. Raises VitalsError where none is meant, or none has points."""
    from streams.warehouse import Warehouse  # noqa: PLC0415  `--help` needs no driver

    warehouse = Warehouse(settings, "bi")
    names = dict(warehouse.query("SELECT group_id, name FROM groups ORDER BY group_id"))
    group_id = the_one(names, text)
    asked: dict[str, Any] = {"group": group_id, "period": period}
    rows = warehouse.query(
        "SELECT board.start, board.place, balances.member_id, board.earned, balance, redeemed, refused, waiting "
        "FROM (SELECT * FROM points_balances WHERE group_id = %(group)s) AS balances "
        "LEFT JOIN (SELECT * FROM points_leaderboard WHERE group_id = %(group)s AND period = %(period)s "
        "AND (start IS NULL OR start = (SELECT max(start) FROM points_leaderboard WHERE group_id = %(group)s "
        "AND period = %(period)s))) AS board ON board.member_id = balances.member_id "
        "ORDER BY board.place IS NULL OR board.place = 0, board.place, balance DESC, member_id",
        asked,
    )
    if not rows:
        raise VitalsError(f"nobody has points in {group_id}: events `points` bring them, or rules (VITALS_POINTS)")
    scores = [Score(place or 0, who, earned or 0, *left) for _, place, who, earned, *left in rows]
    kept = scores if period == _PERIODS["all"] else [score for score in scores if score.place]
    start = next((row[0] for row in rows if row[1] and period != _PERIODS["all"]), None)
    return Board(group_id, names[group_id], period, start, kept)


def board_lines(board: Board, count: int, language: Language) -> list[str]:
    """A heading, a line a member, and how many there are."""
    from streams.columns import table  # noqa: PLC0415  it needs rich, `--help` does not
    from streams.ranking import printable  # noqa: PLC0415

    rows: list[Sequence[str]] = [_HEADS[language]]
    for one in board.scores:
        numbers = (one.earned, one.balance, one.redeemed, one.refused, one.waiting)
        rows.append((str(one.place) if one.place else "-", one.member_id, *map(number, numbers)))
    lines = [line.plain for line in table(rows, numbers=set(range(len(rows[0]))) - {1})]
    period = _CHINESE[board.period] if language == "zh" else board.period
    when = f"{period}{f' {board.start}' if board.start else ''}"
    told = f"共 {count} 人" if language == "zh" else counted(count, "member")
    return [f"{printable(board.name)}, {when}", *lines, told]
