"""Leaks of gopls that are known and fixed: matched only where both the version and what grows fit.

The table is `known_leaks.yaml` beside this module: data that is part of the code, read once like it.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from leakwarden.api.words import Family, FindingType, WaitKind
from leakwarden.core.findings import Finding

TABLE = "known_leaks.yaml"
_SEMVER = re.compile(r"v(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-([0-9A-Za-z.-]{1,60}))?(?:\+[0-9A-Za-z.-]{1,60})?")
_PSEUDO = re.compile(r"(?:^|[.-])\d{14}-[0-9a-f]{12}$")
"""The end of a pseudo-version: a commit between two releases. Which fixes it has, its number does not tell."""

Version = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]
"""In the order of semver.org, precedence: a prerelease comes before its release, numbers before words."""


def version_of(text: str) -> Version | None:
    """`v0.11.0-pre.2` as what compares; None for what is no release and no prerelease (`(devel)`, a pseudo-version)."""
    match = _SEMVER.fullmatch(text)
    if match is None:
        return None
    before = match[4] or ""
    if _PSEUDO.search(before):
        return None
    words = tuple((not word.isdigit(), int(word) if word.isdigit() else 0, word) for word in before.split(".") if word)
    return int(match[1]), int(match[2]), int(match[3]), not words, words


def _is_version(text: str) -> str:
    if version_of(text) is None:
        raise ValueError(f"{text!r} is no version such as v0.11.0 or v0.11.0-pre.2")
    return text


VersionText = Annotated[str, AfterValidator(_is_version)]


class KnownLeak(BaseModel):
    """One row of the table; what the fields mean stands at its head."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issue: Annotated[str, Field(pattern=r"^golang/(go|vscode-go)#\d+$")]
    what: str
    since: Annotated[VersionText, Field(alias="from")]
    fixed: VersionText
    family: Family
    functions: Annotated[tuple[str, ...], Field(min_length=1)]
    waits: tuple[WaitKind, ...] = ()
    sources: Annotated[tuple[str, ...], Field(min_length=2)]

    @property
    def upgrade(self) -> str:
        """The release that has the fix."""
        return self.fixed.split("-", 1)[0]

    def affects(self, version: str) -> bool:
        ours, first, last = version_of(version), version_of(self.since), version_of(self.fixed)
        return ours is not None and first is not None and last is not None and first <= ours < last

    def explains(self, finding: Finding) -> bool:
        """Whether what grows is what this leak makes grow."""
        if finding.site is None or finding.family is not self.family:
            return False
        if self.waits and finding.wait not in self.waits:
            return False
        return any(_fits(finding.site.function, pattern) for pattern in self.functions)


@cache
def known_leaks() -> tuple[KnownLeak, ...]:
    """The table, the oldest first."""
    text = files(__package__).joinpath(TABLE).read_text(encoding="utf-8")
    return TypeAdapter(tuple[KnownLeak, ...]).validate_python(yaml.safe_load(text))


def known_leak(finding: Finding) -> KnownLeak | None:
    """The leak that this finding is, where it is a known one; of two that fit the one that was fixed last."""
    if finding.type is not FindingType.LEAK or finding.gopls is None or not finding.gopls.version:
        return None
    fitting = [leak for leak in known_leaks() if leak.affects(finding.gopls.version) and leak.explains(finding)]
    return fitting[-1] if fitting else None


def _fits(function: str, pattern: str) -> bool:
    return function.startswith(pattern[:-1]) if pattern.endswith("*") else function == pattern
