"""Grafana's HTTP API: the one place that knows its client. What is missing is None, every refusal is one line.

grafana_api has no calls for alert rules, contact points, policies and data sources by uid: its low-level client reaches
them. It raises when an answer is no JSON, as of a deletion that is done and says nothing.
"""

from typing import Any
from urllib.parse import quote, urlsplit

from grafana_api.grafana_api import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError
from grafana_api.grafana_face import GrafanaFace

from streams.errors import VitalsError

OLDEST = (9, 3)
"""The oldest Grafana that the forms here were seen to work with."""
_ANSWER_S = 15.0
_NOT_THERE = 404
_FORBIDDEN = 403
_PROVISIONING = "/v1/provisioning"
_EDITABLE = {"X-Disable-Provenance": "true"}


class GrafanaError(VitalsError):
    """Grafana cannot be reached or refuses."""


class Grafana:
    """One Grafana as the owner of a token, or as `user:password`. Bodies and answers are Grafana's JSON."""

    def __init__(self, url: str, token: str) -> None:
        """Connect when first asked. Raises GrafanaError when the URL is none."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GrafanaError(f"VITALS_GRAFANA_URL is {url!r}: give it like http://127.0.0.1:3000")
        prefix = parts.path.strip("/")
        user, has_password, password = token.partition(":")
        self.url = url.rstrip("/")
        self._face = GrafanaFace(
            auth=(user, password) if has_password else token,
            host=parts.hostname,
            port=parts.port,
            url_path_prefix=f"{prefix}/" if prefix else "",
            protocol=parts.scheme,
            timeout=_ANSWER_S,
        )

    def check(self) -> int:
        """The id of the organisation that the token belongs to. Raises GrafanaError, as for a version too old."""
        version = str((self._call("GET", "/health") or {}).get("version", ""))
        numbers = tuple(int(part) for part in version.partition("-")[0].split(".")[:2] if part.isdigit())
        if not numbers:
            raise GrafanaError(f"{self.url} is no Grafana: set VITALS_GRAFANA_URL")
        if numbers < OLDEST:
            raise GrafanaError(f"Grafana at {self.url} is {version}: {OLDEST[0]}.{OLDEST[1]} or newer is needed")
        return int(self._call("GET", "/org")["id"])

    def folder(self, uid: str) -> Any:
        """A folder."""
        return self._call("GET", f"/folders/{uid}")

    def put_folder(self, uid: str, title: str, *, is_new: bool) -> None:
        """Make a folder, or give it another title."""
        if is_new:
            self._call("POST", "/folders", {"uid": uid, "title": title})
        else:
            self._call("PUT", f"/folders/{uid}", {"title": title, "overwrite": True})

    def datasource(self, uid: str) -> Any:
        """A data source, without its secrets."""
        return self._call("GET", f"/datasources/uid/{uid}")

    def put_datasource(self, source: dict[str, Any], *, is_new: bool) -> None:
        """Make a data source, or replace the one of its uid."""
        if is_new:
            self._call("POST", "/datasources", source)
        else:
            self._call("PUT", f"/datasources/uid/{source['uid']}", source)

    def datasource_trouble(self, uid: str) -> str | None:
        """Why Grafana cannot ask through a data source; None when it can. Raises GrafanaError for a missing plugin."""
        try:
            answer = self._call("GET", f"/datasources/uid/{uid}/health")
        except GrafanaError as error:
            if "plugin" in str(error).lower():
                raise GrafanaError(
                    "Grafana has no plugin for ClickHouse: `grafana-cli plugins install "
                    "grafana-clickhouse-datasource`, then start it again"
                ) from None
            return str(error)
        status = (answer or {}).get("status", "OK")
        return None if status == "OK" else str(answer.get("message", status))

    def dashboard(self, uid: str) -> Any:
        """A dashboard with its meta data."""
        return self._call("GET", f"/dashboards/uid/{uid}")

    def dashboards(self, tag: str) -> list[Any]:
        """Where every dashboard with a tag is."""
        found: list[Any] = self._call("GET", f"/search?type=dash-db&tag={quote(tag)}&limit=5000") or []
        return found

    def put_dashboard(self, dashboard: dict[str, Any], folder: str) -> None:
        """Make a dashboard, or replace the one of its uid."""
        self._call("POST", "/dashboards/db", {"dashboard": dashboard, "folderUid": folder, "overwrite": True})

    def delete_dashboard(self, uid: str) -> None:
        """Take a dashboard away."""
        self._call("DELETE", f"/dashboards/uid/{uid}")

    def rules(self, folder: str, group: str) -> Any:
        """A group of alert rules, with its interval in seconds."""
        return self._call("GET", f"{_PROVISIONING}/folder/{folder}/rule-groups/{quote(group)}")

    def rule(self, uid: str) -> Any:
        """An alert rule."""
        return self._call("GET", f"{_PROVISIONING}/alert-rules/{uid}")

    def put_rule(self, rule: dict[str, Any], *, is_new: bool) -> None:
        """Make an alert rule, or replace the one of its uid."""
        if is_new:
            self._call("POST", f"{_PROVISIONING}/alert-rules", rule)
        else:
            self._call("PUT", f"{_PROVISIONING}/alert-rules/{rule['uid']}", rule)

    def put_rules(self, folder: str, group: str, whole: dict[str, Any]) -> None:
        """Replace a group of alert rules as a whole."""
        self._call("PUT", f"{_PROVISIONING}/folder/{folder}/rule-groups/{quote(group)}", whole)

    def delete_rule(self, uid: str) -> None:
        """Take an alert rule away."""
        self._call("DELETE", f"{_PROVISIONING}/alert-rules/{uid}")

    def contact_points(self) -> list[Any]:
        """Every contact point, secrets blotted out."""
        found: list[Any] = self._call("GET", f"{_PROVISIONING}/contact-points") or []
        return found

    def put_contact_point(self, point: dict[str, Any], *, is_new: bool) -> None:
        """Make a contact point, or replace the one of its uid."""
        if is_new:
            self._call("POST", f"{_PROVISIONING}/contact-points", point)
        else:
            self._call("PUT", f"{_PROVISIONING}/contact-points/{point['uid']}", point)

    def delete_contact_point(self, uid: str) -> None:
        """Take a contact point away; Grafana refuses while a policy uses it."""
        self._call("DELETE", f"{_PROVISIONING}/contact-points/{uid}")

    def policies(self) -> dict[str, Any]:
        """The tree of notification policies; there is always one."""
        found = self._call("GET", f"{_PROVISIONING}/policies")
        if found is None:
            raise GrafanaError(f"Grafana at {self.url} has no alerting of its own: switch unified alerting on")
        tree: dict[str, Any] = found
        return tree

    def put_policies(self, tree: dict[str, Any], *, is_editable: bool) -> None:
        """Replace the tree as a whole. `is_editable`: people may go on changing it in Grafana."""
        self._call("PUT", f"{_PROVISIONING}/policies", tree, _EDITABLE if is_editable else None)

    def _call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        try:
            return getattr(self._face.api, method)(path, json=body, headers=headers)
        except GrafanaUnauthorizedError:
            raise GrafanaError(
                f"Grafana at {self.url} does not know the token: set VITALS_GRAFANA_TOKEN to one of a service account"
            ) from None
        except GrafanaException as error:
            if method == "GET" and error.status_code == _NOT_THERE:
                return None
            raise GrafanaError(self._refusal(method, path, error)) from None
        except ValueError:
            if method == "DELETE":
                return None
            raise GrafanaError(f"{self.url} answers {method} {path} with no JSON: is it a Grafana?") from None
        except OSError as error:
            raise GrafanaError(f"Grafana at {self.url} does not answer ({type(error).__name__})") from None

    def _refusal(self, method: str, path: str, error: GrafanaException) -> str:
        if isinstance(error, GrafanaClientError) and error.status_code == _FORBIDDEN:
            return f"the token may not {method} {path}: its service account needs the role Admin"
        said = error.response.get("message") if isinstance(error.response, dict) else error.response
        return f"Grafana refuses {method} {path} ({error.status_code}): {' '.join(str(said).split())[:200]}"
