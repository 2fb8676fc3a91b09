"""What people read: `vitals groups`, the ranking, `vitals group`, one group, and `vitals work-list`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from streams import settings
from streams.errors import VitalsError
from streams.terminal import plain_console, print_json, print_lines
from streams.words import VERDICT_WORDS, Language, counted, verdict_word

if TYPE_CHECKING:
    from rich.console import Console

    from streams.fleet_rows import Health

_NOBODY = """No groups yet. To read chat logs: vitals import FORMAT PATH
To make a fleet to look at: vitals simulate --out fleet, then vitals import jsonl fleet/events.jsonl.gz"""
_MATCHES_SHOWN = 20

language_option = click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of headings and reasons."
)
json_option = click.option("--json", "is_json", is_flag=True, help="For programs; a ranking then holds every group.")
color_option = click.option("--no-color", is_flag=True, help="Never colour; a pipe is never coloured.")


@click.command(epilog="\b\nExample:\n  vitals groups --verdict dying --brand acme\n  vitals groups --all | grep wecom")
@click.option("--brand", "brands", multiple=True, help="Only this brand; may be repeated.")
@click.option(
    "--verdict", "verdicts", multiple=True, type=click.Choice(list(VERDICT_WORDS)), help="Only these; may be repeated."
)
@click.option("--platform", "platforms", multiple=True, help="Only this platform; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.  [default: 20; none with --all]")
@click.option("--all", "is_all", is_flag=True, help="Those too that need no look: healthy, forming, revived, ended.")
@language_option
@json_option
@color_option
def groups(  # noqa: PLR0913, PLR0917  one argument per option
    brands: tuple[str, ...],
    verdicts: tuple[str, ...],
    platforms: tuple[str, ...],
    limit: int | None,
    is_all: bool,
    language: Language,
    is_json: bool,
    no_color: bool,
) -> None:
    """Rank the groups, worst first."""
    from streams.fleet import NEEDS_A_LOOK, Fleet  # noqa: PLC0415  `--help` needs no driver

    fleet = Fleet(settings.load(), language)
    ranked = fleet.ranking(brands, platforms)
    wanted = set(verdicts) or (set(VERDICT_WORDS) if is_all or is_json else set(NEEDS_A_LOOK))
    chosen = [group for group in ranked if group.verdict in wanted]
    shown = chosen[: limit or (None if is_all or is_json else 20)]
    if is_json:
        print_json(shown)
        return
    console = plain_console(no_color)
    if not ranked:
        console.print(_nothing(fleet, bool(brands or platforms)), soft_wrap=True)
        return
    if shown:
        from streams.ranking import ranking  # noqa: PLC0415  `--help` needs no rich

        print_lines(console, ranking(shown, language, _width(console)))
    for line in _closing(ranked, chosen, shown, language, is_chosen=bool(verdicts)):
        console.print(line, style="dim" if shown else "", soft_wrap=True)


@click.command(epilog="\b\nExample:\n  vitals group acme/wecom/c-17\n  vitals group c-17 --language zh")
@click.argument("group_id", metavar="ID")
@language_option
@json_option
@color_option
def group(group_id: str, language: Language, is_json: bool, no_color: bool) -> None:
    """Show one group: vitals, reasons, worth, members, money.

    ID is a group's id, or its name, or a part of either that no other group has; or the id of an alert of it.
    """
    from streams.fleet import Fleet, match  # noqa: PLC0415

    fleet = Fleet(settings.load(), language)
    names = fleet.names()
    of_alert = None if match(names, group_id) else fleet.group_of(group_id)
    page = fleet.page(of_alert or the_one(names, group_id))
    if is_json:
        print_json(page)
        return
    from streams.group_page import group_page  # noqa: PLC0415

    console = plain_console(no_color)
    print_lines(console, group_page(page, language, _width(console)))


@click.command(
    "work-list", epilog="\b\nExample:\n  vitals work-list --brand acme\n  vitals work-list --language zh --limit 5"
)
@click.option("--brand", "brands", multiple=True, help="Only this brand; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.  [default: 20; none with --json]")
@language_option
@json_option
@color_option
def work_list(brands: tuple[str, ...], limit: int | None, language: Language, is_json: bool, no_color: bool) -> None:
    """List what to do next, first where there is most to lose.

    The order is worth × risk × the revenue of 28 usual days; of several brands or currencies that revenue is taken as a
    share of what all groups of the brand bring in that currency. Why to do it stands below each group, then why it is
    ill. `?`: part of the worth is not known; `vitals group` says which.
    """
    from streams.fleet import Fleet  # noqa: PLC0415

    fleet = Fleet(settings.load(), language)
    found = fleet.work_list(brands)
    shown = found[: limit or (None if is_json else 20)]
    if is_json:
        print_json(shown)
        return
    from streams import work_list as text  # noqa: PLC0415

    console = plain_console(no_color)
    if not found:
        ranked = fleet.ranking(brands)
        none = _word(
            language, "Nothing to do: no group is fading, dying or dead.", "无事可做:没有衰退、濒死或死亡的群。"
        )
        console.print(none if ranked else _nothing(fleet, bool(brands)), soft_wrap=True)
        return
    print_lines(console, text.work_list(shown, language, _width(console)))
    for line in text.meanings(shown, language):
        console.print(line, style="dim", soft_wrap=True)
    next_step = _word(
        language,
        "vitals group NAME: who carried it, and what its worth is made of",
        "vitals group 群名:查看骨干成员与价值构成",
    )
    console.print(next_step, style="dim", soft_wrap=True)
    if cut := len(found) - len(shown):
        more = _word(
            language, f"{cut} more; --limit {len(found)} shows them", f"还有 {cut} 个;--limit {len(found)} 显示"
        )
        console.print(more, style="dim", soft_wrap=True)
    at = f"{max(work.at for work in found):%Y-%m-%d %H:%M} UTC"
    console.print(_word(language, f"as of {at}", f"截至 {at}"), style="dim", soft_wrap=True)


def the_one(names: Mapping[str, str], text: str, what: str = "group", where: str = "vitals groups --all") -> str:
    """The id that `text` means, of `names` by id. Several matches are listed, then refused; `where` lists all."""
    from streams.fleet import match  # noqa: PLC0415

    found = match(names, text)
    if len(found) == 1:
        return found[0]
    if not found:
        raise VitalsError(f"no {what} matches {text!r}: `{where}` lists them")
    for key in found[:_MATCHES_SHOWN]:
        click.echo(f"{key}  {names[key]}")
    raise VitalsError(f"{len(found)} groups match {text!r}: give one of their ids, or more of it")


def _closing(
    ranked: "Sequence[Health]",
    chosen: "Sequence[Health]",
    shown: "Sequence[Health]",
    language: Language,
    *,
    is_chosen: bool,
) -> list[str]:
    """What stands below the ranking: how much more there is, and how to see it. `is_chosen`: by --verdict."""
    lines = [] if shown else [_word(language, "No group to show.", "没有符合条件的群。")]
    if cut := len(chosen) - len(shown):
        lines.append(
            _word(
                language, f"{cut} more; --limit {len(chosen)} shows them", f"还有 {cut} 个;--limit {len(chosen)} 显示"
            )
        )
    hidden = Counter(group.verdict for group in ranked) - Counter(group.verdict for group in chosen)
    if hidden and not is_chosen:
        counts = [f"{count} {verdict_word(verdict, language)}" for verdict, count in hidden.most_common()]
        lines.append(
            _word(
                language,
                f"{', '.join(counts)} not shown; --all shows them",
                f"未显示:{'、'.join(counts)};--all 显示全部",
            )
        )
    at = f"{max(group.at for group in ranked):%Y-%m-%d %H:%M} UTC"
    return [*lines, _word(language, f"as of {at}", f"截至 {at}")]


def _nothing(fleet: Any, is_filtered: bool) -> str:
    """Why there is no ranking, and which command comes next."""
    known = len(fleet.names())
    if not known:
        return _NOBODY
    if is_filtered:
        return f"No judged group has that brand or platform; {counted(known, 'group')} known: vitals groups --all"
    return f"{counted(known, 'group')} known, none judged yet: vitals wait"


def _word(language: Language, english: str, chinese: str) -> str:
    return chinese if language == "zh" else english


def _width(console: "Console") -> int | None:
    return console.width if console.is_terminal else None
