"""`vitals cleanup` against the servers: the reader sees pseudonyms, and names only where they are asked for."""

import csv
import io
import json

import pytest

from streams import cli
from streams.settings import Settings
from tests.integration.test_views import give_rows

pytestmark = pytest.mark.integration
GROUP = "cleaning/wecom/c-1"


@pytest.fixture(scope="module")
def home(stack: Settings) -> dict[str, str]:
    """A group of which one member has been silent since spring."""
    own = {"group_id": GROUP, "brand_id": "cleaning"}
    since = {"tenure_since": "2026-01-01 00:00:00", "joined_at": "2026-01-01 00:00:00"}
    silent = own | since | {"role": "member", "is_present": True, "listed_since": "2026-10-20 00:00:00"}
    rows = {
        "groups_v1": [own | {"name": "保洁交流", "currency": "CNY", "version": 1}],
        "group_vitals_v1": [own | {"at": "2026-11-01 00:00:00", "is_day_close": True, "members": 30}],
        "member_standings_v1": [silent | {"member_id": "m_clean_1", "stage": "churned", "currency": "CNY"}],
        "members_v1": [{"member_id": "m_clean_1", "brand_id": "cleaning", "raw_id": "wx1", "name": "=李娜"}],
    }
    for table, given in rows.items():
        give_rows(stack, table, given)
    return {"VITALS_HOME": str(stack.home), "VITALS_CLICKHOUSE_PORT": str(stack.clickhouse_port)}


def test_the_list_of_a_group(
    home: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in home.items():
        monkeypatch.setenv(name, value)
    assert cli.run(["cleanup", "保洁"]) == 0
    shown = capsys.readouterr().out
    assert "1 member on the cleanup list" in shown
    assert "m_clean_1" in shown
    assert "李娜" not in shown
    assert cli.run(["cleanup", GROUP, "--json"]) == 0
    [one] = json.loads(capsys.readouterr().out)
    assert (one["step"], one["write_on"], one["remove_from"]) == ("write", "2026-11-01", "2026-11-08")
    assert cli.run(["cleanup", GROUP, "--csv", "-", "--names"]) == 0
    [row] = csv.DictReader(io.StringIO(capsys.readouterr().out.removeprefix("\ufeff")))
    assert row["name"] == "'=李娜"
