"""Known shapes of leaks: from a finding's stacks to a name, the reason and the fix. Pure, and after the fold.

    table = builtin_patterns()  # or table_from_yaml(text, "mine.yaml"), which raises InvalidSpec
    pattern = match(finding, table)  # a `findings.Named`, or None where nothing fits
    findings = named(judgement.findings, table)  # the same findings, each with its `pattern` (and without its traces)
    pattern = identify(Place(family, site, wait, traces), table)  # the same without a finding

docs/patterns.md says what is in the table and how to add to it. A name changes no verdict and no identity: the judge
never sees it. Only names of Go's own packages and of public modules are compared, never those of the program itself.

Without `traces` less is known: of goroutines what they wait for, of memory its leaf, which then stands for all of it.
`readings.HeapReading.kept` and `readings.GoroutineReading.calls` are what traces are made of.
"""

from leakwarden.core.patterns.builtin import builtin_patterns
from leakwarden.core.patterns.matching import Place, identify, match, named
from leakwarden.core.patterns.table import Pattern, Source, Table, joined, table_from_yaml

__all__ = [
    "Pattern",
    "Place",
    "Source",
    "Table",
    "builtin_patterns",
    "identify",
    "joined",
    "match",
    "named",
    "table_from_yaml",
]
