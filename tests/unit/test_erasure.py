"""Who is to be forgotten, and which bytes name somebody."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from streams.dead_letters import DeadLetter, dead_letter
from streams.erasure import ERASED, Found, _naming, _rows, find
from streams.errors import VitalsError
from streams.forget_command import forget_command, pseudonyms, summary
from streams.identities import MemberIdentity
from streams.letter_box import Kept
from streams.pseudonyms import Pseudonyms, brand_secret
from streams.settings import Settings
from streams.warehouse import Warehouse

MEMBER = "m_3nq0b2tq8fHk1c9Z"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, cache=tmp_path)


def test_a_raw_id_becomes_the_pseudonym_that_its_connector_gave(settings: Settings) -> None:
    known = Pseudonyms(brand_secret(settings.secrets, "acme")).of("slack", "U024BE7LH")
    assert pseudonyms(settings, ["U024BE7LH", MEMBER, MEMBER], "acme", "slack") == {MEMBER: (), known: ("U024BE7LH",)}


@pytest.mark.parametrize("nick", ["ann", "Ann_", "ANN``"])
def test_a_nick_is_who_the_connector_takes_it_for(settings: Settings, nick: str) -> None:
    known = Pseudonyms(brand_secret(settings.secrets, "acme")).of("irc", "ann")
    assert pseudonyms(settings, [nick], "acme", "irc") == {known: (nick,)}


def test_a_pseudonym_needs_no_secret(settings: Settings) -> None:
    assert pseudonyms(settings, [MEMBER], None, None) == {MEMBER: ()}


def test_no_secret_is_made_for_a_brand_that_has_none(settings: Settings) -> None:
    with pytest.raises(VitalsError, match=r"^the secret of brand acme is not in "):
        pseudonyms(settings, ["U024BE7LH"], "acme", "slack")
    assert not settings.secrets.exists()


def test_a_raw_id_alone_is_refused_without_being_said(settings: Settings) -> None:
    with pytest.raises(VitalsError, match=r"^1 member given by raw id: say --brand and --platform") as raised:
        pseudonyms(settings, ["+8613800138000"], None, None)
    assert "138" not in str(raised.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"[10:00] <anna> hello",
        b"anna",
        b"[10:00] <Anna_> hello",
        "10:00 <ÉLAN> hello".encode(),
        json.dumps({"user": "Élan"}).encode().replace(b"u00c9", b"u00C9"),
        b"a.*b",
        "10:00 <张三> 你好".encode(),
        "订单,张三,12.80".encode("gb18030"),
        json.dumps({"user": "张三"}).encode(),
        json.dumps({"user": 'an "x"'}).encode(),
    ],
)
def test_bytes_that_name_somebody_are_found(raw: bytes) -> None:
    assert _naming(["anna", "张三", "élan", "a.*b", 'an "x"'])(raw)


@pytest.mark.parametrize("raw", [b"", b"joanna", b"anna_2", b"annabel said", "张四".encode(), b"axxb"])
def test_a_name_inside_another_word_names_nobody(raw: bytes) -> None:
    assert not _naming(["anna", "张三", "a.*b"])(raw)


def test_without_a_name_nothing_is_found() -> None:
    assert not _naming([])(b"anything")


def test_the_summary_says_no_name() -> None:
    found = Found({MEMBER: frozenset({"anna", "U024BE7LH"}), "m_Zk29cH8f1qt2b0qn": frozenset()}, ())
    assert (
        summary(found)
        == "2 members, of whom 1 can be led back to an id or a name; one of them is named in 0 dead letters"
    )


def test_the_summary_says_what_to_look_at_where_nobody_is_known() -> None:
    assert "0 can be led back to an id or a name (erased already? else look at" in summary(
        Found({MEMBER: frozenset()}, ())
    )


@pytest.mark.parametrize("arguments", [[], ["--again", MEMBER]])
def test_either_members_are_given_or_all_who_were_forgotten(arguments: list[str]) -> None:
    done = CliRunner().invoke(forget_command, arguments)
    assert (done.exit_code, done.output.splitlines()[-1]) == (2, "Error: give either members or --again")


def letter(raw: bytes, detail: str = "it is no line") -> DeadLetter:
    return dead_letter(raw, origin="f", partition=-1, position=1, reason="unparsable_line", detail=detail, at=0)


def test_it_looks_for_what_was_given_and_for_what_an_earlier_run_emptied(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was erased once is known to nobody but to whom asks."""
    box = [letter(b"<Ann> hi"), letter(b"", ERASED), letter(b"<bea> hi"), letter(b"<cem> hi")]
    identity = MemberIdentity(member_id=MEMBER, brand_id="b", platform="irc", raw_id="bea", at=0)
    records = [(MEMBER.encode(), msgspec.json.encode(identity)), (MEMBER.encode(), b"no identity"), (b"m_x", b"?")]
    monkeypatch.setattr("streams.erasure.topic_reader.records", lambda *_: records)
    monkeypatch.setattr("streams.erasure._rows", lambda *_: [])
    monkeypatch.setattr("streams.erasure.letter_box.find", lambda _, wanted: [Kept(one) for one in box if wanted(one)])
    found = find(settings, {MEMBER: (), "m_Zk29cH8f1qt2b0qn": ("ann",)})
    assert found.traces == {MEMBER: {"bea"}, "m_Zk29cH8f1qt2b0qn": frozenset()}
    assert found.letters == (box[0], box[2])
    assert found.emptied == (box[1],)
    assert summary(found).startswith("2 members, of whom 1 can be led back")


def test_members_without_end_are_asked_for_in_parts(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """ClickHouse takes a query of 256 KiB."""
    asked: list[int] = []

    def query(_: Warehouse, sql: str, parameters: dict[str, list[str]]) -> list[tuple[str, str, str]]:
        asked.append(len(sql) + sum(len(one) + 4 for one in parameters["members"]))
        return [(one, "raw", "") for one in parameters["members"]]

    monkeypatch.setattr(Warehouse, "query", query)
    members = [f"m_{number:016}" for number in range(20_000)]
    assert [member for member, *_ in _rows(settings, members)] == members
    assert max(asked) < 256 << 10
