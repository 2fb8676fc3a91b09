from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.connectors.money import minor_units
from streams.connectors.orders_csv import Form, OrdersReader, time_of
from streams.edge import RefusedError
from streams.errors import VitalsError
from streams.events import Purchase, Refund
from tests.importing import NOW, PSEUDONYMS, Marks, Remembered, member, read, recipe, run

HEAD = "order_id,customer_id,paid_at,amount,currency,refund_id,code,group"
MAY_6 = 1_714_953_600_000


def reader(tmp_path, text: str | bytes, form: Form | None = None, **changed: object) -> OrdersReader:
    path = tmp_path / "orders.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return OrdersReader([path], recipe("orders", **changed), form or Form(), PSEUDONYMS)


def rows(tmp_path, *lines: str, form: Form | None = None, **changed: object):
    return read(reader(tmp_path, "\n".join([HEAD, *lines]) + "\n", form, **changed))


def test_orders_and_refunds_go_to_purchases(tmp_path):
    to = Remembered()
    text = f"{HEAD}\n1,c,2024-05-06 01:00,12.50,eur,,SPRING,acme/irc/den\n1,c,2024-05-07,2.5,EUR,r1,,\n"
    counts = run(reader(tmp_path, text), to)
    customer = member("c", "customer")
    bought, returned = to.events
    assert bought == Purchase(
        event_id="acme/order/1", occurred_at=MAY_6 + 3_600_000, brand_id="acme", platform="orders",
        source="orders/acme", order_id="1", customer_id=customer, amount=1250, currency="EUR", code="SPRING",
        group_id="acme/irc/den",
    )  # fmt: skip
    assert isinstance(returned, Refund)
    assert (returned.refund_id, returned.order_id, returned.amount) == ("r1", "1", 250)
    assert to.keys == [("purchases", customer)] * 2
    assert to.everywhere == [], "orders close no day"
    assert [(i.raw_id, i.platform) for i in to.identities] == [("c", "customer")]
    assert (counts.read, counts.sent) == (2, 2)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",c,2024-05-06,1,EUR", "bad_shape"),
        ("1,,2024-05-06,1,EUR", "bad_shape"),
        ("1,c,yesterday,1,EUR", "bad_shape"),
        ("1,c,2024-02-30,1,EUR", "bad_shape"),
        ("1,c,1969-12-31,1,EUR", "bad_shape"),
        ("1,c,2024-05-06,-1,EUR", "bad_shape"),
        ("1,c,2024-05-06,,EUR", "bad_shape"),
        ('1,c,2024-05-06,"1,5",EUR', "bad_shape"),
        ("1,c,2024-05-06,1,euros", "bad_shape"),
        ("1,c,2024-05-06,1,", "bad_shape"),
        ("1", "bad_shape"),
        (f"1,c,2024-05-06,1,EUR,,{'x' * 513},", "bad_shape"),
        (f"1,c,2024-05-06,1,EUR,,,acme/irc/{'x' * 513}", "bad_shape"),
        ("1,c,2024-05-06,1,EUR,,,den", "bad_shape"),
        ("1,c,2999-05-06,1,EUR", "from_the_future"),
        ("1,c\0,2024-05-06,1,EUR", "null_byte"),
        ("1,c,2024-05-06,1,EUR,," + "x" * (2 << 20), "too_large"),
        ('"1"x,c,2024-05-06,1,EUR', "unparsable_line"),
    ],
)
def test_a_row_that_is_no_order_is_refused(row, reason, tmp_path):
    batch = rows(tmp_path, "0,c,2024-05-06,1,EUR", row, "2,c,2024-05-06,1,EUR")
    assert [(letter.reason, letter.position) for letter in batch.refused] == [(reason, 3)]
    assert [event.order_id for event in batch.events] == ["0", "2"]


