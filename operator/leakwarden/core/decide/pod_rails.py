"""Rails about the finding and the pod itself. Each gives a sentence why nothing is done, or None."""

from __future__ import annotations

from leakwarden.api import OPT_OUT_ANNOTATION
from leakwarden.api.words import Family, FindingType, Mode, Severity, Unit, Verdict
from leakwarden.core.actions import ActionState
from leakwarden.core.decide.gather import Case
from leakwarden.core.decide.ledger import action_id
from leakwarden.core.decide.say import clock, owned, pod_name
from leakwarden.core.findings import ConfirmationResult
from leakwarden.core.pod_facts import SAFE_TO_EVICT_ANNOTATION, SAFE_VOLUMES_ANNOTATION
from leakwarden.core.report.amounts import amount
from leakwarden.core.targets import PodFacts

REPLACING_KINDS = frozenset({"ReplicaSet", "StatefulSet", "ReplicationController"})
"""Controllers known to make a new pod for an evicted one and to lose nothing by it. Anything else is doubt: a Job loses
its work and a try, and what a custom kind does is unknown here."""
SYSTEM_CLASSES = frozenset({"system-cluster-critical", "system-node-critical"})


def observe_only(case: Case) -> str | None:
    if case.policy.mode is not Mode.OBSERVE:
        return None
    return f"policy {case.policy.key} only observes: set spec.remediation.mode to Annotate or Evict to have it act"


def not_a_leak(case: Case) -> str | None:
    if case.finding.type is FindingType.LEAK:
        return None
    return f"{case.finding.signature} is {case.finding.type.value}: only a Leak, growth that was proven, is acted on"


def below_min_severity(case: Case) -> str | None:
    if case.finding.severity is Severity.CRITICAL or case.policy.min_severity is Severity.WARNING:
        return None
    return (
        f"{case.finding.signature} is {case.finding.severity.value}, policy {case.policy.key} acts from "
        f"minSeverity {case.policy.min_severity.value}"
    )


def muted(case: Case) -> str | None:
    mute = case.fleet.mutes.get((case.policy.key, case.finding.signature))
    if mute is None:
        return None
    until = "" if mute.until is None else f" until {clock(mute.until, case.now)}"
    return f"{case.finding.signature} is muted{until}: {mute.reason}"


def not_confirmed(case: Case) -> str | None:
    """Garbage is never acted on: see docs/judging.md, Confirmation. Goroutines need none."""
    finding, told = case.finding, case.finding.confirmation
    if not case.policy.confirm or finding.family is not Family.MEMORY:
        return None
    if told is None:
        return f"{finding.signature} waits for a forced collection, which shows whether its growth is garbage"
    match told.result:
        case ConfirmationResult.CONFIRMED:
            return None
        case ConfirmationResult.GARBAGE:
            gone, grown = (amount(size, Unit.BYTES) for size in (told.grown - max(0.0, told.kept), told.grown))
            took = f"a forced collection at {clock(told.at, case.now)} took back {gone} of its {grown} of growth"
            return f"{finding.signature} is not confirmed: {took}; asked again ten intervals later"
        case ConfirmationResult.UNKNOWN if told.near_limit:
            return f"{finding.signature} is not confirmed: no collection is forced, since {told.why}"
        case ConfirmationResult.UNKNOWN:
            tried = f"a collection was to be forced at {clock(told.at, case.now)}, and {told.why}"
            return f"{finding.signature} is not confirmed: {tried}; asked again ten intervals later"


def already_done(case: Case) -> str | None:
    """An eviction is never asked for twice on one pod UID; a dry run says once what it would do."""
    action = case.ledger.get(action_id(case.policy.key, Mode.EVICT, case.policy.dry_run, case.target.pod_uid))
    if action is None or action.state is not ActionState.DONE:
        return None
    done = clock(action.at, case.now)
    if action.dry_run:
        return f"dry run: {action.pod} would have been evicted at {done}; the API server accepted it"
    return f"{action.pod} was evicted at {done}"


def pod_terminating(case: Case) -> str | None:
    if case.pod is None or not case.pod.deleting:
        return None
    return f"pod {pod_name(case.pod)} is terminating already"


def target_not_seen(case: Case) -> str | None:
    """Fail closed: a leak that cannot be seen now, or a pod that is not known, is not acted on."""
    if case.pod is None:
        return "the pod is not known to the operator any more"
    if case.pod.phase != "Running":
        return f"pod {pod_name(case.pod)} is {case.pod.phase or 'in an unknown phase'}, not Running"
    if case.pod.namespace in case.fleet.unread:
        return f"pods of namespace {case.pod.namespace} cannot be read now: what is known of {case.pod.name} may be old"
    said = _unseen(case)
    if said is None:
        return None
    return (
        f"endpoint {case.target.endpoint} of pod {pod_name(case.pod)} is {said}: "
        "an action needs a leak that is seen now"
    )


