"""Where the bars of a plot stand: numbers only, in the units of an SVG's viewBox. The page draws and words them."""

import math
from collections.abc import Callable, Sequence

import msgspec

WIDTH, HEIGHT = 400.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 4.0, 8.0, 18.0
"""Room around the bars: numbers at the left, dates below."""
GAP = 0.22
"""Of a week's room, between two bars."""
LINE_APART = 12.0
"""Numbers of the scale nearer to zero's would stand on it."""
STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
SPARK_WIDTH, SPARK_HEIGHT = 156.0, 30.0
WEEKS_OF_SPARK = 52
DATES = 4


class Part(msgspec.Struct, frozen=True):
    """A piece of a week's bar. Positive ones stack upwards from zero, negative ones downwards."""

    kind: str
    value: float
    title: str


class Column(msgspec.Struct, frozen=True):
    """A week: what is written below it, and its pieces from zero outwards. One that nobody saw says so in `unseen`."""

    label: str
    parts: Sequence[Part]
    unseen: str = ""


class Box(msgspec.Struct, frozen=True):
    """One piece as it stands."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


class Mark(msgspec.Struct, frozen=True):
    """A word on an axis: at x below the bars, or at y beside a line. The last date ends at its x."""

    at: float
    text: str
    is_last: bool = False


class Plot(msgspec.Struct, frozen=True):
    """Bars with a scale. `zero` is the y of nothing."""

    boxes: Sequence[Box]
    lines: Sequence[Mark]
    dates: Sequence[Mark]
    zero: float


class Spark(msgspec.Struct, frozen=True):
    """A year in a line of text: two SVG paths, of what was and of what nobody saw, and the highest week."""

    bars: str
    unseen: str
    most: int


def nice(value: float) -> float:
    """The least round number that is not below `value`; 1 for nothing."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in STEPS if step * power >= value * (1 - 1e-9))


def columns(weeks: Sequence[Column], shown: Callable[[float], str]) -> Plot:
    """Stacked bars, oldest first. `shown` words a number of the scale, which reaches to round ones."""
    highest = max((sum(part.value for part in week.parts if part.value > 0) for week in weeks), default=0)
    lowest = min((sum(part.value for part in week.parts if part.value < 0) for week in weeks), default=0)
    top, bottom = nice(highest) if highest > 0 or lowest >= 0 else 0.0, -nice(-lowest) if lowest < 0 else 0.0
    high = HEIGHT - TOP - BOTTOM

    def y_of(value: float) -> float:
        return TOP + high * (top - value) / (top - bottom)

    room = (WIDTH - LEFT - RIGHT) / max(len(weeks), 1)
    boxes = [box for place, week in enumerate(weeks) for box in _stack(week, LEFT + place * room, room, y_of)]
    ends = sorted({bottom, 0.0, top / 2 if bottom == 0 else 0.0, top})
    clear = [value for value in ends if value == 0 or abs(y_of(value) - y_of(0)) >= LINE_APART]
    lines = [Mark(_round(y_of(value)), shown(value)) for value in clear]
    return Plot(boxes, lines, _dates(weeks, room), _round(y_of(0)))


def spark(weeks: Sequence[int | None]) -> Spark:
    """Bars for the weeks of a year, the latest at the right edge; None is a week that nobody saw, 0 a silent one."""
    latest = weeks[-WEEKS_OF_SPARK:]
    most = max((week for week in latest if week), default=0)
    room = SPARK_WIDTH / WEEKS_OF_SPARK
    left = SPARK_WIDTH - room * len(latest)
    bars, blind = [], []
    for place, week in enumerate(latest):
        x = left + place * room
        if week is None:
            blind.append(_bar(x, room, SPARK_HEIGHT))
        elif week:
            bars.append(_bar(x, room * 0.8, max(1.0, SPARK_HEIGHT * week / most)))
    return Spark("".join(bars), "".join(blind), most)


def _stack(week: Column, x: float, room: float, y_of: Callable[[float], float]) -> list[Box]:
    """The pieces of one bar; nothing takes no room."""
    up = down = 0.0
    left, width = _round(x + room * GAP / 2), _round(room * (1 - GAP))
    if week.unseen:
        return [Box(left, TOP, width, HEIGHT - TOP - BOTTOM, "stale", week.unseen)]
    boxes = []
    for part in week.parts:
        if not part.value:
            continue
        begin = up if part.value > 0 else down
        end = begin + part.value
        up, down = (end, down) if part.value > 0 else (up, end)
        high, low = y_of(max(begin, end)), y_of(min(begin, end))
        boxes.append(Box(left, _round(high), width, _round(low - high), part.kind, part.title))
    return boxes


def _dates(weeks: Sequence[Column], room: float) -> list[Mark]:
    """A few dates, evenly spread, the last week always among them."""
    every = max(1, math.ceil(len(weeks) / DATES))
    shown = [place for place in range(len(weeks)) if (len(weeks) - 1 - place) % every == 0]
    last = len(weeks) - 1
    return [
        Mark(WIDTH - RIGHT if place == last else _round(LEFT + (place + 0.5) * room), weeks[place].label, place == last)
        for place in shown
    ]


def _bar(x: float, width: float, height: float) -> str:
    return f"M{_round(x):g} {SPARK_HEIGHT:g}v{-_round(height):g}h{_round(width):g}v{_round(height):g}z"


def _round(value: float) -> float:
    """Two decimals are finer than any screen."""
    return round(value, 2) + 0.0
