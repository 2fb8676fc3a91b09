"""Bring Grafana to what the code says: a plan of steps, made by reading alone, then carried out.

Ours is what has our uid, `vitals-…`, in our folders, with our tag or label. Whatever has not is never changed; where
one of our uids is taken by something else, the plan is refused.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import msgspec

from streams.dashboards.builders import TAG, Json
from streams.dashboards.files import ALERT_FOLDER, FOLDER, TITLES, dashboards, datasource
from streams.dashboards.model import Look
from streams.dashboards.rules import CONTACT, INTERVAL_S, MATCHERS, RULE_GROUP, RULES, contact_point, rule
from streams.grafana import Grafana, GrafanaError
from streams.settings import Settings

Action = Literal["create", "update", "delete", "keep"]
_PREFIX = "vitals-"
_TRIES = 3


class Step(msgspec.Struct, frozen=True):
    """One thing to do, or not to do (`keep`), in Grafana."""

    action: Action
    kind: str
    name: str
    do: Callable[[], None]


class Wanted(msgspec.Struct, frozen=True):
    """All that Grafana should have. `contact` is None where alerts go by Grafana's own policies."""

    titles: Mapping[str, str]
    source: Json
    password: str
    dashboards: Sequence[Json]
    rules: Sequence[Json]
    contact: Json | None


def wanted(settings: Settings, look: Look, *, address: str | None) -> Wanted:
    """What these settings ask for. `address` is ClickHouse as Grafana reaches it."""
    return Wanted(
        titles={uid: look.word(words) for uid, words in TITLES.items()},
        source=datasource(settings, address),
        password=settings.password_of("bi"),
        dashboards=dashboards(look),
        rules=[rule(one, look, ALERT_FOLDER) for one in RULES],
        contact=contact_point(settings.grafana_contact),
    )


def plan(grafana: Grafana, want: Wanted) -> Iterator[Step]:
    """The steps in an order in which they can be done. Reads only. Raises GrafanaError."""
    org = grafana.check()
    rules = [one | {"orgID": org} for one in want.rules]
    for uid, title in want.titles.items():
        yield _folder(grafana, uid, title)
    yield _source(grafana, want)
    for one in want.dashboards:
        yield _dashboard(grafana, one)
    point = _contact_point(grafana, want.contact)
    if point is not None and point.action != "delete":
        yield point
    for one in rules:
        yield _rule(grafana, one)
    yield from _interval(grafana)
    yield from _policy(grafana, has_contact=want.contact is not None)
    yield from _dropped_rules(grafana, {one["uid"] for one in rules})
    yield from _dropped_dashboards(grafana, {one["uid"] for one in want.dashboards})
    if point is not None and point.action == "delete":
        yield point


def covers(found: Any, want: Any) -> bool:
    """Whether what Grafana has says all that is wanted; it adds fields of its own."""
    if isinstance(want, dict):
        return isinstance(found, dict) and all(name in found and covers(found[name], one) for name, one in want.items())
    if isinstance(want, list):
        return isinstance(found, list) and len(found) == len(want) and all(map(covers, found, want))
    return bool(found == want)


def _step(found: Any, want: Any, kind: str, name: str, put: Callable[[bool], None]) -> Step:
    """Create what is not there, update what differs."""
    action: Action = "create" if found is None else "keep" if covers(found, want) else "update"
    return Step(action, kind, name, lambda: put(found is None))


def _foreign(kind: str, uid: str) -> GrafanaError:
    return GrafanaError(f"Grafana has a {kind} {uid} that is not of vitals: give that another uid, nothing was changed")


def _folder(grafana: Grafana, uid: str, title: str) -> Step:
    found = grafana.folder(uid)
    return _step(found, {"title": title}, "folder", uid, lambda is_new: grafana.put_folder(uid, title, is_new=is_new))


def _source(grafana: Grafana, want: Wanted) -> Step:
    """Secrets cannot be read back: a data source that cannot ask gets its password again."""
    uid, found = want.source["uid"], grafana.datasource(want.source["uid"])
    if found is not None and found.get("type") != want.source["type"]:
        raise _foreign("data source", uid)

    def put(is_new: bool) -> None:
        grafana.put_datasource(want.source | {"secureJsonData": {"password": want.password}}, is_new=is_new)
        _answers(grafana, uid)

    step = _step(found, want.source, "data source", uid, put)
    if step.action == "keep" and grafana.datasource_trouble(uid) is not None:
        return msgspec.structs.replace(step, action="update")
    return step


