"""HTML: the few shapes that every section is made of."""

from collections.abc import Iterable
from html import escape


def section(key: str, title: str, body: str) -> str:
    """Make a section of a heading and a body that is HTML already."""
    return f'<section id="{key}"><h2>{escape(title)}</h2>{body}</section>'


def table(headings: Iterable[str], rows: Iterable[Iterable[str]], kind: str = "") -> str:
    """Make a table of cells that are HTML already; a heading with # is numeric."""
    names = list(headings)
    numeric = [name.startswith("#") for name in names]

    def cells(row: Iterable[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=num' if place < len(numeric) and numeric[place] else ''}>{cell}"
            f"</{tag}>"
            for place, cell in enumerate(row)
        )

    head = cells((escape(name.removeprefix("#")) for name in names), "th")
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    top = f"<thead><tr>{head}</tr></thead>" if names else ""
    return f'<div class="scroll"><table class="{kind}">{top}<tbody>{body}</tbody></table></div>'


def sentence(text: str) -> str:
    """Write a phrase as a sentence."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def bar(name: str, shown: str, share: float) -> str:
    """Draw a line of a bar chart: a name that is HTML already, a figure, and its bar."""
    return (
        f'<div class="bar"><span class="name">{name}</span><span class="num">{shown}</span>'
        f'<i><u style="width:{100 * min(max(share, 0.0), 1.0):.1f}%"></u></i></div>'
    )
