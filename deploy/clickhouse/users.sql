-- The two users on a ClickHouse elsewhere, one statement after the other as an administrator. Put in the passwords first, and
-- give them to `vitals` as VITALS_CLICKHOUSE_PASSWORD and VITALS_BI_PASSWORD or as secrets/clickhouse and secrets/bi.
CREATE DATABASE IF NOT EXISTS vitals;

CREATE SETTINGS PROFILE IF NOT EXISTS vitals_bi SETTINGS
    readonly = 2,
    max_memory_usage = 2000000000 MIN 1 MAX 2000000000,
    max_execution_time = 60 MIN 1 MAX 600;

CREATE USER IF NOT EXISTS vitals IDENTIFIED WITH sha256_password BY '…';

CREATE USER IF NOT EXISTS bi IDENTIFIED WITH sha256_password BY '…' SETTINGS PROFILE vitals_bi;

GRANT ALL ON vitals.* TO vitals;

GRANT SELECT ON system.* TO vitals;

-- What an insert of columns asks for; it makes no table.
GRANT CREATE TEMPORARY TABLE ON *.* TO vitals;

GRANT TABLE ENGINE ON MergeTree, TABLE ENGINE ON ReplacingMergeTree TO vitals;

GRANT SELECT ON vitals.* TO bi;
