"""The effects of playbooks counted again from raw events, in plain Python: `python -m tests.playbook_oracle EVENTS`.

EVENTS is the file that was imported (`vitals simulate` wrote it). For every playbook of the running stack each number
of `vitals playbook effect` is worked out anew: member messages and speakers from the messages of the file, buyers and
money from the shares that stand in ClickHouse, likeness, median, interval and answer in another way. Exits 1 on any
difference.
Which groups may be compared, and their verdict and size on the eve, it takes from `playbook_windows`.
"""

import gzip
import json
import math
import sys
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import click
from rich.progress import track

from streams.playbook.desk import Desk, Window
from streams.settings import load
from streams.warehouse import Warehouse

DAY = 86_400_000
NAMES = ("messages", "speakers", "buyers", "revenue")


def talk(path):
    """Member messages and the set of speakers by (group, day), and each group's first day.

    A message that was recalled was not said.
    """
    said, taken_back, born = {}, set(), {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            if group := event.get("group_id"):
                born[group] = min(born.get(group, event["occurred_at"]), event["occurred_at"])
            if event["type"] == "message" and event.get("role", "member") == "member":
                said[event["event_id"]] = (event["group_id"], event["occurred_at"] // DAY, event["member_id"])
            elif event["type"] == "recall":
                taken_back.add(event["target"])
    messages, speakers = defaultdict(int), defaultdict(set)
    for event_id, (group, day, member) in said.items():
        if event_id not in taken_back:
            messages[group, day] += 1
            speakers[group, day].add(member)
    return messages, speakers, {group: at // DAY for group, at in born.items()}


def trade(warehouse):
    """Buyers and money by (group, day), from the shares one by one."""
    currency = dict(warehouse.query("SELECT group_id, currency FROM groups"))
    ordered, money = defaultdict(int), defaultdict(int)
    for group, at, customer, refund, amount, code in warehouse.query(
        "SELECT group_id, toUnixTimestamp64Milli(occurred_at), customer_id, refund_id, amount, currency "
        "FROM events_v1 FINAL WHERE type = 'order_attributed'"
    ):
        if not refund:
            ordered[group, at // DAY, customer] += amount
        if code == currency.get(group):
            money[group, at // DAY] += amount
    buyers = defaultdict(int)
    for (group, day, _), amount in ordered.items():
        buyers[group, day] += amount > 0
    return buyers, money


def logarithm(total):
    """Of one more than a count; of money below nothing the negative."""
    return math.copysign(math.log(1 + abs(total)), total)


class Oracle:
    """Counts by (group, day)."""

    def __init__(self, events, warehouse):
        messages, speakers, self.born = talk(events)
        buyers, money = trade(warehouse)
        self.daily = {
            "messages": messages, "speakers": {key: len(who) for key, who in speakers.items()}, "buyers": buyers,
            "revenue": money,
        }  # fmt: skip

    def total(self, name, group, first, days):
        return sum(self.daily[name].get((group, day), 0) for day in range(first, first + days))

    def fall(self, name, window):
        """Logarithms of 28 days: usual, at the ebb, once settled, before; None where one is not known."""
        start = (window.start_day - date(1970, 1, 1)).days
        since = max(start - 84, self.born[window.group_id])
        if since > start - 56 or window.days_after < 28 or not window.usual:
            return None
        spans = ((since, start - 28 - since), (start - 21, 21), (start + 8, 21), (start - 28, 28))
        return [logarithm(28 * self.total(name, window.group_id, first, days) / days) for first, days in spans]

    def comeback(self, name, own, others):
        """Of the groups that had fallen too, how many there are and how many came back; None if it did not itself."""
        mine = self.fall(name, own)
        if mine is None or name not in ("messages", "speakers"):
            return None
        usual, ebb, settled, before = mine
        strays = math.sqrt(0.04 + 2 / math.exp(before))
        if usual - ebb < 1.5 * strays or 2 * settled <= usual + ebb:
            return None
        fell = [
            it for other in others if (it := self.fall(name, other)) and 2 * (it[0] - it[1]) >= usual - ebb
            and math.exp(it[3]) >= 21 - 1e-6 and abs(it[3] - before) <= math.log(3 * (1 + 1e-9))
        ]  # fmt: skip
        return len(fell), sum(2 * settled > usual + ebb for usual, ebb, settled, _ in fell)

    def answer(self, name, found, back):
        """What is to be said of the goal, of its numbers and its coming back."""
        if found[4] is None:
            return "cannot tell"
        if found[5] > 0 or found[6] < 0:
            return "helped" if found[5] > 0 else "harmed"
        return "likely helped" if back and back[0] and 3 * back[1] <= back[0] else "cannot tell"

    def effect(self, name, own, others):
        """(before, after, others before, others after, effect, low, high), the last three None where it cannot tell."""
        start, after = (own.start_day - date(1970, 1, 1)).days, own.days_after

        def seen(group):
            of = [self.total(name, group, *window) for window in
                  ((start - 56, 28), (start - 28, 28), (start - 7, 7), (start + 1, after))]  # fmt: skip
            return [*of[:3], of[3] * 28 / after]

        mine = seen(own.group_id)
        ranked = []
        for other in others:
            theirs = seen(other.group_id)
            far = sum(abs(logarithm(one) - logarithm(two)) for one, two in zip(mine[1:3], theirs[1:3], strict=True))
            if own.earlier and other.earlier:
                far += abs(logarithm(mine[1]) - logarithm(mine[0]) - logarithm(theirs[1]) + logarithm(theirs[0]))
            ill = ["fading", "dying", "dead"]
            steps = [{"fading": 1}.get(one.verdict, 2) if one.verdict in ill else 0 for one in (own, other)]
            far += (own.platform != other.platform) / 2 + abs(own.band - other.band) / 4 + abs(steps[0] - steps[1]) / 2
            ranked.append((round(far, 9), other.group_id, theirs))
        near = [theirs for _, _, theirs in sorted(ranked)[:39]]
        if len(near) < 12:
            return (mine[1] / 28, mine[3] / 28, None, None, None, None, None)
        middle = [percentile([one[at] for one in near]) / 28 for at in (1, 3)]
        told = (mine[1] / 28, mine[3] / 28, *middle)
        if abs(logarithm(mine[1]) - percentile([logarithm(one[1]) for one in near[:12]])) > math.log(
            (10 if name == "revenue" else 3) * (1 + 1e-9)
        ):
            return (*told, None, None, None)

        def changed(one):
            return one[3] - one[1] if name == "revenue" else logarithm(one[3]) - logarithm(one[1])

        def noise(one):
            return 1 if name == "revenue" else math.sqrt(0.04 + 2 / (1 + one[1]))

        usual = percentile([changed(one) for one in near])
        strayed = [(changed(one) - usual) * noise(mine) / noise(one) for one in near]
        rose, fell = sorted(one for one in strayed if one > 0), [-one for one in strayed if one < 0]
        place = 0.9 * (len(rose) - 1)
        under, over = (rose[math.floor(place)], rose[math.ceil(place)]) if rose else (0, 0)
        up = under + place % 1 * (over - under)
        down = max(fell) + math.log(120 / (len(near) + 1)) * sum(fell) / len(fell) if fell else 0
        effect = changed(mine) - usual
        found = [effect, effect - 1.2 * (1 + 6 / len(near)) * up, effect + down]
        return (*told, *(one if name == "revenue" else math.exp(one) - 1 for one in found))


def percentile(values):
    """The median."""
    values = sorted(values)
    return (values[len(values) // 2] + values[(len(values) - 1) // 2]) / 2


def is_same(one, two):
    if one is None or two is None:
        return one is two
    return math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-9)


@click.command()
@click.argument("events", type=click.Path(exists=True, path_type=Path))
def main(events):
    """Compare each number of each playbook with what the raw events come to."""
    settings = load()
    desk, warehouse = Desk(settings), Warehouse(settings)
    oracle = Oracle(events, warehouse)
    numbers, differences, known, answers = 0, [], 0, Counter()
    began = [one for one in desk.playbooks() if one.started_at]
    for playbook in track(began, transient=True):
        effect = desk.effect(playbook)
        windows = [
            Window(**dict(zip(Window.__struct_fields__, row, strict=True)))
            for row in warehouse.query(
                f"SELECT {', '.join(Window.__struct_fields__)} FROM playbook_windows WHERE playbook_id = %(id)s",
                {"id": playbook.playbook_id},
            )
        ]
        own = next(one for one in windows if one.is_own)
        for told in effect.estimates:
            others = [one for one in windows if one.is_comparable]
            if told.measure == "revenue":
                others = [one for one in others if own.currency == one.currency or not (own.currency and one.currency)]
            wanted = oracle.effect(told.measure, own, others)
            found = (told.before, told.after, told.others_before, told.others_after, told.effect, told.low, told.high)
            known += told.effect is not None
            if told.measure == playbook.goal:
                back = oracle.comeback(told.measure, own, others)
                answers[told.answer] += 1
                if told.answer != oracle.answer(told.measure, wanted, back):
                    differences.append(f"{playbook.playbook_id} {told.answer}, counted {wanted} {back}")
                if told.comeback and (told.comeback.fell, told.comeback.rose) != back:
                    differences.append(f"{playbook.playbook_id} {told.comeback}, counted {back}")
            for name, one, two in zip(("before", "after", "others before", "others after", "effect", "low", "high"),
                                      found, wanted, strict=True):  # fmt: skip
                numbers += 1
                if not is_same(one, two):
                    differences.append(f"{playbook.playbook_id} {told.measure} {name}: {one}, counted {two}")
    for line in differences[:20]:
        click.echo(line)
    click.echo(", ".join(f"{count} {answer}" for answer, count in sorted(answers.items())))
    click.echo(
        f"playbook oracle: {len(began)} playbooks, {known} effects, {numbers} numbers, {len(differences)} differences"
    )
    sys.exit(bool(differences) or not known)


if __name__ == "__main__":
    main()
