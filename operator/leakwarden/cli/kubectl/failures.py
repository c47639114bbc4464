"""What went wrong, and what to do next: the way every command for people ends when it cannot go on."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable
from typing import NoReturn

from leakwarden.api import GROUP
from leakwarden.api.words import FailureReason
from leakwarden.cli.output import noted
from leakwarden.errors import (
    ApiError,
    ApiForbidden,
    ApiNotFound,
    ApiUnavailable,
    LeakwardenError,
    NoOperator,
    SamplingError,
)

_ASKED = re.compile(r"(?P<verb>\S+) (?P<resource>[^\s/]+)(?:/(?P<sub>\S+))?(?: in namespace (?P<namespace>\S+))?")


def ended(error: LeakwardenError) -> NoReturn:
    """On stderr, with exit code 2."""
    told(error)
    sys.exit(2)


def told(error: LeakwardenError) -> None:
    noted(f"leakwarden: {error}")
    for line in advice(error):
        noted(f"  {line}")


def advice(error: LeakwardenError) -> tuple[str, ...]:
    """The next step, where there is one beyond what the message says."""
    match error:
        case ApiForbidden(status=401):
            return ("Your credential has ended, or is not of this cluster: log in again, or give another --context.",)
        case ApiForbidden(asked=asked) if (right := _ASKED.fullmatch(asked)) is not None:
            return _ask_for(right)
        case ApiNotFound(status=404, asked=asked) if asked.startswith("list ") and GROUP in asked:
            return ("This cluster knows no LeakPolicies: Leakwarden is not installed, or it is another cluster.",)
        case ApiUnavailable(status=0) if error.asked:
            return ("The API server is not reached. Does `kubectl cluster-info` answer? --context names another.",)
        case ApiError(status=0, asked="") if "cannot load" in str(error):
            return ("--kubeconfig names the file and --context one of `kubectl config get-contexts`.",)
        case NoOperator(reason=reason):
            return _where_it_is(reason)
        case SamplingError(reason=FailureReason.FORBIDDEN):
            return (
                "Check it: kubectl auth can-i create pods --subresource=portforward -n NAMESPACE",
                "Ask an administrator for the verbs get and create on pods/portforward in that namespace.",
            )
        case SamplingError(reason=FailureReason.CONNECTION_REFUSED):
            return ("Does the process serve pprof, and there? gopls must be started with -debug=localhost:6060.",)
        case _:
            return ()


def _where_it_is(reason: str) -> tuple[str, ...]:
    """How to say where the operator is, or what keeps it from answering."""
    match reason:
        case FailureReason.FORBIDDEN:
            return (
                "Ask an administrator for the verbs get and create on pods/portforward in the operator's namespace: "
                "whoever has them may read what all policies see.",
                "What status holds needs no such right: kubectl leakwarden findings",
            )
        case FailureReason.CONNECTION_REFUSED:
            return (
                "Nothing listens on its reading port: LEAKWARDEN_INSPECT is empty or other than 127.0.0.1:8086 there, "
                "the operator is older than this command, or it has just begun.",
            )
        case _:
            return (
                "--operator NAMESPACE, or NAMESPACE/POD, says where it runs ($LEAKWARDEN_OPERATOR does too).",
                "Of one that runs beside the cluster give --operator-url http://HOST:PORT, its LEAKWARDEN_INSPECT.",
            )


def _ask_for(right: re.Match[str]) -> tuple[str, ...]:
    """The right that is missing, as kubectl checks it and as an administrator grants it."""
    verb, resource, sub, namespace = right["verb"], right["resource"], right["sub"], right["namespace"]
    where = f" -n {namespace}" if namespace else " -A"
    deeper = f" --subresource={sub}" if sub else ""
    whole = f"{resource}/{sub}" if sub else resource
    kind = "role" if namespace else "clusterrole"
    narrower = () if namespace else ("You may have the right in one namespace: try -n NAME instead of -A.",)
    return (
        f"Check it: kubectl auth can-i {verb} {resource}{deeper}{where}",
        f"Ask an administrator for the verb {verb} on {whole}, such as by "
        f"kubectl create {kind} NAME --verb={verb} --resource={whole}{where if namespace else ''} and a binding.",
        *narrower,
    )


def near(wanted: str, names: Iterable[str]) -> str:
    """`; did you mean gopls, gopls-2?`, or which there are; empty where there is nothing."""
    known = sorted(set(names))
    close = difflib.get_close_matches(wanted, known, n=3, cutoff=0.6)
    close += [name for name in known if wanted and wanted in name and name not in close][: 3 - len(close)]
    if close:
        return f"; did you mean {' or '.join(close)}?"
    if not known:
        return ""
    rest = f" and {len(known) - 5} more" if len(known) > 5 else ""
    return f"; there is {', '.join(known[:5])}{rest}"
