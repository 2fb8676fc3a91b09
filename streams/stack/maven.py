"""Where Maven packages are fetched from: a mirror of the environment or of `~/.m2/settings.xml`, else Central."""

import base64
import os
import re
from pathlib import Path
from xml.etree import ElementTree as ET  # a file of the user's own, read as Maven reads it

import msgspec

from streams.errors import VitalsError

CENTRAL = "https://repo.maven.apache.org/maven2"
SETTING = "VITALS_MAVEN_MIRROR"
_COMMON_VARIABLE = "MAVEN_MIRROR_URL"


class Repository(msgspec.Struct, frozen=True):
    """A Maven repository: base address without a final slash, and what to send as Authorization, if anything."""

    url: str
    authorization: str | None = None
    origin: str = "default"
    """Who said so, for messages: a variable, a file, or "default"."""


def repository(configured: str | None, user_settings: Path | None = None) -> Repository:
    """The repository to use. Raises VitalsError if `settings.xml` cannot be read."""
    for url, origin in ((configured, SETTING), (os.environ.get(_COMMON_VARIABLE), _COMMON_VARIABLE)):
        if url:
            return Repository(url.rstrip("/"), origin=origin)
    path = user_settings or Path.home() / ".m2" / "settings.xml"
    return (_mirror(path) if path.exists() else None) or Repository(CENTRAL)


def _mirror(path: Path) -> Repository | None:
    try:
        root = ET.fromstring(path.read_bytes())  # noqa: S314
    except (ET.ParseError, OSError) as error:
        raise VitalsError(f"cannot read {path} ({error}): mend it, or set {SETTING}") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    for mirror in root.iter("mirror"):
        if mirrors_central(_text(mirror, "mirrorOf")) and _text(mirror, "url"):
            return Repository(_text(mirror, "url").rstrip("/"), _login(root, _text(mirror, "id")), str(path))
    return None


def mirrors_central(mirror_of: str) -> bool:
    """Whether a `<mirrorOf>` list covers Maven Central: `*`, `central` or `external:*`, but not with `!central`."""
    names = {name.strip() for name in mirror_of.split(",")}
    return "!central" not in names and bool(names & {"*", "central", "external:*"})


def _login(root: ET.Element, identifier: str) -> str | None:
    for server in root.iter("server"):
        if _text(server, "id") == identifier and _text(server, "username"):
            pair = f"{_text(server, 'username')}:{_text(server, 'password')}"
            return "Basic " + base64.b64encode(pair.encode()).decode()
    return None


def _text(element: ET.Element, tag: str) -> str:
    """The text of a child with `${env.NAME}` filled in, "" if there is none."""
    text = (element.findtext(tag) or "").strip()
    return re.sub(r"\$\{env\.([^}]+)\}", lambda found: os.environ.get(found[1], ""), text)
