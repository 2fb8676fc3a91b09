"""HTML as a browser reads it, for tests: text, elements, and a complaint about tags that do not match."""

from html.parser import HTMLParser

VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})


class Page(HTMLParser):
    """`text` has what a reader sees, spaces folded; `elements` every (tag, attributes)."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.open: list[str] = []

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another"
        if tag in {"td", "th", "li", "p", "h1", "h2", "h3", "dt", "dd", "span", "caption", "title"}:
            self.pieces.append(" ")

    def handle_data(self, data):
        if "style" not in self.open:
            self.pieces.append(data)


def tree(html: str) -> Page:
    """The page, read to its end; its tags match."""
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page
