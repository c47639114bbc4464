"""Signatures as people type them: whole, or as much as only one leak has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from leakwarden.cli.kubectl.failures import near
from leakwarden.errors import InvalidSpec

_WHOLE = re.compile(r"(memory|goroutine)/.+")


def shown_by(policy: Mapping[str, Any]) -> list[str]:
    """What its status has open."""
    return [str(one["signature"]) for one in (policy.get("status") or {}).get("findings", ())]


def muted_by(policy: Mapping[str, Any]) -> list[str]:
    return [str(one["signature"]) for one in policy["spec"].get("mutes", ())]


def the_one(text: str, there: Iterable[str], *, whole_will_do: bool = False, what: str = "open leak") -> str:
    """The signature that is meant, among those that are there. Raises InvalidSpec, which says what there is.

    `whole_will_do`: a whole signature is taken as it is, also where nothing shows it.
    """
    known = sorted(set(there))
    if text in known or (whole_will_do and _WHOLE.fullmatch(text)):
        return text
    found = [signature for signature in known if text in signature]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidSpec("SIGNATURE", f"{text!r} is a part of {len(found)}: {', '.join(found[:5])}")
    aside = "; to mute one that is yet to come give it whole, and --policy" if _WHOLE.fullmatch(text) else ""
    raise InvalidSpec("SIGNATURE", f"no {what} has {text!r}{near(text, known)}{aside}")
