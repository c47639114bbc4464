"""YAML that anybody may have written, as plain text, lists and mappings: it costs little, whatever it is.

Every scalar stays the text that it is, and the table says what it must be: a date that is none, a number of a thousand
digits, a tag that asks for an object or a `<<` that doubles what it refers to mean nothing here.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import yaml

from leakwarden.core.labels import shown
from leakwarden.errors import InvalidSpec

MAX_TEXT = 262_144
"""Characters of one document."""
MAX_DEPTH = 32
"""Collections in collections; a table has seven. libyaml composes what is nested by recursion, on the stack of C."""
MAX_VALUES = 20_000
"""Texts, lists and mappings of one document, which all may be wrong, each with an error of its own."""
_SAID = 300
"""Characters of what the parser says: it repeats names from the text."""

if TYPE_CHECKING:
    from yaml import BaseLoader as _Base
else:
    _Base = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # twenty times as fast where PyYAML has libyaml


class _Loader(_Base):
    """Makes nothing but texts, lists and dicts. No key twice: the last one would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise yaml.constructor.ConstructorError(problem=f"line {line} has {shown(key.value)} a second time")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def document_of(text: str, source: str) -> Any:
    """The one document in it. Raises InvalidSpec, which leads with `source`."""
    if len(text) > MAX_TEXT:
        raise InvalidSpec(source, f"has {len(text)} characters, more than the {MAX_TEXT} allowed")
    try:
        _refuse_monstrous(text, source)
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise InvalidSpec(source, f"is not YAML: {' '.join(str(error).split())[:_SAID]}") from error


def _refuse_monstrous(text: str, source: str) -> None:
    depth = values = 0
    for event in yaml.parse(text, Loader=_Base):
        values += isinstance(event, yaml.NodeEvent)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise InvalidSpec(source, f"line {line}: nests deeper than {MAX_DEPTH} levels")
        if values > MAX_VALUES:
            raise InvalidSpec(source, f"has more than the {MAX_VALUES} values allowed")
