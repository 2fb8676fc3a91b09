from pathlib import Path

import pytest

from streams.errors import VitalsError
from streams.stack.maven import CENTRAL, Repository, mirrors_central, repository

MIRROR = "<settings><mirrors><mirror><id>a</id><mirrorOf>{of}</mirrorOf><url>{url}</url></mirror></mirrors></settings>"


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAVEN_MIRROR_URL", raising=False)


def test_central_without_anything_said(tmp_path: Path) -> None:
    assert repository(None, tmp_path / "settings.xml") == Repository(CENTRAL)


def test_a_setting_wins_over_the_variable_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.xml"
    file.write_text(MIRROR.format(of="central", url="https://file.example/m2/"))
    assert repository(None, file).url == "https://file.example/m2"
    monkeypatch.setenv("MAVEN_MIRROR_URL", "https://variable.example/m2/")
    assert repository(None, file) == Repository("https://variable.example/m2", origin="MAVEN_MIRROR_URL")
    assert repository("https://setting.example", file).url == "https://setting.example"


def test_variables_in_the_file_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPO", "https://ours.example")
    file = tmp_path / "settings.xml"
    file.write_text(MIRROR.format(of="*", url="${env.REPO}/m2"))
    assert repository(None, file).url == "https://ours.example/m2"


@pytest.mark.parametrize(
    ("mirror_of", "is_ours"),
    [
        ("*", True),
        ("central", True),
        ("external:*", True),
        ("a, central", True),
        ("*,!central", False),
        ("jboss", False),
    ],
)
def test_which_mirrors_stand_for_central(mirror_of: str, is_ours: bool, tmp_path: Path) -> None:
    assert mirrors_central(mirror_of) is is_ours
    file = tmp_path / "settings.xml"
    file.write_text(MIRROR.format(of=mirror_of, url="https://mirror.example"))
    assert repository(None, file).url == ("https://mirror.example" if is_ours else CENTRAL)


def test_a_file_that_is_no_xml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.xml"
    file.write_text("<settings>")
    with pytest.raises(VitalsError, match=r"cannot read .*settings\.xml"):
        repository(None, file)
