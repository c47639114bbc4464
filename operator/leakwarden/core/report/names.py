"""Names of the program's code as people read them."""

from __future__ import annotations

import re


def short_function(function: str) -> str:
    """Without the import path: `cache.(*memoizedFS).ReadFile`."""
    path = re.split(r"[(\[{]", function, maxsplit=1)[0]
    return function[path.rfind("/") + 1 :]