def test_bytes_that_are_no_text_are_refused(tmp_path):
    text = f"{HEAD}\n" + "0,é,2024-05-06,1,EUR\n" * 1200
    batch = read(reader(tmp_path, text.encode() + b"1,\xff\xfe,2024-05-06,1,EUR\n"))
    assert [letter.reason for letter in batch.refused] == ["invalid_utf8"]
    assert len(batch.events) == 1200


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_files_are_read(encoding, tmp_path):
    text = "订单号,客户ID,支付时间,实付金额,币种,优惠码\n1,王,2024/5/6 8:00,9.90,CNY,春\n"
    batch = read(reader(tmp_path, text.encode(encoding), zone=ZoneInfo("Asia/Shanghai")))
    (order,) = batch.events
    assert (order.amount, order.code, order.occurred_at) == (990, "春", MAY_6)
    assert order.customer_id == member("王", "customer")


def test_utf_16_is_said(tmp_path):
    with pytest.raises(VitalsError, match="UTF-16"):
        read(reader(tmp_path, HEAD.encode("utf-16")))


@pytest.mark.parametrize("encoding", ["punycode", "undefined", "utf-32", "utf-16", "base64", "klingon", "utf-8\0"])
def test_what_is_no_encoding_of_csv_is_said(encoding, tmp_path):
    with pytest.raises(VitalsError, match="save it as UTF-8"):
        read(reader(tmp_path, f"{HEAD}\n1,c,2024-05-06,1,EUR\n", Form(encoding=encoding)))


@pytest.mark.parametrize("encoding", ["gbk", "big5", "shift_jis", "cp1252", "iso-2022-jp", "utf-8-sig", "utf-7"])
def test_other_encodings_are_read(encoding, tmp_path):
    text = f"{HEAD}\n1,c,2024-05-06,1,EUR\n2,\x1b+(~,2024-05-06,1,EUR\n"
    batch = read(reader(tmp_path, text, Form(encoding=encoding)))
    assert batch.events[0].order_id == "1"
    assert len(batch.events) + len(batch.refused) == 2


def test_quoted_lines_belong_to_one_row(tmp_path):
    batch = rows(tmp_path, '1,c,2024-05-06,1,EUR,,"a\nb"', "", "2,c,2024-05-06,1,EUR")
    assert [e.code for e in batch.events] == ["a\nb", None]
    assert (batch.lines, batch.skipped) == (3, {"blank": 1})


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_found(delimiter, tmp_path):
    text = f"{HEAD}\n1,c,2024-05-06,1,EUR\n".replace(",", delimiter)
    assert len(read(reader(tmp_path, text)).events) == 1


def test_columns_can_be_named_and_a_missing_one_is_said(tmp_path):
    text = "No,Who,When,Sum\n1,c,2024-05-06,1\n"
    form = Form(columns={"order_id": "no", "customer_id": "Who", "paid_at": "when", "amount": "sum"}, currency="JPY")
    assert read(reader(tmp_path, text, form)).events[0].amount == 1
    with pytest.raises(VitalsError, match=r"no column order_id.*its first row has 4 columns"):
        read(reader(tmp_path, text))
    with pytest.raises(VitalsError, match="no column 'Summe' for amount: name it with --column amount=…"):
        read(reader(tmp_path, text, Form(columns=form.columns | {"amount": "Summe"}, currency="JPY")))
    with pytest.raises(VitalsError, match="its first row has nothing"):
        read(reader(tmp_path, ""))
    with pytest.raises(VitalsError, match=r"no column currency: name it .*, or say --currency EUR"):
        read(reader(tmp_path, "order_id,customer_id,paid_at,amount\n1,c,2024-05-06,1\n"))


def test_a_first_row_that_is_no_header_is_told_to_nobody(tmp_path):
    with pytest.raises(VitalsError) as told:
        read(reader(tmp_path, "1,李娜,13812345678,2024-05-06,1,EUR\n"))
    assert "李娜" not in str(told.value)
    assert "138" not in str(told.value)


