"""A Kafka that wants TLS and a login lets in each of the three clients, and nobody without the password.

So does a ClickHouse behind TLS, which the embedded one cannot speak itself.
"""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from streams import letter_box, ticker, topics, worker_status
from streams.settings import Settings
from streams.stack import addresses, jars, java, kafka, probes, processes
from streams.warehouse import Warehouse, WarehouseAwayError
from tests.conftest import make_settings

pytestmark = pytest.mark.integration

PASSWORD = "Xq-71-secret"
LISTENER = """
listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},SECURE://localhost:{secure}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SECURE://localhost:{secure}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
"""


def certificate(folder: Path) -> Path:
    """A certificate of localhost that signs itself; `keystore.pem` beside it holds its key too."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "ca.pem"]
    subprocess.run([*command, *names], cwd=folder, check=True, capture_output=True)
    (folder / "keystore.pem").write_text((folder / "key.pem").read_text() + (folder / "ca.pem").read_text())
    return folder / "ca.pem"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, stack):
    """Settings of a broker of its own; `stack` has seen to Kafka's jars."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate with")
    home = tmp_path_factory.mktemp("guarded")
    plain = make_settings(home, partitions=2)
    runtime = java.find()
    assert not jars.missing(plain.cache)
    kafka.configure(plain, runtime)
    properties = kafka.folder(plain) / "server.properties"
    secure, ca = addresses.free_port({addresses.port_of(plain.kafka)}), certificate(home)
    lines = properties.read_text()
    controller = lines.partition("CONTROLLER://127.0.0.1:")[2].partition("\n")[0]
    given = {"plain": addresses.port_of(plain.kafka), "controller": controller, "secure": secure}
    kept = [
        line for line in lines.splitlines() if not line.startswith(("listeners=", "advertised", "listener.security"))
    ]
    properties.write_text("\n".join(kept) + LISTENER.format(keystore=home / "keystore.pem", **given))
    with (
        (home / "kafka.log").open("w") as log,
        subprocess.Popen(kafka.command(plain, runtime), stdout=log, stderr=log) as broker,
    ):
        try:
            assert processes.wait_until(lambda: probes.kafka_error(plain) is None, 240), (
                home / "kafka.log"
            ).read_text()
            user = UserScramCredentialUpsertion(
                "vitals", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), PASSWORD.encode()
            )
            admin = AdminClient({"bootstrap.servers": plain.kafka})
            admin.alter_user_scram_credentials([user])["vitals"].result()
            yield msgspec.structs.replace(
                plain, kafka=f"localhost:{secure}", kafka_security="SASL_SSL", kafka_user="vitals",
                kafka_password=PASSWORD, kafka_ca=ca,
            )  # fmt: skip
        finally:
            broker.terminate()
            broker.wait(120)


def environment(settings: Settings) -> dict[str, str]:
    names = ["kafka", "partitions", "kafka_security", "kafka_user", "kafka_password", "kafka_ca", "home", "cache"]
    return os.environ | {f"VITALS_{name.upper()}": str(getattr(settings, name)) for name in names}


def test_all_three_clients_get_in(guarded):
    topics.apply(guarded)  # kafka-python
    assert topics.apply(guarded) == []
    ticker.append(guarded, "chat-events", [(b"", ticker.tick_at(int(time.time() * 1000)), 0)])
    letter_box.accept(guarded, letter_box.Acceptance("chat-events"))  # confluent-kafka, in and out
    assert len(letter_box.accepted_since(guarded, 0)) == 1
    command = [sys.executable, "-m", "streams", "worker", "groups", "--name", "guarded-1"]
    with subprocess.Popen(command, env=environment(guarded), stderr=subprocess.PIPE, text=True) as worker:  # Faust

        def folded() -> bool:
            return [status.events_total for status in worker_status.read_all(guarded)] == [1]

        try:
            has_folded = processes.wait_until(folded, 240)
        finally:
            worker.terminate()
            said = worker.communicate(timeout=120)[1]
    assert has_folded, said
    assert PASSWORD not in said


@pytest.mark.parametrize("wrong", [{"kafka_password": "guessed"}, {"kafka_ca": None}, {"kafka_security": "SSL"}])
def test_nobody_else_does(guarded, wrong):
    said = probes.kafka_error(msgspec.structs.replace(guarded, **wrong), limit_s=2)
    assert said is not None
    assert PASSWORD not in said


def behind_tls(port: int, folder: Path) -> int:
    """The port of localhost at which what listens on `port` answers by TLS, until the process ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    listener = socket.create_server(("localhost", 0))

    def carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        while True:
            caller = listener.accept()[0]
            with contextlib.suppress(OSError):
                inside = context.wrap_socket(caller, server_side=True)
                server = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=carry, args=(inside, server), daemon=True).start()
                threading.Thread(target=carry, args=(server, inside), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def test_clickhouse_answers_by_tls(stack, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate with")
    ca = certificate(tmp_path)
    ports = {name: behind_tls(getattr(stack, name), tmp_path) for name in ("clickhouse_port", "clickhouse_http_port")}
    secure = msgspec.structs.replace(
        stack, clickhouse_host="localhost", clickhouse_secure=True, clickhouse_ca=ca, **ports
    )
    assert Warehouse(secure).query("SELECT 1") == [(1,)]
    assert probes.clickhouse_error(secure) is None
    with pytest.raises(WarehouseAwayError):
        Warehouse(msgspec.structs.replace(secure, clickhouse_ca=None)).query("SELECT 1")
