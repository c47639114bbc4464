"""Whether people have documents open in a process: what an eviction would take from under their hands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leakwarden.core.gopls_info import UNSEEN, GoplsContext


@dataclass(frozen=True, slots=True)
class Editing:
    """What is open in one gopls. `documents` is None where its pages do not tell, or have not told lately."""

    endpoint: str
    documents: int | None


def editing(endpoint: str, gopls: GoplsContext | None, *, seen: bool = True) -> Editing | None:
    """None where the process never said that it is a gopls. `seen`: it could be reached lately, and looked at as
    lately as whoever asks needs; else what people have open is not known, whatever it told before."""
    if gopls is None:
        return None
    known = seen and gopls.state is not None and gopls.missed < UNSEEN
    return Editing(endpoint, gopls.state.documents if known and gopls.state else None)


def of_pod(found: Iterable[Editing]) -> Editing | None:
    """Of all that a pod runs the one that most holds its eviction back: documents open, then unknown, then none."""
    return max(found, key=lambda one: (bool(one.documents), one.documents is None, one.endpoint), default=None)
