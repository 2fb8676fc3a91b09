"""Write what `vitals groups` and `vitals group` show now into README.md: `python -m tests.readme`.

Asks the stack of VITALS_HOME, by default the one of `make demo`.
"""

import json
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
VITALS = ROOT / ".venv" / "bin" / "vitals"
WIDTH = 100
SHOWN = 6


def shown(*args: str) -> str:
    """What a terminal of WIDTH columns without colours shows."""
    terminal = {"TTY_COMPATIBLE": "1", "COLUMNS": str(WIDTH)}
    env = {"VITALS_HOME": str(ROOT / ".demo"), **os.environ, **terminal}
    done = subprocess.run([VITALS, *args], env=env, check=True, capture_output=True, text=True)
    return done.stdout.rstrip()


def filled(text: str, block: str, command: str, output: str) -> str:
    """`text` with the block between `<!-- NAME:begin -->` and `<!-- NAME:end -->` replaced."""
    begin, end = f"<!-- {block}:begin -->", f"<!-- {block}:end -->"
    inside = f"{begin}\n```\n$ {command}\n{output}\n```\n{end}"
    found, count = re.subn(f"{begin}.*?{end}", lambda _: inside, text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"README.md has {count} blocks {begin}, it needs one")
    return found


def main() -> None:
    """Fill both blocks: the ranking, and its first group."""
    first = json.loads(shown("groups", "--json", "--verdict", "dying", "--limit", "1"))[0]["group_id"]
    ranking = shown("groups", "--no-color", "--limit", str(SHOWN))
    text = filled(README.read_text(), "groups", f"vitals groups --limit {SHOWN}", ranking)
    text = filled(text, "group", f"vitals group {first}", shown("group", first, "--no-color"))
    README.write_text(text)


if __name__ == "__main__":
    main()
