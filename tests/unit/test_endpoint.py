"""`/metrics`, `/live` and `/ready` over real HTTP on a free loopback port."""

import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams import metrics
from streams.endpoint import parsed, serve
from streams.errors import VitalsError
from streams.pulse import Pulse


class Clock:
    """Stands still until told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pulse(clock):
    return Pulse("worker", "groups", "groups-1", live_s=60, clock=clock)


@pytest.fixture
def served(pulse):
    server = serve("127.0.0.1:0", pulse)
    yield f"http://{pulse.address}"
    server.shutdown()
    server.server_close()


def get(url, **headers):
    """Status and body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_metrics_are_what_was_counted(pulse, served):
    pulse.add(metrics.RECORDS_IN, 3)
    pulse.observe(metrics.FLUSH_SECONDS, 0.2)
    status, body = get(f"{served}/metrics")
    samples = {
        (one.name, one.labels.get("le")): one.value
        for family in text_string_to_metric_families(body)
        for one in family.samples
    }
    assert status == 200
    assert samples["vitals_records_total", None] == 3
    assert samples["vitals_flush_seconds_bucket", "0.1"] == 0
    assert samples["vitals_flush_seconds_bucket", "0.25"] == 1
    assert samples["vitals_outputs_total", None] == 0  # not missing


def test_openmetrics_is_given_to_whom_it_is_asked_by(served):
    status, body = get(f"{served}/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert status == 200
    assert body.endswith("# EOF\n")


def test_a_loop_that_hangs_is_not_live_and_one_that_turns_is(pulse, served, clock):
    assert get(f"{served}/live") == (200, "ok\n")
    clock.now += 60
    assert get(f"{served}/live")[0] == 200
    clock.now += 1
    assert get(f"{served}/live") == (503, "its main loop has not turned for 61 s\n")
    pulse.beat()
    assert get(f"{served}/live")[0] == 200


def test_ready_is_who_said_so_and_not_for_longer(pulse, served, clock):
    assert get(f"{served}/ready") == (503, "starts\n")
    pulse.ready(for_s=30)
    assert get(f"{served}/ready") == (200, "ok\n")
    clock.now += 30
    assert get(f"{served}/ready") == (503, "did nothing for too long\n")
    pulse.ready()
    clock.now += 29
    assert get(f"{served}/ready")[0] == 200
    pulse.unready("waits for Kafka")
    assert get(f"{served}/ready") == (503, "waits for Kafka\n")


def test_who_hangs_is_not_ready_whatever_was_said_before(pulse, served, clock):
    pulse.ready()
    clock.now += 61
    assert get(f"{served}/ready")[0] == 503


def test_any_other_path_is_told_what_there_is(served):
    assert get(f"{served}/") == (404, "there are /metrics, /live and /ready\n")
    assert get(f"{served}/live?x=1")[0] == 200


def test_a_taken_address_costs_a_line_and_not_the_part(pulse, caplog):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        assert serve(address, pulse) is None
    assert pulse.address == ""
    assert [f"no metrics at {address}" in line and "\n" not in line for line in caplog.messages] == [True]


def test_a_host_that_is_not_of_this_machine_costs_a_line(pulse, caplog):
    assert serve("192.0.2.1:9464", pulse) is None
    assert "no metrics at 192.0.2.1:9464" in caplog.text


def test_nothing_listens_by_default(pulse):
    assert serve(None, pulse) is None
    assert pulse.address == ""


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_ipv6(pulse, caplog):
    server = serve("[::1]:0", pulse)
    if server is None:
        pytest.skip(f"this machine has no IPv6: {caplog.text}")
    try:
        assert get(f"http://{pulse.address}/live")[0] == 200
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("127.0.0.1:9464", "127.0.0.1", 9464), ("0.0.0.0:0", "0.0.0.0", 0), ("[::]:80", "::", 80), ("box:1", "box", 1)],
)
def test_addresses(address, host, port):
    assert parsed(address) == (host, port)


@pytest.mark.parametrize("address", ["9464", ":9464", "127.0.0.1", "127.0.0.1:x", "::1:9464", "a:65536", "[]:1", "a:"])
def test_what_is_no_address_is_refused_in_one_line(address):
    with pytest.raises(VitalsError, match="write host:port") as refused:
        parsed(address)
    assert "\n" not in str(refused.value)
