"""A report as HTML, for one language. The template escapes whatever it is given."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from streams.report.charts import charts
from streams.report.facts import Facts
from streams.report.plots import LEFT, RIGHT, WIDTH
from streams.report.telling import Telling, clean
from streams.report.words import say
from streams.words import Language, number, verdict_word


def page(facts: Facts, language: Language) -> str:
    """The whole page. The same facts give the same text."""
    telling = Telling(facts, language)
    context = {
        name: getattr(telling, name)()
        for name in ("head", "lead", "tiles", "ten", "died", "saved", "moves", "blind", "record", "counts")
    }
    return _template().render(
        **context,
        charts=charts(facts, language),
        facts=facts,
        left=LEFT,
        right=WIDTH - RIGHT,
        period=facts.period,
        language=language,
        say=lambda key, **slots: say(key, language, **slots),
        verdict_word=lambda verdict: verdict_word(verdict, language),
        clean=clean,
        number=number,
    )


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    engine = Environment(
        autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return engine.get_template("page.html")