def test_a_refused_row_keeps_nothing_of_columns_that_are_not_read(tmp_path):
    text = "order_id,customer_id,paid_at,amount,currency,Recipient,Mobile no\n1,c,2024-05-06,-1,EUR,李娜,13812345678\n"
    (letter,) = read(reader(tmp_path, text)).refused
    kept = letter.original
    assert "李娜".encode() not in kept
    assert b"13812345678" not in kept
    assert b'"amount":"-1"' in kept, "what is read is kept, to mend it by"


def test_members_are_known_by_the_ids_of_their_chat(tmp_path):
    ann = member("ann")
    text = f"order_id,member_id,paid_at,amount,currency,group\n1,Ann_,2024-05-06,1,EUR,den\n2,{ann},2024-05-06,1,EUR,\n"
    batch = read(reader(tmp_path, text, Form(chat_platform="irc")))
    assert [e.customer_id for e in batch.events] == [ann, ann]
    assert batch.events[0].group_id == "acme/irc/den"
    with pytest.raises(VitalsError, match="--platform"):
        read(reader(tmp_path, text))


def test_what_was_delivered_is_not_sent_again(tmp_path):
    marks = Marks()
    text = f"{HEAD}\n" + "".join(f"{n},c,2024-05-06,1,EUR\n" for n in range(2500))
    assert run(reader(tmp_path, text), Remembered(), marks).sent == 2500
    counts = run(reader(tmp_path, text + "x,c,2024-05-06,1,EUR\n"), Remembered(), marks)
    assert (counts.sent, counts.delivered) == (501, 1), "the block that grew is sent as a whole"


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("12.50", "EUR", 1250), ("12.5", "EUR", 1250), ("12", "EUR", 1200), ("0.07", "EUR", 7), ("+1", "EUR", 100),
        ("12.500", "EUR", 1250), ("12", "JPY", 12), ("12.000", "JPY", 12), ("1.234", "KWD", 1234), ("1", "CLF", 10_000),
        ("0", "EUR", 0), ("10000000000000.00", "EUR", 10**15),
    ],
)  # fmt: skip
def test_amounts_become_minor_units(text, currency, amount):
    assert minor_units(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "why"),
    [
        ("-1", "EUR", "refund_id"), ("−1", "EUR", "refund_id"), ("(1)", "EUR", "refund_id"), ("1,50", "EUR", "comma"),
        ("1,234.50", "EUR", "comma"), ("1.505", "EUR", "decimals"), ("1.5", "JPY", "decimals"), ("€1", "EUR", "number"),
        ("1e3", "EUR", "number"), ("１", "EUR", "number"), ("", "EUR", "number"), ("1.", "EUR", "number"),
        ("1", "", "three letters"), ("1", "EURO", "three letters"), ("10000000000000.01", "EUR", "over"),
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text, currency, why):
    with pytest.raises(RefusedError, match=why):
        minor_units(text, currency)


@given(st.integers(0, 10**15), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]), st.booleans())
def test_an_amount_survives_being_written(amount, currency, has_comma):
    digits = {"EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4}[currency]
    text = f"{amount // 10**digits}.{amount % 10**digits:0{digits}}" if digits else str(amount)
    assert minor_units(text.replace(".", ",") if has_comma else text, currency, has_comma=has_comma) == amount


def test_a_decimal_comma_is_read_when_asked():
    assert minor_units("1.234,50", "EUR", has_comma=True) == 123450


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2024-05-06", -8), ("2024-05-06 00:00", -8), ("2024/5/6 9:05:00", 1 + 5 / 60), ("2024-05-06T00:00:00Z", 0),
        ("2024-05-06T02:00:00+02:00", 0), ("1714953600", 0), ("1714953600000", 0), ("20240506T080000", 0),
    ],
)  # fmt: skip
def test_times_are_read_as_people_write_them(text, hour):
    assert time_of(text, ZoneInfo("Asia/Shanghai")) == MAY_6 + round(hour * 3_600_000)


def test_now_is_the_limit(tmp_path):
    assert len(rows(tmp_path, f"1,c,{NOW},1,EUR").events) == 1
