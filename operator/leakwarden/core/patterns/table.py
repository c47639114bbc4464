"""What a pattern is, as data: conditions on the stacks of a finding, and the words that a developer is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from leakwarden.api.words import Family, WaitKind
from leakwarden.core.labels import shown
from leakwarden.core.patterns.reading import document_of
from leakwarden.errors import InvalidSpec

MAX_PATTERNS = 64
"""Of one document."""


def _one_line(text: Any) -> Any:
    """Blanks and line breaks as one blank each: the words become a sentence of a message."""
    return " ".join(text.split()) if isinstance(text, str) else text


def _printable(text: str) -> str:
    """Messages end in terminals and logs. Lines and tabs may be in an example."""
    for letter in text:
        if not letter.isprintable() and letter not in "\n\t":
            raise ValueError(f"has {letter!a}, which cannot be printed: leave it out")
    return text


_ONE_LINE = BeforeValidator(_one_line)
_PRINTABLE = AfterValidator(_printable)
Glob: TypeAlias = Annotated[str, StringConstraints(min_length=2, max_length=256), _PRINTABLE]
"""A function as a profile names it, type arguments as `[...]`; a `*` at the end stands for any ending."""
Clause: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=320), _ONE_LINE, _PRINTABLE]
Share: TypeAlias = Annotated[float, Field(gt=0, le=1)]


class Shape(StrEnum):
    """Conditions that take counting, and so are code: see `leakwarden.core.patterns.shapes`."""

    BOXED = "Boxed"
    LISTED = "Listed"
    MAPPED = "Mapped"
    STORED = "Stored"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Keeps(_Model):
    """What the function of the finding holds on the heap."""

    calls: tuple[Glob, ...] = Field(min_length=1, max_length=32)
    """Any of these stands between the allocation and the function."""
    share: Share = 0.5
    """Of all that the function holds, at least so much was allocated that way."""
    callers: bool = False
    """The callers of the function count, too."""


class Grows(_Model):
    """Goroutines that grew meanwhile."""

    wait: tuple[WaitKind, ...] = Field(default=(), max_length=16)
    """They wait for one of these; empty: for anything."""
    calls: tuple[Glob, ...] = Field(default=(), max_length=32)
    """Any of these is on their stack; empty: anything."""
    allocates: bool = False
    """What the finding holds was allocated by the function in which they wait, or below it."""

    @model_validator(mode="after")
    def _says_something(self) -> Grows:
        if not (self.wait or self.calls or self.allocates):
            raise ValueError("says nothing: give wait, calls or allocates")
        return self


class When(_Model):
    """One way to know the pattern: all that is given must hold."""

    family: Family
    wait: tuple[WaitKind, ...] = Field(default=(), max_length=16)
    """Of a goroutine finding: what they wait for is one of these."""
    calls: tuple[Glob, ...] = Field(default=(), max_length=32)
    """Of a goroutine finding: any of these is on the stack, from the leaf to the function that is named."""
    keeps: Keeps | None = None
    beside: Grows | None = None
    shape: Shape | None = None
    estimate: bool = False
    """The stacks make it likely, and do not prove it: the message says so."""

    @model_validator(mode="after")
    def _fits_its_family(self) -> When:
        if self.family is Family.MEMORY and (self.wait or self.calls):
            raise ValueError("wait and calls are of goroutines: for memory use keeps.calls")
        if not (self.wait or self.calls or self.keeps or self.beside or self.shape):
            raise ValueError("would fit every finding: give wait, calls, keeps, beside or shape")
        return self


class Pattern(_Model):
    """One row of the table."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    title: Annotated[str, StringConstraints(min_length=1, max_length=100), _ONE_LINE, _PRINTABLE]
    why: Clause
    fix: Clause
    docs: Annotated[str, StringConstraints(max_length=256), _ONE_LINE, _PRINTABLE] = ""
    """Where more is told; empty for the pattern's part of docs/patterns.md, or nowhere for a pattern of your own."""
    example: Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True), _PRINTABLE] = ""
    """Some lines of Go that leak so, and the same mended; printed by `leakwarden patterns NAME` alone."""
    chain: bool = False
    """Whether the message shows the functions that lead to where it is kept."""
    joins: bool = False
    """Whether several findings of one target with it are one bug."""
    when: tuple[When, ...] = Field(min_length=1, max_length=16)
    """Any of these is enough."""


class Table(_Model):
    """In their order: the first pattern that fits is the one."""

    patterns: Annotated[tuple[Pattern, ...], FailFast()] = Field(max_length=MAX_PATTERNS)

    def explained_by(self, page: str) -> Table:
        """With a link to the part of the page under each pattern's name, where it brings no link of its own."""
        linked = (one.model_copy(update={"docs": one.docs or f"{page}#{one.name}"}) for one in self.patterns)
        return self.model_copy(update={"patterns": tuple(linked)})

    @model_validator(mode="after")
    def _named_once(self) -> Table:
        names = [pattern.name for pattern in self.patterns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two patterns are named {twice[0]}")
        return self


def table_from_yaml(text: str, source: str) -> Table:
    """`source`: where the text is from, a file or a key of a ConfigMap. Raises InvalidSpec, which leads with it."""
    document = document_of(text, source)
    if not isinstance(document, dict):
        raise InvalidSpec(source, "must be a mapping with the key patterns")
    try:
        return Table.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        path = _path(first["loc"], document)
        problem = first["msg"].removeprefix("Value error, ")
        raise InvalidSpec(f"{source}: {path}" if path else source, problem) from error


@dataclass(frozen=True, slots=True)
class Source:
    """A text that should hold patterns, and where it is from, as people call it."""

    name: str
    text: str


def joined(tables: Sequence[Table]) -> Table:
    """All of them as one, earlier ones first; a name that was there before is left out."""
    found: dict[str, Pattern] = {}
    for table in tables:
        for pattern in table.patterns:
            found.setdefault(pattern.name, pattern)
    return Table.model_construct(patterns=tuple(found.values()))


def _path(loc: Sequence[int | str], document: Any) -> str:
    """`patterns[2] (my-pattern).when[0].wait`."""
    path, here = "", document
    for step in loc:
        path += f"[{step}]" if isinstance(step, int) else f"{'.' if path else ''}{shown(step)}"
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None
        if isinstance(step, int) and isinstance(here, dict) and isinstance(here.get("name"), str):
            path += f" ({shown(here['name'])})"
    return path
