"""Kafka's addresses, TLS and login in the words of its three clients; `tests/integration` tries them on a broker."""

import re
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
    assert kafka_access.librdkafka(settings) == {"bootstrap.servers": "a:1,b:2", "security.protocol": "PLAINTEXT"}
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


def test_certificates_are_files_that_are_there(settings, tmp_path):
    tls = changed(settings, kafka_security="SSL", kafka_ca=tmp_path / "ca.pem")
    with pytest.raises(SettingsError, match=r"VITALS_KAFKA_CA is .*ca\.pem: there is no such file"):
        kafka_access.librdkafka(tls)
    (tmp_path / "ca.pem").touch()
    assert kafka_access.librdkafka(tls)["ssl.ca.location"] == str(tmp_path / "ca.pem")
    assert kafka_access.kafka_python(tls)["ssl_cafile"] == str(tmp_path / "ca.pem")
    with pytest.raises(SettingsError, match="VITALS_KAFKA_CERTIFICATE and VITALS_KAFKA_KEY together"):
        kafka_access.librdkafka(changed(tls, kafka_certificate=tmp_path / "ca.pem"))
    own = kafka_access.librdkafka(changed(tls, kafka_certificate=tmp_path / "ca.pem", kafka_key=tmp_path / "ca.pem"))
    assert own["ssl.certificate.location"] == own["ssl.key.location"] == str(tmp_path / "ca.pem")


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
    made = []
    monkeypatch.setattr(warehouse, "Client", lambda *_, **options: made.append(options))
    for secure, ca in ((False, None), (True, settings.home / "ca.pem")):
        warehouse.Warehouse(changed(settings, clickhouse_secure=secure, clickhouse_ca=ca))._client()
    assert [(one["secure"], one["ca_certs"]) for one in made] == [(False, None), (True, str(settings.home / "ca.pem"))]
    assert datasource(changed(settings, clickhouse_secure=True))["jsonData"]["secure"] is True
    assert "secure" not in datasource(settings)["jsonData"]
