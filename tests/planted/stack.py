"""The fleet through a real stack, and what its views say: Kafka, the agents, the sink, ClickHouse."""

import os
import subprocess
import sys
from pathlib import Path

from streams.playbook.desk import Desk
from streams.settings import Settings
from streams.stack.parts import environment
from streams.stack.start import up
from streams.stack.steps import Steps
from streams.stack.stop import down
from streams.warehouse import Warehouse
from tests.conftest import make_settings
from tests.planted.fleet import Truth
from tests.planted.judge import HELPED, Claims, in_time

MEMBERS = {
    "opinion_leader": "SELECT group_id, member_id FROM leaders",
    "referral_fraud": "SELECT group_id, member_id FROM referral_roots WHERE notEmpty(flags)",
}
LAST = "SELECT * FROM group_vitals_v1 FINAL WHERE is_day_close ORDER BY at DESC LIMIT 1 BY group_id"
GROUPS = {
    "freebie_group": "SELECT group_id FROM group_worth"
    " WHERE arrayExists(why -> why LIKE 'nobody ever bought%', advice_reasons)",
    "ad_only": f"SELECT group_id FROM ({LAST}) WHERE is_ad_only",
    "monologue": f"SELECT group_id FROM ({LAST}) WHERE is_monologue",
    "let_go": "SELECT group_id FROM group_worth WHERE advice = 'let go'",
    "keep_alive": "SELECT group_id FROM group_worth WHERE advice = 'keep'",
}
SILENT = """
SELECT group_id, member_id, toUnixTimestamp64Milli(at), is_silent FROM opinion_leaders_v1 FINAL ORDER BY at
"""
WAIT_S = 900


def claims(events: Path, room: Path, truth: Truth) -> dict[str, Claims]:
    """What the views say by kind, once a stack of its own has taken everything in."""
    quiet = Steps(lambda _: None, is_live=False)
    settings = make_settings(room / "home", tick_seconds=2.0)
    try:
        settings = up(settings, steps=quiet)
        for command in (("import", "jsonl", str(events)), ("wait", "--timeout", str(WAIT_S))):
            subprocess.run([sys.executable, "-m", "streams", *command], env=_env(settings), check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
        return _asked(settings, truth)
    finally:
        down(settings, steps=quiet)


def _env(settings: Settings) -> dict[str, str]:
    return {**os.environ, **environment(settings)}


def _asked(settings: Settings, truth: Truth) -> dict[str, Claims]:
    warehouse = Warehouse(settings)
    said: dict[str, Claims] = {kind: set(map(tuple, warehouse.query(query))) for kind, query in MEMBERS.items()}
    said |= {kind: {(group, "") for (group,) in warehouse.query(query)} for kind, query in GROUPS.items()}
    rows = ((group, member, int(at), bool(is_silent)) for group, member, at, is_silent in warehouse.query(SILENT))
    said["silent_leader"] = in_time(rows, truth)
    desk = Desk(settings)
    answers = {}
    for playbook in desk.playbooks():
        goals = [one for one in desk.effect(playbook).estimates if one.measure == playbook.goal]
        answers[playbook.group_id, ""] = bool(goals) and goals[0].answer in HELPED
    said["revival_helped"] = {key for key, helped in answers.items() if helped}
    said["revival_failed"] = {key for key, helped in answers.items() if not helped}
    return said
