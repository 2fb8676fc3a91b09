"""`python -m tests.poison`: every hostile input tried, without servers, and how many had which fate."""

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.poison.case import ACCEPTED
from tests.poison.corpus import fuzzed, made
from tests.poison.fates import BRAND, NOW, Tasting
from tests.poison.files import made_files, taste


def main() -> int:
    """Print the table; 1 if an input was anything but taken in or refused once."""
    fates: dict[str, Counter[str]] = {}
    tasting = Tasting()
    for case in [*made(NOW, BRAND), *fuzzed(NOW, BRAND, each=4)]:
        try:
            fate = tasting.fate(case)
        except Exception as error:
            fate = "HARM"
            sys.stderr.write(f"{case.topic} {case.name}: {error}\n")
        fates.setdefault(case.topic, Counter())[fate] += 1
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VITALS_HOME"] = folder
        for number, file in enumerate(made_files()):
            code, _ = taste(file, Path(folder) / str(number))
            fate = "HARM" if code not in (0, 1) else ACCEPTED if code == 0 else "refused as a whole"
            fates.setdefault(f"import {file.command}", Counter())[fate] += 1
    show(fates)
    return int(any(counts["HARM"] for counts in fates.values()))


def show(fates: dict[str, Counter[str]]) -> None:
    """A table: a line for each way in, a column for each fate."""
    total = sum(fates.values(), Counter())
    columns = [fate for fate, _ in total.most_common()]
    lines = [" ".join([f"{'':18}", *(f"{fate:>{max(6, len(fate))}}" for fate in columns), "   all"])]
    for name, counts in [*sorted(fates.items()), ("all", total)]:
        cells = [f"{counts[fate] or '':>{max(6, len(fate))}}" for fate in columns]
        lines.append(" ".join([f"{name:18}", *cells, f"{counts.total():>6}"]))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
