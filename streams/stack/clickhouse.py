"""ClickHouse's own servers on loopback, sized for a laptop: configuration, users and the command that serves."""

import hashlib
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from streams.settings import Settings
from streams.stack.access import Reader, check_name, readers
from streams.stack.home import ensure_secret, write_private
from streams.stack.processes import marker

_CONFIG = """\
<clickhouse>
  <listen_host>127.0.0.1</listen_host>
  <tcp_port>{tcp_port}</tcp_port>
  <http_port>{http_port}</http_port>
  <users_config>users.xml</users_config>
  <timezone>UTC</timezone>
  <max_server_memory_usage>3000000000</max_server_memory_usage>
  <mark_cache_size>134217728</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <background_pool_size>4</background_pool_size>
  <max_concurrent_queries>100</max_concurrent_queries>
  <storage_configuration>
    <disks><default><keep_free_space_bytes>{keep_free}</keep_free_space_bytes></default></disks>
  </storage_configuration>
  <merge_tree><old_parts_lifetime>{keep_merged_s}</old_parts_lifetime></merge_tree>
</clickhouse>
"""
KEEP_FREE_BYTES = 512 << 20
"""With less room than this no insert and no merge is begun: Kafka has this disk too, and what runs must end."""

KEEP_MERGED_S = 480
"""What was merged is kept for so long, in case the disk did not take what it was merged into. A server's own default;
chdb-core's is 0."""

# The `default` user is who the engine is when it starts itself, and cannot be renamed or given a password. It may
# do what the start needs and nothing else, and its quota is spent by the start: from outside it reads no table. Quotas
# do not count what reads none, so it can still reckon with constants: with one thread and little memory.
# No table engine but the merging ones and what has no side effects: a Kafka table would keep the engine from
# starting ever again, a File or URL table would read for its user what he may not.
# The engine believes itself alone with its user, so what it checks in a server it does not check here: python() ends
# it, the constrained settings read and write files anywhere, file() reads them. All hold for the default user too.
_USERS = """\
<clickhouse>
  <profiles>
    <default>
      <max_memory_usage>1500000000</max_memory_usage>
      <max_bytes_before_external_group_by>500000000</max_bytes_before_external_group_by>
      <max_bytes_before_external_sort>500000000</max_bytes_before_external_sort>
      <allow_python_table_function>0</allow_python_table_function>
      <constraints>
{constants}
      </constraints>
    </default>
    <start>
      <profile>default</profile>
      <max_memory_usage>100000000</max_memory_usage>
      <max_threads>1</max_threads>
      <constraints><max_memory_usage><const/></max_memory_usage><max_threads><const/></max_threads></constraints>
    </start>
    <reader>
      <readonly>2</readonly>
      <max_memory_usage>1000000000</max_memory_usage>
      <max_memory_usage_for_user>2000000000</max_memory_usage_for_user>
      <max_concurrent_queries_for_user>16</max_concurrent_queries_for_user>
      <max_temporary_data_on_disk_size_for_user>5000000000</max_temporary_data_on_disk_size_for_user>
      <max_execution_time>60</max_execution_time>
      <constraints>
        <max_memory_usage><min>1</min><max>1000000000</max></max_memory_usage>
        <max_memory_usage_for_user><const/></max_memory_usage_for_user>
        <max_concurrent_queries_for_user><const/></max_concurrent_queries_for_user>
        <max_temporary_data_on_disk_size_for_user><const/></max_temporary_data_on_disk_size_for_user>
        <max_execution_time><min>1</min><max>600</max></max_execution_time>
      </constraints>
    </reader>
  </profiles>
  <quotas>
    <default/>
    <start><interval><duration>2000000000</duration><queries>{start_queries}</queries></interval></start>
  </quotas>
  <users>
    <default>
      <password/><networks><ip>127.0.0.1</ip></networks><profile>start</profile><quota>start</quota>
      <grants>
        <query>GRANT CREATE DATABASE ON {database}.*</query>
        <query>GRANT SYSTEM LISTEN ON *.*</query>
        <query>GRANT CREATE TEMPORARY TABLE ON *.*</query>
      </grants>
    </default>
    <{user}>
      <password_sha256_hex>{user_digest}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
      <grants>
        <query>GRANT ALL ON {database}*.*</query>
        <query>GRANT SELECT ON system.*</query>
        <query>GRANT CREATE TEMPORARY TABLE, KILL QUERY, SYSTEM FLUSH LOGS ON *.*</query>
{engines}
      </grants>
    </{user}>
{readers}
  </users>
</clickhouse>
"""
_READER = """\
    <{name}>
      <password_sha256_hex>{digest}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks><profile>reader</profile><quota>default</quota>
      <grants>{grants}</grants>
      {filters}
    </{name}>"""
