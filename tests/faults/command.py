"""`python -m tests.faults`: rounds of faults on a stack of their own."""

import pathlib
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from statistics import median

import click

from streams.settings import Settings
from tests.faults.away import be_away
from tests.faults.brokers import COUNT, Brokers
from tests.faults.catalogue import FAULTS, OF_BROKERS, OF_ONE_BROKER
from tests.faults.rounds import SIGTERM_LIMIT_S, Rounds, Told, line
from tests.faults.schedule import Deck, Strike, deal
from tests.faults.stage import Stage, settings_of

SETTLE_S, SETTLE_LIMIT_S = 45.0, 400.0
"""Orders wait half a minute for the chat around them: what their last takes as a rule, and at most."""
LOOK_S = 1.0
SMALLEST_TRIES = 8
LONG = "clickhouse-away"
"""This one alone with --minutes is not rounds, but one time away that long."""


@click.command(
    epilog="\b\nExample:\n  python -m tests.faults --seed 7 --rounds 20\n  python -m tests.faults --fault cut-insert"
)
@click.option(
    "--rounds", type=click.IntRange(1), help="How many rounds  [default: 10, or as many as fit into --minutes]."
)
@click.option("--minutes", type=click.FloatRange(min=0.5), help="No round begins that would not end in time.")
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds give equal schedules.")
@click.option(
    "--fault",
    "names",
    multiple=True,
    type=click.Choice(sorted(FAULTS | OF_BROKERS)),
    help="Only this; may be repeated.",
)
@click.option("--per-round", type=click.IntRange(0), help="Faults in each round  [default: 1 to 3].")
@click.option("--rate", default=2000.0, show_default=True, help="Events a second while ClickHouse is away for long.")
@click.option("--brokers", type=click.Choice(["1", str(COUNT)]), default="1", show_default=True, help="Nodes of Kafka.")
@click.option(
    "--home", type=click.Path(path_type=pathlib.Path), help="Where the stack lives; kept  [default: a temporary one]."
)
def main(
    *,
    rounds: int | None,
    minutes: float | None,
    seed: int,
    names: tuple[str, ...],
    per_round: int | None,
    rate: float,
    brokers: str,
    home: pathlib.Path | None,
) -> None:
    """Disturb a whole running stack, and compare all that it makes with an undisturbed fold of the same log.

    `--fault clickhouse-away --minutes 10` is one long time away under a steady load, with the memory of all parts.
    """
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left running
    home = home or pathlib.Path(tempfile.mkdtemp(prefix="faults-"))
    if brokers != "1" and (wrong := OF_ONE_BROKER & set(names)):
        raise click.UsageError(f"{wrong.pop()} befalls the stack's own broker: leave --brokers out")
    usual = sorted(FAULTS if brokers == "1" else OF_BROKERS | {n: FAULTS[n] for n in FAULTS if n not in OF_ONE_BROKER})
    deck = deal(names or usual, seed)
    settings = settings_of(home)
    with _cluster(settings, brokers) as cluster, Stage(settings, cluster).running() as stage:
        click.echo(f"seed {seed}, stack of {len(stage.crew.processes)} processes in {home}")
        if names == (LONG,) and minutes and not rounds:
            sys.exit(not be_away(stage, minutes, rate))
        run = Run(stage, deck, seed, per_round)
        while run.wants_more(rounds if rounds or minutes else 10, minutes, time.monotonic() - began):
            run.round()
        run.finish()
    sys.exit(not run.close())


def _cluster(settings: Settings, count: str) -> AbstractContextManager[Brokers | None]:
    return Brokers(settings).running() if count != "1" else nullcontext()


