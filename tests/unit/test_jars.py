import base64
import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.errors import VitalsError
from streams.stack import jars

CONTENT = {f"org/thing/{name}/1/{name}-1.jar": name.encode() * 50_000 for name in ("one", "two", "three")}


class Central(http.server.ThreadingHTTPServer):
    """A Maven repository: `content` to serve, `asked` for what, `refusing` the next so many requests with 503."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = dict(CONTENT)
        self.asked: list[str] = []
        self.authorizations: set[str | None] = set()
        self.refusing, self.lock = 0, threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/maven2"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Central

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.authorizations.add(self.headers["Authorization"])
        body = self.server.content.get(self.path.partition("/maven2/")[2])
        with self.server.lock:
            is_refused = self.server.refusing > 0
            self.server.refusing -= is_refused
        if is_refused:
            self.send_error(503)
        elif body is None:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def central() -> Iterator[Central]:
    with Central() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def locked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[jars.Jar]:
    wanted = [jars.Jar(path, hashlib.sha256(body).hexdigest(), len(body)) for path, body in CONTENT.items()]
    monkeypatch.setattr(jars, "locked_jars", lambda: wanted)
    monkeypatch.setattr(jars, "BACK_OFF_S", 0.001)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "MAVEN_MIRROR_URL"):
        monkeypatch.delenv(name, raising=False)
    return wanted


def fetch(cache: Path, url: str | None) -> int:
    """Fetch what is missing, and give the sum of the progress."""
    told: list[int] = []
    jars.fetch(cache, jars.missing(cache), url, told.append)
    return sum(told)


def test_fetches_all_once_and_needs_no_network_afterwards(tmp_path: Path, central: Central) -> None:
    assert fetch(tmp_path, central.url) == sum(map(len, CONTENT.values()))
    assert jars.missing(tmp_path) == []
    assert sorted(path.name for path in jars.directory(tmp_path).iterdir()) == ["one-1.jar", "three-1.jar", "two-1.jar"]
    assert sorted(central.asked) == sorted(f"/maven2/{path}" for path in CONTENT)


def test_fetches_a_damaged_or_cut_jar_again_and_only_that(tmp_path: Path, central: Central) -> None:
    fetch(tmp_path, central.url)
    central.asked.clear()
    damaged = jars.directory(tmp_path) / "two-1.jar"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    assert [jar.name for jar in jars.missing(tmp_path)] == ["two-1.jar"]
    fetch(tmp_path, central.url)
    assert central.asked == ["/maven2/org/thing/two/1/two-1.jar"]
    assert jars.missing(tmp_path) == []


def test_a_wrong_content_is_never_put_in_place(tmp_path: Path, central: Central) -> None:
    central.content["org/thing/two/1/two-1.jar"] = b"x" * len(CONTENT["org/thing/two/1/two-1.jar"])
    with pytest.raises(VitalsError, match=r"cannot fetch two-1\.jar .* not the locked one"):
        fetch(tmp_path, central.url)
    assert not (jars.directory(tmp_path) / "two-1.jar").exists()
    assert not list(jars.directory(tmp_path).glob("*.part"))


def test_goes_on_where_an_interrupted_fetch_was(tmp_path: Path, central: Central) -> None:
    kept = central.content.pop("org/thing/three/1/three-1.jar")
    with pytest.raises(VitalsError, match=r"three-1\.jar .*404"):
        fetch(tmp_path, central.url)
    central.content["org/thing/three/1/three-1.jar"] = kept
    present = {jar.name for jar in jars.locked_jars()} - {jar.name for jar in jars.missing(tmp_path)}
    central.asked.clear()
    fetch(tmp_path, central.url)
    assert {path.rpartition("/")[2] for path in central.asked} == {"one-1.jar", "two-1.jar", "three-1.jar"} - present


def test_tries_again_after_a_passing_failure_and_takes_its_progress_back(tmp_path: Path, central: Central) -> None:
    central.refusing = 2
    assert fetch(tmp_path, central.url) == sum(map(len, CONTENT.values()))
    assert len(central.asked) == len(CONTENT) + 2


def test_says_in_one_line_that_it_is_offline(tmp_path: Path) -> None:
    with pytest.raises(VitalsError) as error:
        fetch(tmp_path, "http://127.0.0.1:9/maven2")
    line = str(error.value)
    assert "go online and run `vitals up` again" in line
    assert "VITALS_MAVEN_MIRROR" in line
    assert "\n" not in line


def test_a_mirror_of_the_users_maven_is_asked_with_its_login(
    tmp_path: Path, central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(
        f"""<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0">
        <servers><server><id>ours</id><username>u</username><password>p</password></server></servers>
        <mirrors><mirror><id>ours</id><mirrorOf>*</mirrorOf><url>{central.url}/</url></mirror></mirrors></settings>"""
    )
    fetch(tmp_path / "cache", None)
    assert central.authorizations == {"Basic " + base64.b64encode(b"u:p").decode()}


def test_a_proxy_of_the_environment_is_used(tmp_path: Path, central: Central, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", central.url.removesuffix("/maven2"))
    fetch(tmp_path, "http://repository.invalid/maven2")
    assert sorted(central.asked) == sorted(f"http://repository.invalid/maven2/{path}" for path in CONTENT)


def test_what_a_killed_fetch_left_is_removed_but_not_what_another_writes(tmp_path: Path, central: Central) -> None:
    folder = jars.directory(tmp_path)
    folder.mkdir(parents=True)
    old, new = folder / "one-1.jar.1.part", folder / "one-1.jar.2.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    fetch(tmp_path, central.url)
    assert not old.exists()
    assert new.exists()


def test_the_shipped_lock_is_that_of_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    locked = jars.locked_jars()
    assert len(locked) == len({jar.name for jar in locked}) == 45
    assert f"org/apache/kafka/kafka_2.13/{jars.VERSION}/kafka_2.13-{jars.VERSION}.jar" in {jar.path for jar in locked}
    assert all(len(jar.sha256) == 64 and jar.size_bytes > 0 for jar in locked)
