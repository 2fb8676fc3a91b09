"""Orders of shops as they write them, and who their buyers are: never a number or an address as it came."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.connectors import options
from streams.connectors.buyers import phone_digits
from streams.connectors.commands import import_command
from streams.connectors.csv_rows import Form
from streams.connectors.delivered import NothingDelivered
from streams.connectors.first_buyers import FirstBuyers
from streams.connectors.identities_csv import ALIASES, IdentitiesReader
from streams.connectors.importing import Import
from streams.connectors.mapping import Mapping, form_of, read_mapping
from streams.connectors.money import minor_units
from streams.connectors.orders_csv import ALIASES as ORDER_COLUMNS
from streams.connectors.orders_csv import OrdersReader
from streams.connectors.shopify import ShopifyReader
from streams.edge import RefusedError
from streams.errors import VitalsError
from streams.events import IdentityLinked, IdentityUnlinked, Purchase, Refund, Tick
from streams.vitals.attribution import PurchaseLog
from tests.importing import NOW, PSEUDONYMS, Remembered, member, read, recipe, run

PHONE, MAIL = "+86 138 1234 5678", "Ann@Example.org"
SHOPIFY = Path(__file__).parent.parent / "fixtures" / "shopify_orders_export.csv"
MAPPING = Path(__file__).parent.parent / "fixtures" / "orders_mapping.toml"
HASHED_PHONE, HASHED_MAIL = PSEUDONYMS.of("phone", "8613812345678"), PSEUDONYMS.of("mail", "ann@example.org")


def written(tmp_path: Path, text: str, name: str = "crm.csv") -> list[Path]:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return [path]


def identities(tmp_path: Path, *lines: str, is_ending: bool = False, **form: str) -> IdentitiesReader:
    text = "member_id,platform,customer_id,phone,mail,linked_at\n" + "\n".join(lines) + "\n"
    form = {"chat_platform": "wecom", "calling_code": "86"} | form
    paths = written(tmp_path, text)
    return IdentitiesReader(paths, recipe("identities"), Form(**form), PSEUDONYMS, is_ending=is_ending)


# --- identities ---------------------------------------------------------------------------------------------


def test_a_row_links_a_member_to_each_customer_that_it_names(tmp_path: Path) -> None:
    to = Remembered()
    counts = run(identities(tmp_path, f"wm1,,c1,{PHONE},{MAIL},2024-05-06"), to)
    links = to.events
    ann = member("wm1", "wecom")
    assert [(one.known_by, one.customer_id) for one in links] == [
        ("customer", member("c1", "customer")), ("phone", HASHED_PHONE), ("mail", HASHED_MAIL),
    ]  # fmt: skip
    assert links[0] == IdentityLinked(
        event_id=f"acme/link/customer/{ann}/{member('c1', 'customer')}", occurred_at=1_714_953_600_000, brand_id="acme",
        platform="wecom", source="identities/acme", member_id=ann, customer_id=member("c1", "customer"),
    )  # fmt: skip
    assert to.keys == [("member-touches", ann)] * 3
    assert to.everywhere == [], "links close no day"
    assert (counts.read, counts.sent) == (1, 3)


def test_members_get_the_pseudonyms_of_their_platform(tmp_path: Path) -> None:
    batch = read(identities(tmp_path, "Ann_,irc,c1,,,", f"{member('x', 'wecom')},,c2,,,"))
    assert [one.member_id for one in batch.events] == [member("ann"), member("x", "wecom")]
    assert [one.platform for one in batch.events] == ["irc", "wecom"]
    with pytest.raises(VitalsError, match="--platform"):
        read(identities(tmp_path, "wm1,,c1,,,", chat_platform=""))


def test_unlinking_ends_what_the_same_file_linked(tmp_path: Path) -> None:
    (link,) = read(identities(tmp_path, f"wm1,,,{PHONE},,")).events
    (end,) = read(identities(tmp_path, f"wm1,,,{PHONE},,", is_ending=True)).events
    assert isinstance(end, IdentityUnlinked)
    assert (end.member_id, end.customer_id, end.known_by) == (link.member_id, link.customer_id, link.known_by)
    assert end.occurred_at == NOW


def test_the_file_just_imported_can_be_unlinked_once(tmp_path: Path) -> None:
    """Its rows were delivered as links, not as their ends."""
    to, sent = Remembered(), set[int]()
    for is_ending in (False, True, True):
        for batch in identities(tmp_path, "wm1,,c1,,,", is_ending=is_ending).batches(sent):
            to.events += batch.events
            sent.update(batch.marks)
    assert [type(one) for one in to.events] == [IdentityLinked, IdentityUnlinked]


def test_neither_numbers_nor_addresses_leave_the_process(tmp_path: Path) -> None:
    """Not in events, not among identities, and not in the dead letters of rows that are refused."""
    lines = [
        f"wm1,,c1,{PHONE},{MAIL},", f",,c2,{PHONE},{MAIL},", f"wm3,,,{PHONE},{MAIL},yesterday",
        f"wm2,,c2,{PHONE},no address,",
        f'"wm"4,,,{PHONE},{MAIL},', f"wm5\0,,,{PHONE},{MAIL},", f"wm6,,,{PHONE},{MAIL}," + "x" * (2 << 20),
    ]  # fmt: skip
    to = Remembered()
    counts = run(identities(tmp_path, *lines), to)
    assert counts.rejected == {"bad_shape": 3, "unparsable_line": 1, "null_byte": 1, "too_large": 1}
    told = json.dumps([str(one) for one in (*to.events, *to.identities, *to.letters)])
    for secret in (PHONE, "1381234", "138 1234", MAIL, "example.org", "Ann@"):
        assert secret not in told
    kept = json.loads(to.letters[0].original or b"{}")
    assert kept == {
        "customer_id": "c2", "phone": PSEUDONYMS.of("phone", PHONE), "mail": PSEUDONYMS.of("mail", MAIL),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (("wm1,,c1,,,", "wm1,,c2,,,"), "another customer's by an earlier row (customer)"),
        ((f"wm1,,c1,{PHONE},,", "wm1,,c1,13999999999,,"), "another customer's by an earlier row (phone)"),
        (("wm2,,c1,,,", "wm1,,,,,"), "neither customer_id nor phone nor mail"),
        (("wm2,,c1,,,", ",,c1,,,"), "member_id is missing"),
        (("wm2,,c1,,,", "wm1,,,00000000000,,"), "phone is no number"),
        (("wm2,,c1,,,", "wm1,,,ring me,,"), "phone is no number"),
        (("wm2,,c1,,,", "wm1,,,,ann,"), "mail is no address"),
        (("wm2,,c1,,,", "wm1,,c1,,,2999-01-01"), "ahead of now"),
        (("wm2,,c1,,,", "wm1,,c1,,,soon"), "linked_at is no time"),
    ],
)
def test_a_row_that_is_no_link_is_refused(tmp_path: Path, rows: tuple[str, ...], why: str) -> None:
    batch = read(identities(tmp_path, *rows))
    assert len(batch.refused) == 1
    assert why in batch.refused[0].detail
    assert {one.customer_id for one in batch.events} <= {member("c1", "customer"), HASHED_PHONE}


def test_a_link_said_twice_is_no_conflict(tmp_path: Path) -> None:
    assert read(identities(tmp_path, "wm1,,c1,,,", "wm1,,c1,,,", f"wm1,,,{PHONE},,")).refused == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_chinese_headers_and_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "crm.csv"
    path.write_bytes("成员ID,手机号\n王芳,13812345678\n".encode(encoding))
    reader = IdentitiesReader([path], recipe("identities"), Form(chat_platform="wecom", calling_code="86"), PSEUDONYMS)
    (link,) = read(reader).events
    assert (link.member_id, link.customer_id) == (member("王芳", "wecom"), HASHED_PHONE)


def test_a_missing_column_is_said(tmp_path: Path) -> None:
    for text, name in (("member_id,name\na,b\n", "customer_id"), ("phone\n1\n", "member_id")):
        reader = IdentitiesReader(written(tmp_path, text), recipe("identities"), Form(), PSEUDONYMS)
        with pytest.raises(VitalsError, match=f"no column {name}"):
            read(reader)


@pytest.mark.parametrize(
    ("text", "code", "digits"),
    [
        ("+86 138 1234 5678", "", "8613812345678"), ("0086-138-1234-5678", "", "8613812345678"),
        ("13812345678", "86", "8613812345678"), ("8613812345678", "86", "8613812345678"),
        ("13812345678", "", "13812345678"), ("(555) 123-4567", "1", "15551234567"),
        ("1 555 123 4567", "1", "15551234567"),
        ("0170/1234567", "49", "491701234567"), ("+49 (0)170 1234567", "1", "491701234567"),
        ("010-12345678", "86", "861012345678"),
    ],
)  # fmt: skip
def test_a_number_is_one_however_it_is_written(text: str, code: str, digits: str) -> None:
    assert phone_digits(text, code) == digits


@pytest.mark.parametrize("text", ["", "1234", "1" * 16, "11111111", "no number", "+", "１３８１２３４５６７８"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="phone is no number"):
        phone_digits(text)


# --- orders by phone or mail --------------------------------------------------------------------------------


def test_an_order_and_a_link_by_the_same_phone_meet(tmp_path: Path) -> None:
    text = f"order_id,phone,mail,paid_at,amount,currency\n1,{PHONE},,2024-05-06,1,EUR\n2,,{MAIL},2024-05-06,1,EUR\n"
    to = Remembered()
    run(OrdersReader(written(tmp_path, text), recipe("orders"), Form(), PSEUDONYMS), to)
    assert [one.customer_id for one in to.events] == [HASHED_PHONE, HASHED_MAIL]
    assert to.identities == []


def test_a_refused_order_hides_who_bought(tmp_path: Path) -> None:
    text = f"order_id,phone,paid_at,amount,currency\n1,{PHONE},2024-05-06,-1,EUR\n2,,2024-05-06,1,EUR\n"
    letters = read(OrdersReader(written(tmp_path, text), recipe("orders"), Form(), PSEUDONYMS)).refused
    assert ["1381234" in str(one) or "138 1234" in str(one) for one in letters] == [False, False]
    assert "nothing else says who bought" in letters[1].detail


def test_a_buyer_s_row_with_bytes_that_are_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(b"order_id,phone,paid_at,amount,currency\n\xff1,138,2024-05-06,1,EUR\n")
    (letter,) = read(OrdersReader([path], recipe("orders"), Form(encoding="utf-8"), PSEUDONYMS)).refused
    assert letter.reason == "invalid_utf8"


# --- mappings -----------------------------------------------------------------------------------------------


def test_a_mapping_says_how_a_shop_writes(tmp_path: Path) -> None:
    form = form_of(read_mapping(MAPPING), ORDER_COLUMNS, Form())
    text = "Bestellnummer;Kunde;Bezahlt am;Summe\n7;k1;2024-05-06 09:00;1.234,50\n8;k1;2024-05-06 09:00;1234,5\n"
    orders = read(OrdersReader(written(tmp_path, text), recipe("orders"), form, PSEUDONYMS)).events
    assert [(one.order_id, one.amount, one.currency) for one in orders] == [("7", 123450, "EUR"), ("8", 123450, "EUR")]


def test_the_command_line_stands_before_the_mapping(tmp_path: Path) -> None:
    form = form_of(read_mapping(MAPPING), ORDER_COLUMNS, Form(currency="CHF", columns={"amount": "Total"}))
    assert (form.currency, form.columns["amount"], form.columns["order_id"]) == ("CHF", "Total", "Bestellnummer")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("columns =", "no valid TOML"),
        ('price = "x"', "no mapping: .*price.*known are columns"),
        ("currency = 3", "no mapping"),
        ('[columns]\nprice = "x"', "no column 'price', known are order_id"),
        ('[columns]\norder_id = ""', "no column 'order_id'"),
        ('decimal = ";"', "say a point or a comma"),
        ('thousands = "."', "cannot stand between thousands"),
        ('thousands = "x"', "cannot stand between thousands"),
        ('calling_code = "china"', "no calling code"),
        ('currency = "euro"', "'euro' is no currency: say it in three letters"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_said_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    (path,) = written(tmp_path, text, "shop.toml")
    with pytest.raises(VitalsError, match=why):
        form_of(read_mapping(path), ORDER_COLUMNS, Form())


def test_a_mapping_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(VitalsError, match="cannot read the mapping"):
        read_mapping(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("text", "thousands", "has_comma", "amount"),
    [
        ("1,234.50", ",", False, 123450), ("1,234,567", ",", False, 123456700), ("234.5", ",", False, 23450),
        ("1.234,50", ".", True, 123450), ("1 234,50", " ", True, 123450), ("1\u00a0234,50", " ", True, 123450),
        ("1'234.50", "'", False, 123450), ("1234.50", ",", False, 123450),
    ],
)  # fmt: skip
def test_thousands_are_read_when_it_is_said_what_stands_between_them(
    text: str, thousands: str, has_comma: bool, amount: int
) -> None:
    assert minor_units(text, "EUR", has_comma=has_comma, thousands=thousands) == amount


@pytest.mark.parametrize("text", ["1,23", "12,34.5", "1,2345", ",123", "1,234,5", "1.234,5", "-1,234", ""])
def test_a_comma_that_stands_elsewhere_is_no_thousands(text: str) -> None:
    with pytest.raises(RefusedError, match=r"thousands|negative"):
        minor_units(text, "EUR", thousands=",")


def test_every_kind_of_file_has_columns_of_its_own() -> None:
    for names in (ALIASES, ORDER_COLUMNS):
        assert form_of(Mapping(columns=dict.fromkeys(names, "x")), names, Form()).columns.keys() == names.keys()


# --- Shopify ------------------------------------------------------------------------------------------------


def shopify(paths: list[Path]) -> ShopifyReader:
    return ShopifyReader(paths, recipe("shopify"), Form(calling_code="1"), PSEUDONYMS)


def test_an_export_is_read_as_it_is() -> None:
    to = Remembered()
    counts = run(shopify([SHOPIFY]), to)
    orders = {one.order_id: one for one in to.events if isinstance(one, Purchase)}
    assert {key: (one.amount, one.currency) for key, one in orders.items()} == {
        "450789469": (12995, "USD"), "450789470": (4500, "USD"), "450789471": (8000, "JPY"), "#1004": (1000, "EUR"),
        "450789475": (0, "USD"),
    }  # fmt: skip
    assert orders["450789469"].customer_id == HASHED_MAIL
    assert orders["450789470"].customer_id == PSEUDONYMS.of("phone", "15551234567")
    assert orders["450789471"].customer_id == PSEUDONYMS.of("guest", "450789471"), "a sale over the counter"
    assert orders["450789469"].code == "SPRING10"
    assert orders["450789469"].occurred_at == 1_714_971_600_000, "09:00 +0400"
    back = [(one.order_id, one.refund_id, one.amount, one.is_total) for one in to.events if isinstance(one, Refund)]
    assert back == [("450789470", "total-1500", 1500, True), ("#1004", "total-1000", 1000, True)]
    assert counts.skipped == {"line item": 2, "not paid (pending)": 1, "not paid (voided)": 1}
    assert counts.rejected == {"bad_shape": 2}
    assert to.identities == []


HEADER = "Name,Email,Financial Status,Paid at,Currency,Total,Refunded Amount\n"
GUEST = PSEUDONYMS.of("guest", "#1")


def exported(tmp_path: Path, mail: str, back: int = 0) -> ShopifyReader:
    return shopify(written(tmp_path, f"{HEADER}#1,{mail},paid,2026-01-01 10:00:00 +0000,EUR,5.00,{back}.00\n"))


def test_an_order_stays_its_first_buyers_when_a_later_export_knows_better(tmp_path: Path) -> None:
    """Under two buyers it would count twice. What is given back of it later goes to the first one too."""
    to, counts = Remembered(), []
    for mail, back in (("", 0), (MAIL, 0), (MAIL, 2)):
        reader, buyers = exported(tmp_path, mail, back), FirstBuyers(tmp_path, "shopify/acme", "t")
        counts.append(Import(reader, recipe("shopify"), to, NothingDelivered(), buyers).run(lambda _: None))
    assert {key for _, key in to.keys} == {one.customer_id for one in to.events} == {GUEST}
    assert [one.rebought for one in counts] == [0, 1, 2]
    log = PurchaseLog(0, "attribution/t", 1)
    ticks = [Tick(event_id=f"t{at}", occurred_at=NOW + at, brand_id="~", platform="~", origin_partition=0) for at in
             (86_400_000, 90_000_000)]  # fmt: skip
    rows = [one.value for offset, event in enumerate([*to.events, *ticks]) for one in log.fold(event, GUEST, offset, 0)]
    assert sorted(row.amount for row in rows) == [-200, 500]


def test_buyers_are_written_down_before_their_orders_are_sent(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        Import(exported(tmp_path, ""), recipe("shopify"), Remembered(fail_after=0), NothingDelivered(),
               FirstBuyers(tmp_path, "shopify/acme", "t")).run(lambda _: None)  # fmt: skip
    (path,) = tmp_path.glob("*.buyers")
    path.write_bytes(path.read_bytes() + path.read_bytes()[:9])  # a line that a kill cut short
    ((order, is_other),) = FirstBuyers(tmp_path, "shopify/acme", "t").settled(read(exported(tmp_path, MAIL)).events)
    assert (order.customer_id, is_other) == (GUEST, True)
    assert path.read_bytes().count(b"\n") == 1
    assert path.read_bytes().endswith(b"\n")
    others = FirstBuyers(tmp_path, "shopify/acme", "made again").settled(read(exported(tmp_path, MAIL)).events)
    assert [is_other for _, is_other in others] == [False], "topics made again have no order yet"


@pytest.mark.parametrize("name", ["orders-csv", "shopify"])
def test_an_import_of_orders_keeps_whose_they_are(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITALS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VITALS_METRICS_SECONDS", "0")
    to = Remembered()
    monkeypatch.setattr(
        options, "_destination",
        lambda recipe, *_: (to, NothingDelivered(), FirstBuyers(tmp_path, recipe.source, "t")),
    )  # fmt: skip
    for mail in ("b@c.org", MAIL):
        text = f"{HEADER}#1,{mail},paid,2026-01-01 10:00:00 +0000,EUR,5.00,0\n"
        (path,) = written(tmp_path, text.replace("Name", "order_id") if name == "orders-csv" else text)
        done = CliRunner().invoke(import_command, [name, "--brand", "acme", str(path)])
        assert done.exit_code == 0, done.output
    assert "1 event came with another buyer of an order than before" in done.output
    assert len(to.events) == 2
    assert len({one.customer_id for one in to.events}) == 1


def test_no_name_or_address_of_an_export_leaves_the_process() -> None:
    to = Remembered()
    run(shopify([SHOPIFY]), to)
    told = json.dumps([str(one) for one in (*to.events, *to.letters)])
    assert not [
        word for word in ("ann", "Example", "555", "Fifth Avenue", "Zoe", "@") if word in told.replace("acme", "")
    ]


def test_a_later_export_brings_the_refunds_since(tmp_path: Path) -> None:
    head = "Name,Email,Financial Status,Paid at,Currency,Total,Refunded Amount,Id\n"
    row = "#1,a@b.c,partially_refunded,2024-05-06 09:00:00 +0000,USD,100.00,{},7\n"
    first, later = (read(shopify(written(tmp_path, head + row.format(back)))).events for back in ("20.00", "50.00"))
    assert first[0] == later[0]
    assert [one.refund_id for one in (first[1], later[1])] == ["total-2000", "total-5000"]
    assert first[1].occurred_at == later[1].occurred_at == first[0].occurred_at


def test_what_is_no_export_is_said(tmp_path: Path) -> None:
    with pytest.raises(VitalsError, match="no column name"):
        read(shopify(written(tmp_path, "order_id,amount\n1,2\n")))
    with pytest.raises(VitalsError, match="no column financial status: give Shopify's order export as it is") as told:
        read(shopify(written(tmp_path, "name,total\n1,2\n")))
    assert "--column" not in str(told.value), "an option that this format lacks"
