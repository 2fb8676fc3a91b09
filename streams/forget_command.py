"""`vitals forget`: who shall be forgotten, what there is of them, and after a word of consent the erasure."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from streams.errors import VitalsError
from streams.settings import Settings, load
from streams.words import counted

if TYPE_CHECKING:
    from streams.erasure import Found

DELAY = "Kafka's files lose it within two hours, ClickHouse's within a quarter of an hour"


@click.command(
    "forget",
    epilog="\b\nExample:\n  vitals forget m_3nq0b2tq8fHk1c9Z --dry-run\n"
    "  vitals forget --brand acme --platform slack - < ids.txt\n  vitals forget --again --yes",
)
@click.argument("members", nargs=-1, metavar="[MEMBER]...")
@click.option("--brand", help="Of raw ids, with --platform.")
@click.option("--platform", help="Where the raw ids are from: irc, slack, or customer for those of orders.")
@click.option(
    "--again",
    is_flag=True,
    help="All who were ever forgotten: what came back is erased again, but for what only a raw id finds.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--timeout", type=click.FloatRange(min=0), default=600, show_default=True, help="For the sink, seconds.")
def forget_command(
    *,
    members: tuple[str, ...],
    brand: str | None,
    platform: str | None,
    again: bool,
    dry_run: bool,
    yes: bool,
    timeout: float,
) -> None:
    """Erase who members are: their raw ids and names, everywhere, for good.

    A MEMBER is a pseudonym, or with --brand and --platform a raw id; - reads them from standard input, a line each,
    where no list of processes shows them. What they did stays, under the pseudonym: no count changes. A later import
    sends neither id nor name again; an import that runs meanwhile may, so run --again after it. A shop's customer to
    whom a member is linked (the view identity_links) is forgotten by their own pseudonym. Files that you imported are
    yours to erase.
    """
    from streams import erasure  # noqa: PLC0415  `--help` needs no driver

    settings, given = load(), _given(members)
    if bool(given) == again:
        raise click.UsageError("give either members or --again")
    wanted = dict.fromkeys(erasure.forgotten(settings), ()) if again else pseudonyms(settings, given, brand, platform)
    if not wanted:
        raise click.UsageError("nobody was forgotten yet")
    found = erasure.find(settings, wanted)
    click.echo(summary(found))
    if dry_run:
        return
    if not yes:
        click.confirm("Erase it? It cannot be brought back", abort=True)
    from rich.console import Console  # noqa: PLC0415

    with Console(stderr=True).status("erasing") as line:
        erasure.erase(settings, found, line.update, timeout)
    click.echo(f"erased; {DELAY}")


def _given(members: Sequence[str]) -> list[str]:
    lines = sys.stdin.read().splitlines() if "-" in members else []
    return [text for member in (*members, *lines) if (text := member.strip()) not in ("", "-")]


def pseudonyms(
    settings: Settings, members: Sequence[str], brand: str | None, platform: str | None
) -> dict[str, tuple[str, ...]]:
    """The pseudonyms of what was given, each once, with the raw ids given for it. Raises VitalsError for an unknown."""
    from streams.connectors.irc_day import canonical_nick  # noqa: PLC0415
    from streams.pseudonyms import Pseudonyms, brand_secret, checked_brand, is_pseudonym  # noqa: PLC0415

    wanted: dict[str, tuple[str, ...]] = {member: () for member in members if is_pseudonym(member)}
    raw = [member for member in members if not is_pseudonym(member)]
    if not raw:
        return wanted
    if brand is None or platform is None:
        raise VitalsError(
            f"{counted(len(raw), 'member')} given by raw id: say --brand and --platform. An id that `import jsonl` "
            f"brought stands on the log as it is and cannot be forgotten"
        )
    if not (settings.secrets / f"brand-{checked_brand(brand)}").exists():
        raise VitalsError(
            f"the secret of brand {brand} is not in {settings.secrets}: set VITALS_HOME, or give pseudonyms"
        )
    known = Pseudonyms(brand_secret(settings.secrets, brand))
    for raw_id in raw:
        member = known.of(platform, canonical_nick(raw_id) if platform == "irc" else raw_id)
        wanted[member] = (*wanted.get(member, ()), raw_id)
    return wanted


def summary(found: "Found") -> str:
    """What there is to erase, without saying it."""
    named = sum(bool(words) for words in found.traces.values())
    advice = "" if named else " (erased already? else look at --brand, --platform and how it is written)"
    return (
        f"{counted(len(found.traces), 'member')}, of whom {named} can be led back to an id or a name{advice}; "
        f"one of them is named in {counted(len(found.letters), 'dead letter')}"
    )