ENGINES = (
    "MergeTree",
    "ReplacingMergeTree",
    "AggregatingMergeTree",
    "SummingMergeTree",
    "CollapsingMergeTree",
    "Memory",
    "Null",
    "Set",
    "Join",
)
CONSTANTS = (
    "allow_python_table_function",
    "format_schema",
    "format_template_resultset",
    "format_template_row",
    "input_format_record_errors_file_path",
    "output_format_schema",
)
"""Settings that no query may change."""
_NO_FILE = "CREATE FUNCTION file AS path -> throwIf(true, 'file() reads no files here')"
"""Hides the engine's own file(), which reads any file of this process's user, whoever asks."""
START_STATEMENTS = (
    "CREATE DATABASE IF NOT EXISTS {database}",
    "SYSTEM START LISTEN TCP",
    "SYSTEM START LISTEN HTTP",
    "INSERT INTO FUNCTION null('line String') FROM INFILE '{fifo}' FORMAT LineAsString",
)
"""What the engine runs to serve; the last one blocks until the last writer of the fifo has closed it."""


def folder(settings: Settings) -> Path:
    """Configuration and data of the server."""
    return settings.home / "clickhouse"


def command(settings: Settings) -> tuple[str, ...]:
    """The command that serves; it does not depend on addresses."""
    return (
        *(sys.executable, "-X", marker(settings.home), "-m", "streams.stack.clickhouse_server"),
        *(str(folder(settings)), settings.clickhouse_database),
    )


def configure(settings: Settings) -> None:
    """Write configuration and users for the addresses in the settings. Raises VitalsError."""
    home = folder(settings)
    home.mkdir(mode=0o700, exist_ok=True)
    ports = {"tcp_port": settings.clickhouse_port, "http_port": settings.clickhouse_http_port}
    write_private(home / "config.xml", _CONFIG.format(**ports, keep_free=KEEP_FREE_BYTES, keep_merged_s=KEEP_MERGED_S))
    write_private(home / "users.xml", _users(settings))
    functions = home / "data" / "user_defined"
    functions.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(functions / "function_file.sql", _NO_FILE)


def _users(settings: Settings) -> str:
    """Only digests of the passwords are written here. Names end up in SQL and XML, so they must be plain."""
    for name in (settings.clickhouse_database, settings.clickhouse_user, settings.bi_user):
        check_name(name)
    return _USERS.format(
        database=settings.clickhouse_database,
        user=settings.clickhouse_user,
        user_digest=_digest(ensure_secret(settings, "clickhouse")),
        readers="\n".join(_reader(settings, reader) for reader in readers(settings)),
        engines="\n".join(f"        <query>GRANT TABLE ENGINE ON {engine}</query>" for engine in ENGINES),
        constants="\n".join(f"        <{name}><const/></{name}>" for name in CONSTANTS),
        start_queries=len(START_STATEMENTS),
    )


def _reader(settings: Settings, reader: Reader) -> str:
    grants = "".join(f"<query>{escape(grant)}</query>" for grant in reader.grants(settings.clickhouse_database))
    filters = "".join(f"<{table}><filter>{escape(text)}</filter></{table}>" for table, text in reader.filters().items())
    database = settings.clickhouse_database
    return _READER.format(
        name=reader.name,
        digest=_digest(ensure_secret(settings, reader.secret)),
        grants=grants,
        filters=f"<databases><{database}>{filters}</{database}></databases>" if filters else "",
    )


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
