"""Kafka's addresses, TLS and login in the words of its three clients; `tests/integration` tries them on a broker."""

import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from streams import kafka_access, warehouse
from streams.dashboards.files import datasource
from streams.settings import Settings, SettingsError, load


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, cache=tmp_path, kafka="a:1,b:2")


def changed(settings, **values):
    return msgspec.structs.replace(settings, **values)


def test_every_client_is_made_by_it():
    """Else one part stays outside of a Kafka that wants a login."""
    sources = [path for path in Path(kafka_access.__file__).parent.rglob("*.py") if path.stem != "kafka_access"]
    assert len(sources) > 100
    assert [path.name for path in sources if re.search(r"bootstrap[._]servers", path.read_text())] == []


def test_without_settings_nothing_is_encrypted_and_nobody_logs_in(settings):
    assert kafka_access.librdkafka(settings) == {
        "bootstrap.servers": "a:1,b:2", "security.protocol": "PLAINTEXT",
        "socket.timeout.ms": 12_000, "socket.connection.setup.timeout.ms": 12_000,
    }  # fmt: skip
    assert kafka_access.kafka_python(settings) == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "PLAINTEXT",
    }
    assert kafka_access.faust(settings) == {}


def test_a_login_takes_its_password_from_the_file(settings):
    settings.secrets.mkdir()
    (settings.secrets / "kafka").write_text("from-file\n")
    login = changed(settings, kafka_security="SASL_PLAINTEXT", kafka_user="me")
    assert kafka_access.librdkafka(login)["sasl.password"] == "from-file"
    assert kafka_access.kafka_python(login)["sasl_plain_password"] == "from-file"
    assert kafka_access.faust(login) == {
        "username": "me", "password": "from-file", "mechanism": "SCRAM-SHA-512", "ssl_context": None,
    }  # fmt: skip
    assert kafka_access.librdkafka(changed(login, kafka_password="set"))["sasl.password"] == "set"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kafka_security": "SASL_SSL"}, "set VITALS_KAFKA_USER too"),
        ({"kafka_security": "SASL_SSL", "kafka_user": "me"}, "set VITALS_KAFKA_PASSWORD or secrets/kafka too"),
    ],
)
def test_half_a_login_is_refused(settings, given, said):
    for client in (kafka_access.librdkafka, kafka_access.kafka_python, kafka_access.faust):
        with pytest.raises(SettingsError, match=said):
            client(changed(settings, **given))


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """A folder with two certificates that sign themselves, each with its key, and a key with a passphrase."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate with")
    folder = tmp_path_factory.mktemp("pem")
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 2 -subj /CN=localhost -nodes"
    for name in ("a", "b"):
        made = f"{new} -keyout {name}.key -out {name}.pem"
        subprocess.run(made.split(), cwd=folder, check=True, capture_output=True)
    locked = "openssl ec -in a.key -out locked.key -aes256 -passout pass:word"
    subprocess.run(locked.split(), cwd=folder, check=True, capture_output=True)
    (folder / "junk.pem").write_text("junk")
    return folder


def test_certificates_are_files_that_are_there(settings, pem):
    tls = changed(settings, kafka_security="SSL", kafka_ca=pem / "none.pem")
    with pytest.raises(SettingsError, match=r"VITALS_KAFKA_CA is .*none\.pem: there is no such file"):
        kafka_access.librdkafka(tls)
    tls = changed(tls, kafka_ca=pem / "a.pem")
    assert kafka_access.librdkafka(tls)["ssl.ca.location"] == str(pem / "a.pem")
    assert kafka_access.kafka_python(tls)["ssl_cafile"] == str(pem / "a.pem")
    with pytest.raises(SettingsError, match="VITALS_KAFKA_CERTIFICATE and VITALS_KAFKA_KEY together"):
        kafka_access.librdkafka(changed(tls, kafka_certificate=pem / "a.pem"))
    own = kafka_access.librdkafka(changed(tls, kafka_certificate=pem / "a.pem", kafka_key=pem / "a.key"))
    assert (own["ssl.certificate.location"], own["ssl.key.location"]) == (str(pem / "a.pem"), str(pem / "a.key"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ca": "junk.pem"}, r"VITALS_KAFKA_CA is .*junk\.pem: it is no PEM file of certificates"),
        ({"certificate": "junk.pem", "key": "a.key"}, "they must be PEM files that belong together"),
        ({"certificate": "a.pem", "key": "b.key"}, "they must be PEM files that belong together"),
        ({"certificate": "a.pem", "key": "locked.key"}, "the key without a passphrase"),
    ],
)
def test_certificates_that_cannot_be_used_are_refused_in_one_line(settings, pem, given, said):
    tls = changed(settings, kafka_security="SSL", **{f"kafka_{name}": pem / file for name, file in given.items()})
    for client in (kafka_access.librdkafka, kafka_access.kafka_python, kafka_access.faust):
        with pytest.raises(SettingsError, match=said) as raised:
            client(tls)
        assert "\n" not in str(raised.value)


def test_tls_checks_the_name_of_the_server(settings):
    context = kafka_access.faust(changed(settings, kafka_security="SSL"))["context"]
    assert context.check_hostname


def test_a_misspelt_protocol_is_named(tmp_path):
    with pytest.raises(SettingsError, match="kafka_security"):
        load({"VITALS_HOME": str(tmp_path), "HOME": str(tmp_path), "VITALS_KAFKA_SECURITY": "TLS"})


def test_files_of_vitals_toml_lie_beside_it(tmp_path):
    (tmp_path / "vitals.toml").write_text('kafka_ca = "ca.pem"\nclickhouse_secure = true\n')
    found = load({"VITALS_HOME": str(tmp_path), "HOME": str(tmp_path)})
    assert (found.kafka_ca, found.clickhouse_secure) == (tmp_path / "ca.pem", True)


def test_clickhouse_is_asked_over_tls_where_it_should_be(settings, monkeypatch):
    made, client = [], warehouse.Client
    monkeypatch.setattr(warehouse, "Client", lambda *at, **options: made.append(options) or client(*at, **options))
    for secure, ca in ((False, None), (True, settings.home / "ca.pem")):
        warehouse.Warehouse(changed(settings, clickhouse_secure=secure, clickhouse_ca=ca))._client()
    assert [(one["secure"], one["ca_certs"]) for one in made] == [(False, None), (True, str(settings.home / "ca.pem"))]
    assert datasource(changed(settings, clickhouse_secure=True))["jsonData"]["secure"] is True
    assert "secure" not in datasource(settings)["jsonData"]


def test_a_password_that_cannot_be_read_is_one_line(settings):
    """Docker makes a folder of a file that is to be mounted and is not there."""
    assert settings.password_of("bi") == ""
    (settings.secrets / "bi").mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"^cannot read the password .*bi \(Is a directory\): make it a file"):
        settings.password_of("bi")
    (settings.secrets / "kafka").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"kafka \(no text\)"):
        settings.password_of("kafka")
