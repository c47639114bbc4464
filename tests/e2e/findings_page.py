"""docs/findings.md: what `kubectl describe` showed of the findings of one end-to-end run, to be read and improved.

Written only where $LEAKWARDEN_FINDINGS_PAGE names a file: `LEAKWARDEN_FINDINGS_PAGE=docs/findings.md make e2e`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hack.cluster import Cluster

VARIABLE = "LEAKWARDEN_FINDINGS_PAGE"
POLICIES = ("leaks", "builtin")

HEAD = """# Findings, as `kubectl describe` shows them

Written by an end-to-end run on a real node (`{variable}=docs/findings.md make e2e`), and not
touched since: the findings of its fleet, each as it stands under `Status: Findings:` of its LeakPolicy. The programs
are those of [workloads](../workloads/README.md): a language server with three leaks, one of them once more under
another name, and gopls v0.22.0 with two. What the words mean is in [leakpolicy.md](leakpolicy.md#status),
and what stands where in a message [there](leakpolicy.md#messages), too.
"""


def write(cluster: Cluster, namespace: str) -> None:
    """Nothing where nobody asked for it."""
    where = os.environ.get(VARIABLE)
    if not where:
        return
    parts = [HEAD.format(variable=VARIABLE)]
    for policy in POLICIES:
        text = cluster.kubectl("-n", namespace, "describe", "leakpolicy", policy)
        parts.append(f"## LeakPolicy {policy}\n")
        parts += [f"### {title(block)}\n\n```text\n{block}\n```\n" for block in blocks(text)]
    Path(where).write_text("\n".join(parts))


def blocks(described: str) -> list[str]:
    """The items of `Status: Findings:`, dedented. kubectl prints them one after the other, the keys of each sorted."""
    section = re.search(r"^  Findings:\n((?:    .*\n)+)", described, re.MULTILINE)
    if section is None:
        return []
    lines = section[1].splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("    Affected:")]
    ends = [*starts[1:], len(lines)]
    return ["\n".join(line[4:] for line in lines[start:end]) for start, end in zip(starts, ends, strict=True)]


def title(block: str) -> str:
    signature = re.search(r"^Signature: +(.*)$", block, re.MULTILINE)
    return f"`{signature[1]}`" if signature else "a finding"
