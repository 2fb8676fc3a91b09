import base64
import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from streams.errors import VitalsError
from streams.pseudonyms import Pseudonyms, brand_secret, checked_brand, is_pseudonym

SECRET = b"0" * 64


def test_a_pseudonym_is_the_hmac_of_platform_and_raw_id():
    digest = hmac.new(SECRET, b"irc\0ann", hashlib.sha256).digest()
    expected = "m_" + base64.urlsafe_b64encode(digest[:12]).decode()
    names = Pseudonyms(SECRET)
    assert names.of("irc", "ann") == expected
    assert names.of("irc", "ann") == expected, "asked again"
    assert is_pseudonym(expected)
    assert not is_pseudonym("ann")


def test_platform_brand_and_id_each_make_another_pseudonym():
    ours, theirs = Pseudonyms(SECRET), Pseudonyms(b"1" * 64)
    made = {ours.of("irc", "ann"), ours.of("slack", "ann"), ours.of("irc", "bob"), theirs.of("irc", "ann")}
    assert len(made) == 4


def test_any_text_has_a_pseudonym():
    assert is_pseudonym(Pseudonyms(SECRET).of("irc", "\udcff\0 群主"))


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: brand_secret(tmp_path / "secrets", "acme"), range(8)))
    assert len(made) == 1
    assert made == {brand_secret(tmp_path / "secrets", "acme")}
    assert made != {brand_secret(tmp_path / "secrets", "other")}
    path = tmp_path / "secrets" / "brand-acme"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(p.name for p in path.parent.iterdir()) == ["brand-acme", "brand-other"], "no draft is left"


def test_a_damaged_secret_is_not_replaced_in_silence(tmp_path):
    (tmp_path / "brand-acme").write_text("short\n")
    with pytest.raises(VitalsError, match="damaged"):
        brand_secret(tmp_path, "acme")


@pytest.mark.parametrize("brand", ["", "a/b", "../a", ".a", "~x", "a b", "x" * 65])
def test_a_brand_that_could_leave_its_directory_is_refused(brand):
    with pytest.raises(VitalsError, match="cannot be a brand"):
        checked_brand(brand)


def test_a_brand_may_be_chinese():
    assert checked_brand("好物-1") == "好物-1"