def _unseen(case: Case) -> str | None:
    """Why the verdict of the target is no reason to act; None where it is Leaking, and of now."""
    verdict, key = case.fleet.verdicts.get(case.policy.key, {}).get(case.target), (case.policy.key, case.target)
    if verdict is None or key in case.fleet.stale:
        return "not judged lately"
    if key in case.fleet.outdated:
        return "not judged yet since its policy was edited"
    return None if verdict is Verdict.LEAKING else verdict.value


def subsiding(case: Case) -> str | None:
    """A finding outlives a dip, an action need not: what has been given back needs no repair. It matters most right
    after a gap, when the finding is as old as the last sample before it."""
    if not case.finding.subsiding:
        return None
    signature = case.finding.signature
    return f"half of the growth of {signature}, or more, has been given back: it ends soon, unless it grows again"


def mirror_pod(case: Case) -> str | None:
    pod = known(case)
    return f"pod {pod_name(pod)} is a mirror pod: its kubelet runs it from a file" if pod.mirror else None


def daemon_set(case: Case) -> str | None:
    pod = known(case)
    if pod.owner is None or pod.owner.kind != "DaemonSet":
        return None
    return f"pod {pod_name(pod)} belongs to {owned(pod.owner)}: its node has no other to stand in for it"


def no_controller(case: Case) -> str | None:
    pod = known(case)
    if pod.owner is None:
        return f"pod {pod_name(pod)} has no controller: nothing would replace it"
    if pod.owner.kind in REPLACING_KINDS:
        return None
    return (
        f"pod {pod_name(pod)} belongs to {owned(pod.owner)}: a {pod.owner.kind} is not known to replace an evicted pod "
        f"(known: {', '.join(sorted(REPLACING_KINDS))})"
    )


def never_restarted(case: Case) -> str | None:
    pod = known(case)
    return (
        f"pod {pod_name(pod)} has restartPolicy Never: it is meant to run once"
        if pod.restart_policy == "Never"
        else None
    )


def system_critical(case: Case) -> str | None:
    pod = known(case)
    return (
        f"pod {pod_name(pod)} has priority class {pod.priority_class}" if pod.priority_class in SYSTEM_CLASSES else None
    )


def host_network(case: Case) -> str | None:
    pod = known(case)
    return f"pod {pod_name(pod)} is on its node's network" if pod.host_network else None


def opted_out(case: Case) -> str | None:
    """Documented is "true"; whatever else is written there, other than "false", is taken as no as well."""
    pod = known(case)
    said = pod.annotations.get(OPT_OUT_ANNOTATION)
    if said is None or _says(pod, OPT_OUT_ANNOTATION, "false"):
        return None
    return f'pod {pod_name(pod)} opted out: annotation {OPT_OUT_ANNOTATION} is "{said[:40]}"'


def not_safe_to_evict(case: Case) -> str | None:
    pod = known(case)
    if not _says(pod, SAFE_TO_EVICT_ANNOTATION, "false"):
        return None
    return f'pod {pod_name(pod)} must not be evicted: annotation {SAFE_TO_EVICT_ANNOTATION} is "false"'


def local_storage(case: Case) -> str | None:
    """As cluster-autoscaler reads the same annotations: "true" allows all, the list allows those it names."""
    pod = known(case)
    if not pod.local_volumes or _says(pod, SAFE_TO_EVICT_ANNOTATION, "true"):
        return None
    allowed = {name.strip() for name in pod.annotations.get(SAFE_VOLUMES_ANNOTATION, "").split(",")}
    lost = [name for name in pod.local_volumes if name not in allowed]
    if not lost:
        return None
    return (
        f"an eviction would lose local storage of pod {pod_name(pod)}: {', '.join(lost)}; "
        f"annotation {SAFE_VOLUMES_ANNOTATION} allows it by volume"
    )


def open_documents(case: Case) -> str | None:
    """Fail closed, for a gopls only. No numbers: they would change with every file that somebody opens."""
    held = case.fleet.editing.get(case.target.pod_uid)
    if not case.policy.protect_documents or held is None or held.documents == 0:
        return None
    where = f"the gopls of pod {pod_name(known(case))} (endpoint {held.endpoint})"
    anyway = "spec.remediation.openDocuments: Ignore evicts all the same"
    if held.documents is None:
        return f"whether documents are open in {where} is not known, since its pages do not tell; {anyway}"
    return (
        f"documents are open in {where}, and gopls does not tell whether they are saved: an eviction waits until they "
        f"are closed; {anyway}"
    )


def another_policy_acts(case: Case) -> str | None:
    if case.acting is None:
        return None
    return f"policy {case.acting} is older than {case.policy.key} and acts on this pod"


def known(case: Case) -> PodFacts:
    """The pod; `target_not_seen` stands before every rail that asks for it."""
    if case.pod is None:
        raise AssertionError("a rail about the pod was asked before target_not_seen")
    return case.pod


def _says(pod: PodFacts, annotation: str, word: str) -> bool:
    return pod.annotations.get(annotation, "").strip().lower() == word
