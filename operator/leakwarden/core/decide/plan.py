"""From findings to a plan: every finding gets a decision, and the few that may be acted on get an intent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.api.words import UNITS, FindingType, Mode, Severity, Unit
from leakwarden.core.actions import Action, ActionState, Decision, Refusal
from leakwarden.core.decide.gather import Case, Fleet, gather, suspension
from leakwarden.core.decide.ledger import Ledger, action_id
from leakwarden.core.decide.pod_rails import known
from leakwarden.core.decide.rails import ABOUT_THE_FINDING, HOLDS_THE_POD, Refused, first_refusal
from leakwarden.core.decide.say import clock, owned, plural, pod_name
from leakwarden.core.decide.view import (
    Decided,
    FleetView,
    Intent,
    OpenFinding,
    Plan,
    RemediationPolicy,
    Verb,
)
from leakwarden.core.findings import Finding
from leakwarden.core.report.annotation import summary
from leakwarden.core.targets import PodFacts, PolicyKey

GOROUTINE_BYTES = 2048.0
"""The smallest stack of a goroutine: makes growth in counts comparable with growth in bytes."""
ANNOTATION_LAG = 60.0
"""Seconds for which an annotation just written is believed to be there, although the view does not show it yet."""

Rank = tuple[bool, bool, bool, float, float, str, str, str]


def plan(view: FleetView, now: float) -> Plan:
    """Decide on every open finding of a policy in `view`; `now` in unix seconds.

    A pure function of its arguments: the same findings and journal give the same plan, and a plan whose intents are in
    the journal gives no further intent. Findings of policies that are not in `view` are of no policy any more and are
    left out; annotations that no policy wants any more are removed.
    """
    return _Planner(view, now).plan()


class _Planner:
    """Holds what grows while a plan is made: the ledger with this plan's own intents, so that budgets count them."""

    def __init__(self, view: FleetView, now: float) -> None:
        self._now = now
        self._policies = {policy.key: policy for policy in view.policies}
        self._findings = [found for found in view.findings if found.policy in self._policies]
        self._ledger = Ledger(view.journal or ())
        self._fleet = gather(view, self._ledger, now)
        self._noted_before = view.noted_before
        self._decided: list[Decided] = []
        self._intents: list[Intent] = []

    def plan(self) -> Plan:
        for group in self._by_pod():
            self._decide_pod(group)
        wanted = self._wanted_annotations() | self._noted_before
        read = (pod for pod in self._fleet.pods.values() if pod.namespace not in self._fleet.unread)
        self._intents += _leftover_annotations(read, wanted)
        suspended = {
            policy.key: found
            for policy in self._policies.values()
            if (found := suspension(policy, self._fleet, self._now)) is not None
        }
        return Plan(tuple(self._decided), tuple(self._intents), suspended)

    def _by_pod(self) -> list[list[OpenFinding]]:
        """Findings by pod, the most urgent pod first, and in it the most urgent finding."""
        pods: dict[str, list[OpenFinding]] = defaultdict(list)
        for found in sorted(self._findings, key=self._rank):
            pods[found.target.pod_uid].append(found)
        return list(pods.values())

    def _rank(self, found: OpenFinding) -> Rank:
        """Critical first, then the earliest limit, the largest growth, the name. Total: order is never an accident."""
        finding, pod = found.finding, self._fleet.pods.get(found.target.pod_uid)
        per_count = 1.0 if UNITS[finding.signal] is Unit.BYTES else GOROUTINE_BYTES
        return (
            self._policies[found.policy].mode is Mode.OBSERVE,
            finding.type is not FindingType.LEAK,
            finding.severity is not Severity.CRITICAL,
            finding.limit_at if finding.limit_at is not None else float("inf"),
            -finding.growth_per_hour * per_count,
            pod_name(pod) if pod else "",
            f"{found.target.pod_uid} {found.target.endpoint} {finding.signature}",
            str(found.policy),
        )

    def _decide_pod(self, group: Sequence[OpenFinding]) -> None:
        """One pod: its policies from the oldest on, until one acts; the others keep off."""
        acting: PolicyKey | None = None
        by_policy: dict[PolicyKey, list[OpenFinding]] = defaultdict(list)
        for found in group:
            by_policy[found.policy].append(found)
        for key in sorted(by_policy, key=lambda key: self._policies[key].age_rank):
            if self._decide_policy(self._policies[key], by_policy[key], acting) and acting is None:
                acting = key

    def _decide_policy(
        self, policy: RemediationPolicy, findings: Sequence[OpenFinding], acting: PolicyKey | None
    ) -> bool:
        """Decisions of one policy on one pod; says whether it acts there."""
        leading: Case | None = None
        together: list[OpenFinding] = []
        holds = False
        for found in findings:
            case = self._case(policy, found, acting)
            refused = first_refusal(case, only=None if leading is None else ABOUT_THE_FINDING)
            if refused is not None:
                holds = holds or refused.refusal in HOLDS_THE_POD
                self._refuse(case, refused)
                continue
            if leading is None:
                leading = case
                if policy.mode is Mode.EVICT:
                    self._evict(case)
            together.append(found)
            self._allow(case)
        if leading is not None and policy.mode is Mode.ANNOTATE:
            self._annotate(leading, [found.finding for found in together])
        return leading is not None or holds

    def _case(self, policy: RemediationPolicy, found: OpenFinding, acting: PolicyKey | None) -> Case:
        pod = self._fleet.pods.get(found.target.pod_uid)
        return Case(policy, found.target, found.finding, pod, self._fleet, self._ledger, self._now, acting)

    def _refuse(self, case: Case, refused: Refused) -> None:
        self._say(case, None, refused.refusal, refused.message)

    def _allow(self, case: Case) -> None:
        self._say(case, case.policy.mode, None, _permission(case))

    def _say(self, case: Case, action: Mode | None, refusal: Refusal | None, message: str) -> None:
        pod = case.pod
        decision = Decision(
            namespace=pod.namespace if pod else case.policy.key.namespace,
            pod=pod.name if pod else "",
            pod_uid=case.target.pod_uid,
            signature=case.finding.signature,
            action=action,
            refusal=refusal,
            message=message,
        )
        self._decided.append(Decided(case.policy.key, case.target, decision))

    def _evict(self, case: Case) -> None:
        action = _intended(case, self._ledger)
        self._ledger.add(action)
        self._intents.append(Intent(Verb.EVICT, known(case), action, case.policy.dry_run))

    def _annotate(self, case: Case, findings: Sequence[Finding]) -> None:
        """Only when the pod does not say it yet; a dry run asks the server once."""
        pod, text = known(case), summary(findings, case.policy.key)
        before = self._ledger.get(action_id(case.policy.key, Mode.ANNOTATE, case.policy.dry_run, pod.uid))
        if before is not None and before.state is ActionState.DONE:
            settled = before.settled_at if before.settled_at is not None else before.at
            if before.dry_run or self._now - settled < ANNOTATION_LAG:
                return
        if pod.annotations.get(SUMMARY_ANNOTATION) != text:
            action = _intended(case, self._ledger)
            self._intents.append(Intent(Verb.ANNOTATE, pod, action, case.policy.dry_run, text))

    def _wanted_annotations(self) -> set[str]:
        """UIDs of the pods whose leak some policy wants told on the pod, whether or not it may act just now."""
        wanted = set()
        for found in self._findings:
            policy = self._policies[found.policy]
            case = self._case(policy, found, None)
            if policy.mode is Mode.ANNOTATE and first_refusal(case, only=ABOUT_THE_FINDING) is None:
                wanted.add(found.target.pod_uid)
        return wanted


