import pytest
from clickhouse_driver import errors

from streams.warehouse import WarehouseError, _refusal


@pytest.mark.parametrize(
    ("said", "is_advised"),
    [
        ("Table vitals.group_vitals_v1 does not exist", True),
        ("Unknown table expression identifier 'group_helth'. Maybe you meant vitals.group_health?", False),
        ("Unknown table expression identifier 'system.query_log'", False),
    ],
)
def test_only_a_table_that_a_migration_makes_is_a_case_for_migrate(said: str, is_advised: bool) -> None:
    refusal = _refusal(errors.ServerException(f"DB::Exception: {said}. Stack trace:", 60))
    assert isinstance(refusal, WarehouseError)
    assert str(refusal).startswith(f"ClickHouse: {said.rstrip('.')}")
    assert ("vitals migrate" in str(refusal)) is is_advised
