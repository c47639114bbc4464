"""Actions as JSON in the journal: readable, compact (what has its default is left out), and strict when read back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from leakwarden.api.words import Mode, Outcome
from leakwarden.core.actions import Action, ActionState, Refusal
from leakwarden.core.targets import Owner, PolicyKey
from leakwarden.errors import ApiError, Retry

VERSION = 1


class UnreadableJournal(ApiError):
    """The journal is not what this version writes. Nothing may be evicted until a person has looked at it."""

    retry = Retry.AFTER_A_PERSON


def dump(actions: Iterable[Action]) -> str:
    """One entry a line, so that people can read and compare it."""
    return f'{{"version":{VERSION},"actions":[\n' + ",\n".join(dump_one(action) for action in actions) + "\n]}"


def dump_one(action: Action) -> str:
    return json.dumps(_encoded(action), separators=(",", ":"), ensure_ascii=False)


def load(text: str) -> tuple[Action, ...]:
    """Raises UnreadableJournal: an entry that cannot be read may be one that forbids the next eviction."""
    try:
        document = json.loads(text, parse_constant=_no_number)
        if document["version"] != VERSION:
            raise UnreadableJournal(f"the journal has version {document['version']!r}, this operator reads {VERSION}")
        return tuple(_decoded(entry) for entry in document["actions"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise UnreadableJournal(f"the journal cannot be read: {type(error).__name__}: {error}") from error


def _encoded(action: Action) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": action.id,
        "policy": str(action.policy),
        "kind": action.kind.value,
        "dryRun": action.dry_run or None,
        "namespace": action.namespace,
        "pod": action.pod,
        "podUID": action.pod_uid,
        "owner": [action.owner.kind, action.owner.name, action.owner.uid] if action.owner else None,
        "signature": action.signature,
        "at": round(action.at, 3),
        "state": action.state.value,
        "message": action.message or None,
        "outcome": action.outcome.value if action.outcome is not Outcome.PENDING else None,
        "outcomeAt": _rounded(action.outcome_at),
        "generation": action.generation,
        "podCreatedAt": action.pod_created_at,
        "foundAtAge": round(action.found_at_age, 3),
        "attempts": action.attempts if action.attempts != 1 else None,
        "settledAt": _rounded(action.settled_at),
        "refusal": action.refusal.value if action.refusal else None,
    }
    return {key: value for key, value in entry.items() if value is not None}


def _rounded(at: float | None) -> float | None:
    return None if at is None else round(at, 3)


def _decoded(entry: Mapping[str, Any]) -> Action:
    namespace, _, name = entry["policy"].partition("/")
    owner = entry.get("owner")
    refusal = entry.get("refusal")
    return Action(
        id=str(entry["id"]),
        policy=PolicyKey(namespace, name),
        kind=Mode(entry["kind"]),
        dry_run=bool(entry.get("dryRun", False)),
        namespace=str(entry["namespace"]),
        pod=str(entry["pod"]),
        pod_uid=str(entry["podUID"]),
        owner=Owner(*map(str, owner)) if owner else None,
        signature=str(entry["signature"]),
        at=_finite(entry["at"]),
        state=ActionState(entry["state"]),
        message=str(entry.get("message", "")),
        outcome=Outcome(entry.get("outcome", Outcome.PENDING)),
        outcome_at=_time(entry.get("outcomeAt")),
        generation=int(entry.get("generation", 0)),
        pod_created_at=_finite(entry.get("podCreatedAt", 0.0)),
        found_at_age=_finite(entry.get("foundAtAge", 0.0)),
        attempts=int(entry.get("attempts", 1)),
        settled_at=_time(entry.get("settledAt")),
        refusal=Refusal(refusal) if refusal else None,
    )


def _time(value: object) -> float | None:
    return None if value is None else _finite(value)


def _finite(value: object) -> float:
    """Compared with anything else nothing would ever be over, or everything would."""
    number = float(value)  # type: ignore[arg-type]
    if not isfinite(number):
        raise ValueError(f"{value} is no time")
    return number


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no number")
