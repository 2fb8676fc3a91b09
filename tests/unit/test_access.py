import tomllib
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from streams.errors import VitalsError
from streams.resources import resource_dir
from streams.settings import Settings
from streams.sink_tables import TABLES
from streams.stack import access, clickhouse
from streams.stack.access import Reader

BRANDS = ("acme", "o'brien", "a\\b", "<&>", "茶")


@pytest.fixture
def settings(tmp_path):
    made = Settings(home=tmp_path, cache=tmp_path)
    made.secrets.mkdir()
    return made


def users_of(settings: Settings) -> ElementTree.Element:
    clickhouse.configure(settings)
    users = ElementTree.parse(clickhouse.folder(settings) / "users.xml").getroot().find("users")
    assert users is not None
    return users


def test_a_reader_is_a_user_with_a_filter_on_each_table_of_brands(settings):
    access.add(settings, "acme_bi", BRANDS)
    user = users_of(settings).find("acme_bi")
    filters = {one.tag: one.findtext("filter") for one in user.find("databases/vitals")}
    of_brands = {table.name for table in TABLES if "brand_id" in table.columns}
    assert filters.keys() == of_brands | {"dead_letters_v1"}
    assert filters["dead_letters_v1"] == "0"
    assert {filters[name] for name in of_brands} == {"brand_id IN ('acme', 'o\\'brien', 'a\\\\b', '<&>', '茶')"}
    assert user.findtext("profile") == "reader"


def test_who_reads_all_brands_has_no_filter(settings):
    assert users_of(settings).find("bi/databases") is None


@pytest.mark.parametrize("name", ["bi", "acme_bi"])
def test_no_reader_is_granted_names_bytes_of_letters_or_whatever_is_new(settings, name):
    access.add(settings, "acme_bi", ("acme",))
    grants = {one.text for one in users_of(settings).iterfind(f"{name}/grants/query")}
    assert not [grant for grant in grants if "members_v1" in grant or "original" in grant or "*" in grant]
    assert all(grant.startswith("GRANT SELECT") for grant in grants)
    views = {path.stem for path in (resource_dir("schemas") / "views").glob("*.sql")}
    assert {f"GRANT SELECT ON vitals.{view}" for view in views} <= grants


def test_every_table_that_a_view_reads_is_granted():
    text = "".join(path.read_text() for path in (resource_dir("schemas") / "views").glob("*.sql"))
    granted = " ".join(Reader("x", "x").grants("vitals"))
    assert {word for word in text.replace("(", " ").split() if word.endswith("_v1")} <= set(
        granted.replace("vitals.", " ").split()
    )


def test_a_password_is_made_and_kept_private_and_its_digest_alone_is_in_the_configuration(settings):
    access.add(settings, "acme_bi", ("acme",))
    users_of(settings)
    path = settings.secrets / "reader-acme_bi"
    assert path.stat().st_mode & 0o077 == 0
    assert len(path.read_text().strip()) >= 32
    assert path.read_text().strip() not in (clickhouse.folder(settings) / "users.xml").read_text()


def test_adding_again_changes_the_brands_and_removing_takes_the_password_too(settings):
    access.add(settings, "acme_bi", ("acme",))
    access.add(settings, "b_bi", ("b",))
    users_of(settings)
    access.add(settings, "acme_bi", BRANDS)
    assert [one.brands for one in access.readers(settings)] == [None, BRANDS, ("b",)]
    access.remove(settings, "acme_bi")
    assert [one.name for one in access.readers(settings)] == ["bi", "b_bi"]
    assert not (settings.secrets / "reader-acme_bi").exists()
    assert tomllib.loads((settings.home / "access.toml").read_text()) == {"b_bi": ["b"]}


@pytest.mark.parametrize("name", ["bi", "vitals", "default", "a b", "a;", "", "1x", "<x>"])
def test_a_name_that_is_taken_or_not_plain_is_refused(settings, name):
    with pytest.raises(VitalsError):
        access.add(settings, name, ("acme",))
    assert not (settings.home / "access.toml").exists()


@pytest.mark.parametrize("brands", [(), ("",), ("a\nb",), ("a\0",)])
def test_a_brand_that_cannot_be_is_refused(settings, brands):
    with pytest.raises(VitalsError):
        access.add(settings, "acme_bi", brands)


def test_removing_who_is_not_there_is_said(settings):
    with pytest.raises(VitalsError, match="vitals access list"):
        access.remove(settings, "nobody")


@pytest.mark.parametrize("text", ["acme_bi = 5", "acme_bi = ['x'", "bi = ['acme']", "acme_bi = []"])
def test_a_file_that_was_made_unreadable_grants_nothing(settings, text):
    (settings.home / "access.toml").write_text(text)
    with pytest.raises(VitalsError):
        clickhouse.configure(settings)


def test_the_statements_for_a_server_elsewhere_have_the_same_grants_and_filters():
    reader = Reader("acme_bi", "", ("o'brien",))
    said = access.statements(reader, "vitals")
    assert sum(one.endswith(" TO acme_bi") for one in said) == len(reader.grants("vitals")) + len(reader.filters())
    assert "USING brand_id IN ('o\\'brien') TO acme_bi" in said[-1] + said[-2] + said[-3]
    assert "IDENTIFIED WITH sha256_password BY '…'" in said[0]


def test_settings_show_no_password():
    told = Settings(home=Path("/h"), cache=Path("/c"), bi_password="known", clickhouse_password="known")
    assert "known" not in f"{told} {told!r} {[told]}"
    assert msgspec.structs.replace(told, partitions=3).partitions == 3
