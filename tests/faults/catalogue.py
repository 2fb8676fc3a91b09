"""All faults by name. Each ends with everything in place again that it took away."""

from collections.abc import Callable

from tests.faults import broker_faults, process_faults, server_faults
from tests.faults.scene import Scene

FAULTS: dict[str, Callable[[Scene], None]] = {
    "kill-worker": process_faults.kill_worker,
    "lose-worker": process_faults.lose_worker,
    "stop-worker": process_faults.stop_worker,
    "stop-two-workers": process_faults.stop_two_workers,
    "rolling-restart": process_faults.term_worker,
    "scale-down": process_faults.scale_down,
    "join-worker": process_faults.join_worker,
    "kill-agent": process_faults.kill_agent,
    "stop-agent": process_faults.stop_agent,
    "term-agent": process_faults.term_agent,
    "kill-sink": process_faults.kill_sink,
    "stop-sink": process_faults.stop_sink,
    "term-sink": process_faults.term_sink,
    "kill-ticker": process_faults.kill_ticker,
    "kill-importer": process_faults.kill_importer,
    "jump-clocks": process_faults.jump_clocks,
    "jump-clock": process_faults.jump_clock,
    "kill-broker": server_faults.kill_broker,
    "hang-broker": server_faults.hang_broker,
    "term-without-broker": server_faults.term_without_broker,
    "kill-clickhouse": server_faults.kill_clickhouse,
    "clickhouse-away": server_faults.clickhouse_away,
    "hang-clickhouse": server_faults.hang_clickhouse,
    "kill-sinks-waiting": server_faults.kill_sinks_waiting,
    "cut-insert": server_faults.cut_insert,
    "fill-disk": server_faults.fill_disk,
}

OF_ONE_BROKER = {"kill-broker", "hang-broker", "term-without-broker"}
"""What befalls the broker of the stack itself, where there is one."""

OF_BROKERS: dict[str, Callable[[Scene], None]] = {
    "kill-leader": broker_faults.kill_leader,
    "stop-leader": broker_faults.stop_leader,
    "roll-brokers": broker_faults.roll_brokers,
    "lose-quorum": broker_faults.lose_quorum,
}
"""With three brokers (`--brokers 3`): these in place of the former."""