class Run:
    """All rounds of one command, and their sum."""

    def __init__(self, stage: Stage, deck: Deck, seed: int, per_round: int | None) -> None:
        self.stage, self.deck, self.seed, self.per_round = stage, deck, seed, per_round
        self.rounds = Rounds(stage, seed)
        self.injected: Counter[str] = Counter()
        self.sums, self.compared = Counter[str](), Counter[str]()
        self.longest_s = 0.0
        self.told_endings = 0

    def wants_more(self, rounds: int | None, minutes: float | None, seconds: float) -> bool:
        """Whether another round begins; with a limit of time, only one that ends within it."""
        is_within = minutes is None or seconds + self.longest_s + SETTLE_S < minutes * 60
        return is_within and (rounds is None or self.rounds.count < rounds)

    def round(self) -> None:
        """One round; if it was not exact, its smallest schedule as well."""
        strikes = self.deck.draw() if self.per_round is None else self.deck.draw(self.per_round, self.per_round)
        told = self._told(strikes)
        if not told.findings.is_exact:
            click.echo(f"  kept in {self.rounds.keep(strikes, told)}")
            self._look_for_smallest(strikes)

    def _told(self, strikes: Sequence[Strike]) -> Told:
        told = self.rounds.run(strikes)
        click.echo(line(self.rounds.count, self.seed, told))
        for what in told.findings.told:
            click.echo(f"  {what}")
        self._tell_endings()
        self.injected += told.injected
        self.sums += Counter({kind: getattr(told.findings, kind) for kind in ("lost", "doubled", "mismatches")})
        self.compared += Counter({"events": told.findings.events, "outputs": told.findings.compared["outputs"]})
        self.compared["values"] = told.findings.compared["values"]
        self.longest_s = max(self.longest_s, told.seconds)
        return told

    def _tell_endings(self) -> None:
        """What ended by itself since the last time, and its last word; its log stays in the home of the stack."""
        endings = self.stage.crew.died[self.told_endings :]
        self.told_endings += len(endings)
        for ending in endings:
            click.echo(f"  {ending.name} ended by itself with {ending.code}: {ending.said}")

    def _look_for_smallest(self, strikes: Sequence[Strike]) -> None:
        """Leave out one strike after the other, as long as what is left still shows it."""
        smallest = list(strikes)
        for strike in strikes[:SMALLEST_TRIES]:
            fewer = [other for other in smallest if other is not strike]
            if fewer and not self._told(fewer).findings.is_exact:
                smallest = fewer
        click.echo(f"  the smallest schedule that shows it: {[tuple(strike) for strike in smallest]}")

    def finish(self) -> None:
        """Wait for the orders of the last round, then compare everything of all rounds once more."""
        deadline = time.monotonic() + SETTLE_LIMIT_S
        while self.rounds.books.orders_in_part() and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        drained_s, trouble = self.rounds.rest()
        findings = self.rounds.books.audit("", None)
        findings.note("mismatches", "troubles", trouble)
        compared = ", ".join(f"{count:,} {what}" for what, count in sorted((self.compared | findings.compared).items()))
        click.echo(f"all rounds once more, drained in {drained_s:.1f} s: {compared}, {findings.left_over} left over")
        for what in findings.told:
            click.echo(f"  {what}")
        self.sums += Counter({kind: getattr(findings, kind) for kind in ("lost", "doubled", "mismatches")})

    def close(self) -> bool:
        """The closing lines; whether all was as it should be."""
        crew = self.stage.crew
        for what, seconds in sorted(self.stage.figures.items()):
            click.echo(f"  {what}: {len(seconds)} times, at most {max(seconds):.1f} s, median {median(seconds):.1f} s")
        late = [seconds for seconds in crew.sigterm_seconds if seconds > SIGTERM_LIMIT_S]
        click.echo(
            f"  SIGTERM: {len(crew.sigterm_seconds)} times, at most {max(crew.sigterm_seconds, default=0):.1f} s;"
            f" {len(late)} beyond {SIGTERM_LIMIT_S:.0f} s; {len(crew.died)} ended by themselves and were started again"
        )
        click.echo("  " + ", ".join(f"{name} {count}" for name, count in sorted(self.injected.items())))
        orphans = self.stage.orphans()
        if orphans:
            click.echo(f"  {len(orphans)} processes are left over")
        lost, doubled, mismatches = (self.sums[kind] for kind in ("lost", "doubled", "mismatches"))
        click.echo(f"faults: {self.injected.total()} injected, {lost} lost, {doubled} doubled, {mismatches} mismatches")
        return not (lost or doubled or mismatches or late or orphans)
