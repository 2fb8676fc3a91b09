"""The hostile records: each has a name, the bytes of its key and value, and what must become of it.

`made(now, brand)` are those made by hand, `fuzzed(now, brand)` those made from the types of the events, one field
replaced by one nasty value or left out. All of it is the same at each call with the same arguments.
"""

import random
from typing import Any

from streams.events import EVENTS, MAX_TIME
from tests.poison.broken import shapes
from tests.poison.case import Case, Kinds, Raw, raw
from tests.poison.meant import events
from tests.poison.strays import keys, letters, rows

NASTY: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64,
    10**30,
    1.5,
    -0.0,
    Raw("1e308"),
    Raw("1e999"),
    Raw("NaN"),
    "",
    " ",
    "x" * 513,
    "\u202e",
    "\n",
    "0",
    [],
    [None],
    ["x"],
    [[]],
    {},
    {"x": 1},
    Raw('"\\ud800"'),
    "null",
    MAX_TIME,
    MAX_TIME + 1,
)


def made(now: int, brand: str) -> list[Case]:
    """All that were made by hand."""
    kinds = Kinds(now, brand)
    cases = [*shapes(kinds), *events(kinds), *keys(kinds), *rows(kinds), *letters(kinds)]
    assert len({case.name for case in cases}) == len(cases)
    return cases


def fuzzed(now: int, brand: str, *, each: int = 6, seed: int = 1) -> list[Case]:
    """Of every event type and field `each` values out of NASTY, or as many fields left out; the schema says what is."""
    kinds, chance = Kinds(now, brand), random.Random(seed)
    cases = []
    for topic, types in EVENTS.items():
        for kind in types:
            tag = str(kind.__struct_config__.tag)
            if kinds.good[tag][0] != topic:
                continue
            for field in kind.__struct_fields__:
                for place in sorted(chance.sample(range(len(NASTY)), each)):
                    value = kinds.event(tag, **{field: NASTY[place]})
                    cases.append(Case(f"{tag}.{field} #{place}", topic, kinds.key(tag, value), raw(value), ""))
                lacking = kinds.event(tag)
                lacking.pop(field, None)
                cases.append(Case(f"{tag}.{field} left out", topic, kinds.key(tag, lacking), raw(lacking), ""))
    return cases
