"""`vitals calibrate`: tell the agents what each brand's own past says of its risk."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import click
import msgspec

from streams import models
from streams import settings as settings_module
from streams.errors import VitalsError
from streams.events import Calibration, encode
from streams.ticker import TOPIC, append
from streams.vitals.calibration import CALIBRATE_DAYS, DELAY_DAYS, intercept
from streams.vitals.policy import DAY_MS
from streams.warehouse import Warehouse

_EPOCH = date(1970, 1, 1)
_TESTS = """SELECT brand_id, known_on, expected_millionths, died FROM calibration
WHERE model = %(model)s AND known_on <= %(until)s ORDER BY brand_id, known_on"""
_LAST_DAY = "SELECT max(at) FROM group_vitals_v1 WHERE is_day_close AND model = %(model)s"


class Learnt(msgspec.Struct, frozen=True):
    """What a brand's past says, as of `known_on`. `expected` and `died` are counts of weekly tests, undecayed."""

    brand_id: str
    known_on: date
    expected: float
    died: int
    intercept: float


def learn(tests: Iterable[tuple[str, date, int, int]], until: date) -> list[Learnt]:
    """Each brand's intercept as of `until` from (brand, known on, expected in millionths, died), the oldest first.

    28 days in which nothing became known count too: what is old fades.
    """
    of_brand: dict[str, dict[date, tuple[int, int]]] = {}
    for brand_id, known_on, expected, died in tests:
        of_brand.setdefault(brand_id, {})[known_on] = (expected, died)
    return [_learnt(brand_id, known, until) for brand_id, known in sorted(of_brand.items())]


def _learnt(brand_id: str, known: Mapping[date, tuple[int, int]], until: date) -> Learnt:
    steps = (until - min(known)).days // CALIBRATE_DAYS
    days = [until - timedelta(CALIBRATE_DAYS * back) for back in range(steps, -1, -1)]
    values = [known.get(day, (0, 0)) for day in days]
    expected, died = (sum(column) for column in zip(*values, strict=True))
    return Learnt(brand_id, until, expected / 1e6, died, intercept(values))


def last_step(day: date) -> date:
    """The latest day not after `day` on which communities are calibrated."""
    return day - timedelta((day - _EPOCH).days % CALIBRATE_DAYS)


def event_of(learnt: Learnt, model: str) -> Calibration:
    """What the agents hear. The same past gives the same event, so telling it twice changes nothing."""
    known_at = (learnt.known_on - _EPOCH).days * DAY_MS
    return Calibration(
        event_id=f"calibration/{learnt.brand_id}/{model}/{learnt.known_on}",
        occurred_at=known_at,
        brand_id=learnt.brand_id,
        platform="*",
        model=model,
        intercept=learnt.intercept,
        effective_at=known_at + DELAY_DAYS * DAY_MS,
    )


@click.command(epilog="Example: vitals calibrate --dry-run")
@click.option("--dry-run", is_flag=True, help="Show what was learnt, and tell nobody.")
def calibrate_command(dry_run: bool) -> None:
    """Learn from each brand's past how often its groups died, and tell the agents.

    A brand's intercept is moved a little at a time and by evidence only. It is in force 7 days after the last multiple
    of 28 days; run this monthly. `vitals sql "SELECT * FROM calibration"` shows what it is made of.
    """
    settings = settings_module.load()
    model = models.judging(settings)[0].name
    warehouse = Warehouse(settings, "bi")
    try:
        learnt = _ask(warehouse, model)
    finally:
        warehouse.close()
    if not learnt:
        raise VitalsError("nothing to learn from yet: a group is tested from its 112th day, and 56 days later we know")
    for one in learnt:
        click.echo(
            f"{one.brand_id}: {one.expected:.1f} deaths expected, {one.died} came by {one.known_on}; "
            f"intercept {one.intercept:+.3f}"
        )
    if dry_run:
        return
    values = [encode(event_of(one, model)) for one in learnt]
    append(settings, TOPIC, [(b"", value, partition) for value in values for partition in range(settings.partitions)])
    click.echo(f"told every partition of {TOPIC}")


def _ask(warehouse: Warehouse, model: str) -> list[Learnt]:
    ((last,),) = warehouse.query(_LAST_DAY, {"model": model})
    until = last_step(last.date())
    return learn(warehouse.query(_TESTS, {"model": model, "until": until}), until)
