"""Pieces of HTML. Whatever comes from outside is escaped here, and nowhere by hand."""

import base64
from collections.abc import Iterable
from html import escape

from rlhp_ray.report.drawing import Table


def text(value: str) -> str:
    """As it can stand in an element or a quoted attribute; control characters are replaced."""
    shown = (
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}"
        for character in value
    )
    return escape("".join(shown))


def element(tag: str, content: str, **attributes: str) -> str:
    """An element around content that is HTML already; `class_` gives the attribute `class`."""
    words = "".join(f' {name.rstrip("_").replace("_", "-")}="{text(value)}"' for name, value in attributes.items())
    return f"<{tag}{words}>{content}</{tag}>"


def items(lines: Iterable[str], **attributes: str) -> str:
    """A list of plain lines; nothing where there are none."""
    points = "".join(element("li", text(line)) for line in lines)
    return element("ul", points, **attributes) if points else ""


def table(content: Table) -> str:
    """A table whose rows are headed by their first cell; it scrolls by itself where it is wider than the page."""
    head = "".join(element("th", text(name), scope="col") for name in content.head)
    rows = "".join(
        element(
            "tr",
            element("th", text(row[0]), scope="row") + "".join(element("td", text(cell)) for cell in row[1:]),
        )
        for row in content.rows
    )
    inside = element("thead", element("tr", head)) + element("tbody", rows)
    return element("div", element("table", inside), class_="scroll", role="region", tabindex="0", aria_label="table")


def image(png: bytes, alt: str) -> str:
    """A picture that is part of the page."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img src="{source}" alt="{text(alt)}">'
