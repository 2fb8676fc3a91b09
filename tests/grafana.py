"""A stand-in for Grafana's HTTP API, as strict as its description and as awkward as the real one was seen to be.

Every request must match a path, its parameters and its body's schema in the API description, and every answer is held
against its schema too. Seen on a real 9.3: a folder that exists is a 412, a rule or contact point POSTed twice a 500, a
dashboard without `overwrite` a 412, and deletions may say nothing.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema

DESCRIPTION = Path(__file__).parents[2] / "shared" / "data" / "grafana" / "api-9.3.2.json"
TOKEN = "glsa_good"
PLUGIN = "grafana-clickhouse-datasource"
UNDESCRIBED = {"/api/health"}
"""Exists in every Grafana, but not in the description."""


class Description:
    """The API description, with what is known to be wrong in it put right."""

    def __init__(self) -> None:
        document = json.loads(DESCRIPTION.read_text())
        definitions = document["definitions"]
        definitions["ProvisionedAlertRule"]["properties"]["for"] = {
            "type": "string"
        }  # "5m": the server reads no number
        matcher = {"type": "array", "items": {"type": "string"}, "minItems": 3, "maxItems": 3}
        definitions["ObjectMatchers"] = {"type": "array", "items": matcher}  # it has an Unmarshal of its own
        kinds = definitions["EmbeddedContactPoint"]["properties"]["type"]
        kinds["enum"] = [kind.strip() for kind in kinds["enum"]]
        saved = document["responses"]["postDashboardResponse"]["schema"]["properties"]["id"]
        saved["type"] = "integer"
        self._document = document
        self._paths = [(self._pattern(path), methods) for path, methods in document["paths"].items()]

    @staticmethod
    def _pattern(path: str) -> re.Pattern[str]:
        whole = path if path.startswith("/api/") else f"/api{path}"
        return re.compile(re.sub(r"\{[^}]+\}", "[^/]+", whole))

    def operation(self, method: str, path: str) -> dict:
        found = [methods for pattern, methods in self._paths if pattern.fullmatch(path)]
        exact = [methods for methods in found if method.lower() in methods]
        assert exact, f"{method} {path} is not in the description"
        return exact[0][method.lower()]

    def check_request(self, method: str, path: str, query: dict, body: object) -> None:
        parameters = self.operation(method, path).get("parameters", [])
        known = {one["name"] for one in parameters if one["in"] == "query"}
        assert set(query) <= known, f"{method} {path}: {set(query) - known} are no parameters"
        schema = next((one["schema"] for one in parameters if one["in"] == "body"), None)
        if schema is None:
            assert body is None, f"{method} {path} takes no body"
        else:
            self._validate(body, schema, f"{method} {path}")
            self._known_fields(body, schema, f"{method} {path}")

    def check_answer(self, method: str, path: str, status: int, body: object) -> None:
        answers = self.operation(method, path)["responses"]
        assert str(status) in answers or status >= 400, f"{method} {path} never answers {status}"
        answer = answers.get(str(status), {})
        answer = self._document["responses"][answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        if "schema" in answer and status < 300:
            self._validate(body, answer["schema"], f"answer to {method} {path}")

    def _validate(self, value: object, schema: dict, where: str) -> None:
        whole = {**schema, "definitions": self._document["definitions"]}
        error = jsonschema.exceptions.best_match(jsonschema.Draft4Validator(whole).iter_errors(value))
        assert error is None, f"{where}: {error.json_path}: {error.message[:200]}"

    def _known_fields(self, value: object, schema: dict, where: str) -> None:
        name = schema.get("$ref", "").rpartition("/")[2]
        properties = self._document["definitions"].get(name, {}).get("properties")
        if properties and isinstance(value, dict):
            assert set(value) <= set(properties), f"{where}: unknown fields {set(value) - set(properties)}"


class FakeGrafana:
    """What is stored, and what was asked: `writes` are the requests that change something."""

    def __init__(self, description: Description | None = None) -> None:
        self.description = description
        self.version = "9.3.2"
        self.has_plugin = True
        self.good_password = "secret"
        self.role = "Admin"
        self.folders: dict = {}
        self.sources: dict = {}
        self.passwords: dict = {}
        self.dashboards: dict = {}
        self.rules: dict = {}
        self.intervals: dict = {}
        self.contacts: dict = {}
        self.tree: dict = {"receiver": "grafana-default-email", "group_by": ["grafana_folder", "alertname"]}
        self.writes: list = []
        self.broken: list = []
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator["FakeGrafana"]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                status, answer = fake.answer(self.command, self.path, body, self.headers)
                raw = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, method: str, target: str, body: object, headers: object) -> tuple[int, object]:
        split = urlsplit(target)
        path, query = unquote(split.path), parse_qs(split.query)
        if path in UNDESCRIBED:
            return 200, {"version": self.version, "database": "ok"}
        if headers["Authorization"] != f"Bearer {TOKEN}":  # type: ignore[index]
            return 401, {"message": "Unauthorized"}
        if method != "GET" and self.role != "Admin":
            return 403, {"message": "You'll need additional permissions"}
        if method != "GET":
            self.writes.append((method, path, body, headers.get("X-Disable-Provenance")))  # type: ignore[attr-defined]
        try:
            if self.description is not None:
                self.description.check_request(method, path, query, body)
            status, answer = self._route(method, path, query, body)
            if self.description is not None:
                self.description.check_answer(method, path, status, answer)
        except AssertionError as error:
            self.broken.append(str(error))
            return 400, {"message": str(error)}
        return status, answer

    def _route(self, method: str, path: str, query: dict, body: dict) -> tuple[int, object]:
        rest = path.removeprefix("/api").removeprefix("/v1/provisioning")
        head, _, tail = rest.lstrip("/").partition("/")
        return getattr(self, f"_{head.replace('-', '_')}")(method, tail, query, body)

    def _org(self, *_: object) -> tuple[int, object]:
        return 200, {"id": 1, "name": "Main Org."}

    def _folders(self, method: str, uid: str, _: dict, body: dict) -> tuple[int, object]:
        if method == "POST":
            taken = [one for one in self.folders.values() if one["title"] == body["title"] or one["uid"] == body["uid"]]
            if taken:
                return 412, {"message": "a folder with the same name or uid already exists"}
            self.folders[body["uid"]] = {"id": len(self.folders) + 1, **body}
            return 200, self.folders[body["uid"]]
        if uid not in self.folders:
            return 404, {"message": "folder not found"}
        if method == "PUT":
            self.folders[uid]["title"] = body["title"]
        return 200, self.folders[uid]

    def _datasources(self, method: str, tail: str, _: dict, body: dict) -> tuple[int, object]:
        uid, _, health = tail.removeprefix("uid/").partition("/")
        if health:
            if not self.has_plugin:
                return 500, {"message": "Unable to find datasource plugin"}
            if self.passwords.get(uid) != self.good_password:
                return 400, {"message": "Authentication failed: password is incorrect", "status": "ERROR"}
            return 200, {"message": "Data source is working", "status": "OK"}
        if method == "GET":
            return (200, self.sources[uid]) if uid in self.sources else (404, {"message": "Data source not found"})
        if method == "POST" and body["uid"] in self.sources:
            return 409, {"message": "data source with the same uid already exists"}
        kept = {name: value for name, value in body.items() if name != "secureJsonData"}
        self.passwords[body["uid"]] = body.get("secureJsonData", {}).get("password", self.passwords.get(body["uid"]))
        source = {"id": 7, **kept, "version": 1, "readOnly": False, "secureJsonFields": {"password": True}}
        self.sources[body["uid"]] = source
        return 200, {"id": 7, "name": body["name"], "message": "Datasource added", "datasource": source}

    def _dashboards(self, method: str, tail: str, _: dict, body: dict) -> tuple[int, object]:
        if method == "POST":
            board, folder = body["dashboard"], body["folderUid"]
            if folder not in self.folders:
                return 400, {"message": "folder not found"}
            old = self.dashboards.get(board["uid"])
            if old is not None and not body.get("overwrite"):
                return 412, {"message": "The dashboard has been changed by someone else"}
            version = old["dashboard"]["version"] + 1 if old else 1
            stored = {**board, "id": 100 + len(self.dashboards), "version": version}
            self.dashboards[board["uid"]] = {"dashboard": stored, "meta": {"folderUid": folder, "provisioned": False}}
            uid = board["uid"]
            saved = {"id": stored["id"], "uid": uid, "url": f"/d/{uid}", "status": "success", "version": version}
            return 200, saved | {"slug": uid, "title": board["title"]}
        uid = tail.removeprefix("uid/")
        if uid not in self.dashboards:
            return 404, {"message": "Dashboard not found"}
        if method == "DELETE":
            title = self.dashboards.pop(uid)["dashboard"]["title"]
            return 200, {"id": 1, "title": title, "message": f"Dashboard {title} deleted"}
        return 200, self.dashboards[uid]

    def _search(self, _: str, __: str, query: dict, ___: dict) -> tuple[int, object]:
        return 200, [
            {"uid": uid, "title": one["dashboard"]["title"], "folderUid": one["meta"]["folderUid"], "type": "dash-db"}
            for uid, one in self.dashboards.items()
            if set(query["tag"]) <= set(one["dashboard"].get("tags", []))
        ]

    def _alert_rules(self, method: str, uid: str, _: dict, body: dict) -> tuple[int, object]:
        if method == "POST":
            if body["uid"] in self.rules:
                return 500, {"message": "a rule with that uid exists"}
            if body["folderUID"] not in self.folders:
                return 400, {"message": "folder not found"}
            self.rules[body["uid"]] = {**body, "id": len(self.rules) + 1, "provenance": "api"}
            self.intervals.setdefault((body["folderUID"], body["ruleGroup"]), 60)
            return 201, self.rules[body["uid"]]
        if method == "DELETE":
            self.rules.pop(uid, None)
            return 204, None
        if uid not in self.rules:
            return 404, {"message": "not found"}
        if method == "PUT":
            self.rules[uid] |= body
        return 200, self.rules[uid]

    def _folder(self, method: str, tail: str, _: dict, body: dict) -> tuple[int, object]:
        folder, _, group = tail.partition("/rule-groups/")
        rules = [one for one in self.rules.values() if (one["folderUID"], one["ruleGroup"]) == (folder, group)]
        if not rules:
            return 404, {"message": "rule group not found"}
        if method == "PUT":
            self.intervals[folder, group] = body["interval"]
            gone = {one["uid"] for one in rules} - {one["uid"] for one in body["rules"]}
            self.rules = {uid: one for uid, one in self.rules.items() if uid not in gone}
        whole = {"title": group, "folderUid": folder, "interval": self.intervals[folder, group], "rules": rules}
        return 200, whole

    def _contact_points(self, method: str, uid: str, _: dict, body: dict) -> tuple[int, object]:
        if method == "POST":
            if body["uid"] in self.contacts:
                return 500, {"message": "a contact point with that uid exists"}
            self.contacts[body["uid"]] = {**body, "provenance": "api"}
            return 202, self.contacts[body["uid"]]
        if method == "PUT":
            self.contacts[uid] = {**body, "provenance": "api"}
            return 202, {"message": "contactpoint updated"}
        if method == "DELETE":
            used = {route["receiver"] for route in self.tree.get("routes", [])}
            if self.contacts[uid]["name"] in used:
                return 400, {"message": "contact point is in use by a policy"}
            del self.contacts[uid]
            return 204, None
        return 200, list(self.contacts.values())

    def _policies(self, method: str, _: str, __: dict, body: dict) -> tuple[int, object]:
        if method == "PUT":
            known = {one["name"] for one in self.contacts.values()} | {"grafana-default-email", "pager"}
            if not {route["receiver"] for route in body.get("routes", [])} <= known:
                return 400, {"message": "receiver does not exist"}
            self.tree = body
            return 202, {"message": "policies updated"}
        return 200, self.tree
