"""The page: a golden file in each language (`python -m tests.unit.test_report_page` writes them, to be looked at)."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from streams.report import page as page_module
from streams.report.charts import charts
from streams.report.facts import BrandWeek
from streams.report.page import page
from streams.report.telling import clean
from streams.report.words import KINDS, WORDS, axis_day, say, typeset
from tests.pages import tree
from tests.reports import END, HOSTILE, facts, standing, whole

GOLDEN = Path(__file__).parent.parent / "fixtures"
SOURCES = Path(page_module.__file__).parent
LANGUAGES = ("en", "zh")
SLOT = re.compile(r"\{(\w+)")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_the_golden_one(language):
    assert page(whole(), language) == (GOLDEN / f"report.{language}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("of", [whole, facts], ids=["whole", "empty"])
def test_nothing_is_fetched_and_nothing_runs(of, language):
    html = page(of(), language)
    found = tree(html)
    assert {tag for tag, _ in found.elements} & {"script", "link", "img", "iframe", "object", "base", "form"} == set()
    names = {name for _, attributes in found.elements for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    assert names & {"src", "href", "xlink:href", "srcset", "action"} == set()
    assert set(re.findall(r"url\(([^)]*)\)", html)) == {"#hatch", "#hatch-soft"}
    assert "@import" not in html
    assert "default-src 'none'" in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_from_outside_is_text_and_stays_in_its_place(language):
    html = page(whole(), language)
    found = tree(html)
    assert "<script>alert('1')</script> evil \"&amp; 👩\u200d👧 長長" in found.text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", html)
    assert not [names for tag, names in found.elements if tag == "b" and names]
    assert sum(tag == "bdi" for tag, _ in found.elements) >= 10


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\u202eb\u2069", "ab"),
        ("a\r\nb\u2028c\x00d", "a b c d"),
        ("  宝妈\t群 ", "宝妈 群"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("مرحبا", "مرحبا"),
        ("", ""),
    ],
)
def test_what_would_break_the_text_around_it_is_taken_out(text, cleaned):
    assert clean(text) == cleaned


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_drawing_says_what_it_shows_and_every_column_has_a_head(language):
    found = tree(page(whole(), language))
    drawings = [names for tag, names in found.elements if tag == "svg" and "aria-hidden" not in names]
    assert len(drawings) == 8
    identities = {names.get("id") for _, names in found.elements}
    for names in drawings:
        assert names["role"] == "img"
        assert names.get("aria-label") or set(names["aria-labelledby"].split()) <= identities
    assert all("scope" in names for tag, names in found.elements if tag == "th")
    labelled = [names["aria-labelledby"] for tag, names in found.elements if tag == "section"]
    assert len(labelled) == 6
    assert set(labelled) <= identities
    html_tag = next(names for tag, names in found.elements if tag == "html")
    assert html_tag["lang"] == {"en": "en", "zh": "zh-Hans"}[language]


def test_every_phrase_has_both_languages_with_the_same_numbers():
    for key, (english, chinese) in (WORDS | KINDS).items():
        assert english, key
        assert re.search(r"[\u4e00-\u9fff]", chinese), key
        assert not re.search(r"[\u4e00-\u9fff]", english), key
        assert set(SLOT.findall(english)) == set(SLOT.findall(chinese)), key


def test_every_phrase_is_used_and_every_phrase_used_exists():
    sources = "".join(path.read_text() for path in SOURCES.iterdir() if path.name != "words.py" and path.is_file())
    made = {f"{stem}_{end}" for stem, ends in {
        "step": ("revive", "probe", "merge", "keep", "let go", "none"), "deed": ("post", "benefit"),
        "out": ("died", "open", "back", "ended"), "age": ("week", "recent", "older"),
    }.items() for end in ends}  # fmt: skip
    assert {key for key in WORDS if f'"{key}"' not in sources and f"'{key}'" not in sources} <= made
    used = re.findall(r"""(?:\bsay|_say)\(\s*["'](\w+)["'](?! ~)""", sources)
    assert set(used) | made <= set(WORDS)


def test_no_phrase_of_the_other_language_is_on_a_page():
    chinese = tree(page(facts(brand="acme", groups=[standing("a", name="甲")]), "zh")).text
    assert set(re.findall(r"[A-Za-z]{2,}", chinese)) <= {"acme", "UTC", "vitals", "groups", "Grafana"}
    english = tree(page(facts(groups=[standing("a", owner="o")]), "en")).text
    assert not re.search(r"[\u3000-\u9fff]", english)


def test_an_empty_week_says_so_everywhere():
    text = tree(page(facts(groups=[standing("a")], before=[standing("a")]), "en")).text
    for said in ("No group died, fell ill or came back this week.", "None of 1 group is dying.",
                 "No group needs a look this week.", "No group died.", "No group left dying or dead.",
                 "Every group was seen on every day of the week.", "No group was called dying in 12 weeks.",
                 "Last week's list was empty.", "no orders known", "is not known yet"):  # fmt: skip
        assert said in text


def test_long_lists_are_cut_and_say_by_how_much():
    blind = [standing(f"g{number:02}", verdict="stale") for number in range(25)]
    dying = [standing(f"d{number:02}", verdict="dying") for number in range(12)]
    text = tree(page(facts(groups=blind + dying), "en")).text
    assert "25 groups not seen to the end of the week." in text
    assert "and 5 more" in text
    assert "2 groups more need a look: vitals groups" in text


def test_a_first_week_that_began_in_the_middle_is_not_drawn():
    whole_one, half = (
        BrandWeek(0, 700, 1, 1, END - timedelta(days=6)),
        BrandWeek(1, 300, 1, 1, END - timedelta(days=12)),
    )
    [talk, _] = charts(facts(weeks=[whole_one, half]), "en")
    assert [row[1] for row in talk.rows] == ["700"]
    [talk, _] = charts(facts(weeks=[whole_one, replace(half, first_day=END - timedelta(days=13))]), "en")
    assert [row[1] for row in talk.rows] == ["700", "300"]


def test_a_week_of_one_currency_without_decimals():
    weeks = [money for money in whole().money if money.currency == "USD"]
    yen = [type(money)(money.back, "JPY", 1, 12345, 12345, 0, 0) for money in weeks]
    assert "revenue, JPY 12,345" in tree(page(facts(money=yen), "en")).text


def test_chinese_has_wide_punctuation_and_numbers_keep_theirs():
    assert say("usual", "zh", amount="1,234.50") == "平时 1,234.50"
    assert typeset("共 28 天,已沉默:9 天(约)", "zh") == "共 28 天\uff0c已沉默\uff1a9 天\uff08约\uff09"
    assert typeset("a, b: (c)", "en") == "a, b: (c)"
    assert (axis_day(END, "en"), axis_day(END, "zh")) == ("22 Nov", "11-22")


COLORS = re.compile(r"--(\w+): (#[0-9a-f]{6});")
ON_PAPER = ("dying", "fading", "dead", "stale", "forming", "revived", "healthy", "talk", "joined", "left", "attributed")


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_text_and_bars_can_be_told_from_the_ground(scheme):
    html = page(facts(), "en")
    light, rest = html.split("@media (prefers-color-scheme: dark)")
    dark, printed = rest.split("@media print { :root")
    colors = dict(COLORS.findall({"light": light, "dark": dark.split("* {")[0], "print": printed}[scheme]))
    for ground in ("paper", "wash"):
        assert [name for name in ("ink", "soft", "link") if contrast(colors[name], colors[ground]) < 4.5] == []
    assert [name for name in ON_PAPER if contrast(colors[name], colors["paper"]) < 3] == []


def contrast(one, other):
    """By WCAG 2.2."""

    def light(color):
        parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_hostile_name_is_hostile():
    assert len(HOSTILE) > 300


if __name__ == "__main__":
    for each in LANGUAGES:
        (GOLDEN / f"report.{each}.html").write_text(page(whole(), each), encoding="utf-8")