def _leftover_annotations(pods: Iterable[PodFacts], wanted: set[str]) -> list[Intent]:
    return [
        Intent(Verb.REMOVE_ANNOTATION, pod, action=None)
        for pod in sorted(pods, key=lambda pod: (pod.namespace, pod.name, pod.uid))
        if SUMMARY_ANNOTATION in pod.annotations and not pod.deleting and pod.uid not in wanted
    ]


def _permission(case: Case) -> str:
    pod = known(case)
    dry = " (dry run)" if case.policy.dry_run else ""
    if case.policy.mode is Mode.ANNOTATE:
        return f"{pod_name(pod)} carries annotation {SUMMARY_ANNOTATION}{dry}: {case.finding.signature}"
    ready = sum(1 for other in _peers(case.fleet, pod) if other.ready and not other.deleting)
    return (
        f"evict {pod_name(pod)}{dry} at {clock(case.now, case.now)}: {case.finding.signature} is "
        f"{case.finding.severity.value}, {owned(pod.owner)} has {plural(ready, 'other Ready pod')}"
    )


def _peers(fleet: Fleet, pod: PodFacts) -> list[PodFacts]:
    return [] if pod.owner is None else [other for other in fleet.owned_by(pod.owner.uid) if other.uid != pod.uid]


def _intended(case: Case, ledger: Ledger) -> Action:
    """The journal's entry; a failed attempt before it only raises the count."""
    pod, policy = known(case), case.policy
    started = min((each.started_at for each in pod.containers if each.started_at > 0), default=pod.created_at)
    action = Action(
        id=action_id(policy.key, policy.mode, policy.dry_run, pod.uid),
        policy=policy.key,
        kind=policy.mode,
        dry_run=policy.dry_run,
        namespace=pod.namespace,
        pod=pod.name,
        pod_uid=pod.uid,
        owner=pod.owner,
        signature=case.finding.signature,
        at=case.now,
        state=ActionState.INTENDED,
        generation=policy.generation,
        pod_created_at=pod.created_at,
        found_at_age=max(0.0, case.finding.first_seen - started),
    )
    before = ledger.get(action.id)
    return action if before is None else replace(action, attempts=before.attempts + 1)
