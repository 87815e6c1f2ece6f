"""HTML as a tree: whatever is put into an element is escaped, so that no query, id or title can become markup."""

from collections.abc import Iterable
from html import escape
from typing import Self

VOID = frozenset(("meta", "img", "br"))


class Markup(str):
    """Text that is HTML already. Made by `tag` alone."""

    __slots__ = ()

    @classmethod
    def joined(cls, parts: Iterable[object]) -> Self:
        return cls("".join(part if isinstance(part, Markup) else escape(str(part)) for part in parts))


def tag(name: str, *content: object, **attributes: object) -> Markup:
    """An element. `class_` stands for `class`; an attribute that is None is left out."""
    written = "".join(
        f' {key.rstrip("_")}="{escape(str(value))}"' for key, value in attributes.items() if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{Markup.joined(content)}</{name}>")


def style(sheet: str) -> Markup:
    """A style sheet of our own; its text is not escaped, and must never hold anything from outside."""
    return Markup(f"<style>{sheet}</style>")


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> Markup:
    """A table whose first column is names."""
    return tag(
        "table",
        tag("thead", tag("tr", *(tag("th", cell) for cell in head))),
        tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows)),
    )
