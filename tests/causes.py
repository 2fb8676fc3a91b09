"""Whether the cause that is named is the one that was planted, and whether what is no death stays without alarm.

    python -m tests.causes --seeds 7 8 9

Simulates fleets, replays them with `vitals backtest`, and compares with what was planted.
"""

import argparse
import contextlib
import csv
import io
import json
import sys
import tempfile
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import click
import msgspec

from streams import cli

ALARMS = {"dying", "dead"}
ENOUGH = 0.8
CAUSES = (
    "freebie_hunters", "ad_flood", "monologue", "leader_left", "core_left", "unanswered_newcomers",
)  # fmt: skip


class Outcome(msgspec.Struct):
    """Of the groups with one planted cause: how many, how many raised an alarm after it set in, and what was named."""

    is_death: bool
    groups: int = 0
    early: int = 0
    """Alarms before the cause set in, or in groups in which nobody died."""
    detected: int = 0
    named: Counter[str] = msgspec.field(default_factory=Counter)


def compare(seed: int, folder: Path, groups: int) -> dict[str, Outcome]:
    """Simulate one fleet, replay it, and compare. Planted cause → outcome."""
    fleet, verdicts = folder / f"fleet-{seed}", folder / f"verdicts-{seed}.csv"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for line in (
            ["simulate", "--out", str(fleet), "--seed", str(seed), "--groups", str(groups), "--end", "2026-11-01"],
            ["backtest", str(fleet / "events.jsonl.gz"), "--out", str(verdicts)],
        ):
            if cli.run(line):
                raise SystemExit(f"vitals {' '.join(line)} failed")
    rows = defaultdict(list)
    with verdicts.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            rows[row["group_id"]].append(row)
    found: dict[str, Outcome] = {}
    with (fleet / "truth.csv").open(newline="", encoding="utf-8") as lines:
        for truth in csv.DictReader(lines):
            outcome = found.setdefault(truth["cause"], Outcome(truth["is_death"] == "true"))
            _judge(outcome, truth["decline_at"], rows[truth["group_id"]])
    return found


def _judge(outcome: Outcome, decline_at: str, rows: list[dict[str, str]]) -> None:
    outcome.groups += 1
    alarms = [now for was, now in pairwise(rows) if now["verdict"] in ALARMS and was["verdict"] not in ALARMS]
    after = [row for row in alarms if outcome.is_death and row["at"][:10] > decline_at]
    outcome.early += len(after) < len(alarms)
    if after:
        outcome.detected += 1
        codes = [reason["code"] for reason in json.loads(after[0]["reasons"])]
        outcome.named[next((code for code in codes if code in CAUSES), "none")] += 1


def total(fleets: list[dict[str, Outcome]]) -> dict[str, Outcome]:
    """The outcomes of several fleets together."""
    found: dict[str, Outcome] = {}
    for fleet in fleets:
        for cause, outcome in fleet.items():
            into = found.setdefault(cause, Outcome(outcome.is_death))
            into.groups += outcome.groups
            into.early += outcome.early
            into.detected += outcome.detected
            into.named += outcome.named
    return found


def share_named(found: dict[str, Outcome]) -> float:
    """Of the deaths detected, those whose planted cause was named first."""
    right = sum(outcome.named[cause] for cause, outcome in found.items() if outcome.is_death)
    return right / max(sum(outcome.detected for outcome in found.values()), 1)


def main() -> int:
    """Print a table; 1 if fewer than ENOUGH causes are right, or if a group that did not die raised an alarm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9])
    parser.add_argument("--groups", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = total([compare(seed, Path(folder), args.groups) for seed in args.seeds])
    click.echo(f"{'planted':22}{'groups':>8}{'detected':>10}{'false':>7}  named")
    for cause, outcome in sorted(found.items(), key=lambda item: (not item[1].is_death, item[0])):
        named = ", ".join(f"{name} {count}" for name, count in outcome.named.most_common())
        click.echo(f"{cause:22}{outcome.groups:>8}{outcome.detected:>10}{outcome.early:>7}  {named}")
    share, false = share_named(found), sum(outcome.early for outcome in found.values())
    click.echo(f"cause named as planted: {share:.1%} of detected deaths; false alarms: {false}")
    return int(share < ENOUGH or false > 0)


if __name__ == "__main__":
    sys.exit(main())
