"""Text of others (a program's names, a server's words) without what could steer a terminal or break a line of a log."""

from __future__ import annotations


def printable(text: str) -> str:
    """Unprintable characters escaped as in Python; blanks other than a space are such characters too."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