def _answers(grafana: Grafana, uid: str) -> None:
    """Just after an edit the old address may be asked once more."""
    for _ in range(_TRIES):
        trouble = grafana.datasource_trouble(uid)
        if trouble is None:
            return
    raise GrafanaError(f"Grafana cannot ask ClickHouse ({trouble}): give its address with --clickhouse HOST:PORT")


def _dashboard(grafana: Grafana, want: Json) -> Step:
    uid, found = want["uid"], grafana.dashboard(want["uid"])
    if found is not None and TAG not in found["dashboard"].get("tags", []):
        raise _foreign("dashboard", uid)
    there = None if found is None else {"dashboard": found["dashboard"], "folder": found["meta"].get("folderUid")}
    wish = {"dashboard": want, "folder": FOLDER}
    return _step(there, wish, "dashboard", uid, lambda _: grafana.put_dashboard(want, FOLDER))


def _rule(grafana: Grafana, want: Json) -> Step:
    uid, found = want["uid"], grafana.rule(want["uid"])
    if found is not None and not _is_ours(found):
        raise _foreign("alert rule", uid)
    return _step(found, want, "alert rule", uid, lambda is_new: grafana.put_rule(want, is_new=is_new))


def _interval(grafana: Grafana) -> Iterator[Step]:
    """New rules take Grafana's interval, which is ours unless somebody changed it."""
    found = grafana.rules(ALERT_FOLDER, RULE_GROUP)
    if found is None or found.get("interval") == INTERVAL_S:
        return

    def put() -> None:
        grafana.put_rules(ALERT_FOLDER, RULE_GROUP, grafana.rules(ALERT_FOLDER, RULE_GROUP) | {"interval": INTERVAL_S})

    yield Step("update", "interval of alert rules", RULE_GROUP, put)


def _contact_point(grafana: Grafana, want: Json | None) -> Step | None:
    found = next((point for point in grafana.contact_points() if point.get("uid") == CONTACT), None)
    if want is not None:
        return _step(
            found, want, "contact point", CONTACT, lambda is_new: grafana.put_contact_point(want, is_new=is_new)
        )
    if found is None:
        return None
    return Step("delete", "contact point", CONTACT, lambda: grafana.delete_contact_point(CONTACT))


def _policy(grafana: Grafana, *, has_contact: bool) -> Iterator[Step]:
    """Our route before those of others, which stay as they are: a general one would take our alerts."""
    tree = grafana.policies()
    routes = tree.get("routes") or []
    ours = [route for route in routes if route.get("object_matchers") == MATCHERS]
    want = (
        [{"receiver": TAG, "object_matchers": MATCHERS, "group_by": ["alertname", "brand_id"]}] if has_contact else []
    )
    if covers(ours, want):
        if want:
            yield Step("keep", "notification policy", TAG, lambda: None)
        return
    provenance = tree.get("provenance", "")
    if provenance == "file":
        raise GrafanaError("Grafana's notification policies come from a file: add a route for managed_by there")
    others = [route for route in routes if route not in ours]
    changed = {name: value for name, value in tree.items() if name != "provenance"} | {"routes": want + others}
    action: Action = ("update" if ours else "create") if want else "delete"
    yield Step(
        action,
        "notification policy",
        TAG,
        lambda: grafana.put_policies(changed, is_editable=provenance != "api"),
    )


def _dropped_rules(grafana: Grafana, kept: set[str]) -> Iterator[Step]:
    for found in (grafana.rules(ALERT_FOLDER, RULE_GROUP) or {}).get("rules", []):
        if found["uid"].startswith(_PREFIX) and _is_ours(found) and found["uid"] not in kept:
            yield Step("delete", "alert rule", found["uid"], partial(grafana.delete_rule, found["uid"]))


def _dropped_dashboards(grafana: Grafana, kept: set[str]) -> Iterator[Step]:
    for found in grafana.dashboards(TAG):
        uid = found["uid"]
        if uid.startswith(_PREFIX) and found.get("folderUid") == FOLDER and uid not in kept:
            yield Step("delete", "dashboard", uid, partial(grafana.delete_dashboard, uid))


def _is_ours(found: Json) -> bool:
    return (found.get("labels") or {}).get("managed_by") == TAG
