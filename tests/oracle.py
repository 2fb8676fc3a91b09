"""The oracle: group rows counted again from the events, in plain SQL, apart from the fold.

`python -m tests.oracle --brand raku [--days 20]` compares, for every group of a brand, its rows at so many random
midnights with counts over `events_v1 FINAL`, and exits 1 on any difference.
"""

import sys
from typing import NamedTuple

import click

from streams.settings import load
from streams.warehouse import Warehouse

MEASURES = ("messages_28d", "messages_7d", "speakers_1d", "speakers_7d", "speakers_28d", "active_days_28d",
            "joins_28d", "leaves_28d", "silent_minutes")  # fmt: skip

COMPARE = """
WITH
    told AS
    (
        SELECT group_id, at, messages_28d, messages_7d, speakers_1d, speakers_7d, speakers_28d, active_days_28d,
               joins_28d, leaves_28d, toInt64(round(silent_hours * 60)) AS silent_minutes
        FROM group_vitals_v1 FINAL
        WHERE is_day_close AND brand_id = %(brand)s
        ORDER BY group_id, cityHash64(group_id, at, %(seed)s)
        LIMIT %(days)s BY group_id
    ),
    happened AS
    (
        SELECT group_id, event_id, type, member_id, occurred_at
        FROM events_v1 FINAL
        WHERE brand_id = %(brand)s AND role = 'member' AND type IN ('message', 'join', 'leave')
    ),
    recalled AS
    (
        SELECT target, min(occurred_at) AS recalled_at
        FROM events_v1 FINAL WHERE brand_id = %(brand)s AND type = 'recall' GROUP BY target
    ),
    met AS
    (
        SELECT told.group_id AS group_id, told.at AS at, happened.event_id AS id, happened.type AS type,
               happened.member_id AS member, happened.occurred_at AS time,
               type = 'message' AND time < at
                   AND (recalled.recalled_at IS NULL OR recalled.recalled_at >= at) AS is_said
        FROM told
        LEFT JOIN happened ON happened.group_id = told.group_id
        LEFT JOIN recalled ON recalled.target = happened.event_id
    ),
    counted AS
    (
        SELECT group_id, at,
               uniqExactIf(id, is_said AND time >= at - INTERVAL 28 DAY) AS messages_28d,
               uniqExactIf(id, is_said AND time >= at - INTERVAL 7 DAY) AS messages_7d,
               uniqExactIf(member, is_said AND time >= at - INTERVAL 1 DAY) AS speakers_1d,
               uniqExactIf(member, is_said AND time >= at - INTERVAL 7 DAY) AS speakers_7d,
               uniqExactIf(member, is_said AND time >= at - INTERVAL 28 DAY) AS speakers_28d,
               uniqExactIf(toDate32(time), is_said AND time >= at - INTERVAL 28 DAY) AS active_days_28d,
               uniqExactIf(id, type = 'join' AND time < at AND time >= at - INTERVAL 28 DAY) AS joins_28d,
               uniqExactIf(id, type = 'leave' AND time < at AND time >= at - INTERVAL 28 DAY) AS leaves_28d,
               maxOrNullIf(toUnixTimestamp64Milli(time), is_said) AS last_said_at,
               toInt64(round((toUnixTimestamp64Milli(at) - last_said_at) / 60000)) AS silent_minutes
        FROM met
        GROUP BY group_id, at
    )
SELECT group_id, at, {pairs}
FROM told INNER JOIN counted USING (group_id, at)
ORDER BY group_id, at
SETTINGS join_use_nulls = 1
"""


class Comparison(NamedTuple):
    """How many rows and numbers were compared, and each difference as one line."""

    groups: int
    rows: int
    numbers: int
    differences: list[str]


def compare(warehouse: Warehouse, brand: str, days: int, seed: int) -> Comparison:
    """Compare a brand's rows with the events."""
    pairs = ", ".join(f"(told.{name}, counted.{name})" for name in MEASURES)
    rows = warehouse.query(COMPARE.replace("{pairs}", pairs), {"brand": brand, "days": days, "seed": seed})
    differences = [
        f"{group} at {at:%Y-%m-%d}: {name} is {told}, counted {counted}"
        for group, at, *found in rows
        for name, (told, counted) in zip(MEASURES, found, strict=True)
        if told != counted
    ]
    return Comparison(len({row[0] for row in rows}), len(rows), len(rows) * len(MEASURES), differences)


@click.command()
@click.option("--brand", required=True)
@click.option("--days", default=20, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(brand: str, days: int, seed: int) -> None:
    """Compare the rows of a brand's groups with counts over its events."""
    found = compare(Warehouse(load()), brand, days, seed)
    for line in found.differences[:20]:
        click.echo(line)
    click.echo(f"oracle: {found.groups} groups, {found.rows} rows, {found.numbers} numbers,"
               f" {len(found.differences)} differences")  # fmt: skip
    sys.exit(bool(found.differences) or not found.rows)


if __name__ == "__main__":
    main()
