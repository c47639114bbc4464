"""Why nothing is done, in a few words that do not change from sample to sample: the sentence with the numbers is that
of the decision (`core/decide`), which `explain` and the status show."""

from __future__ import annotations

from leakwarden.core.actions import Refusal

REASONS: dict[Refusal, str] = {
    Refusal.OBSERVE_ONLY: "its policy only watches",
    Refusal.NOT_A_LEAK: "it is not proven to leak",
    Refusal.BELOW_MIN_SEVERITY: "the leak is below the policy's minSeverity",
    Refusal.MUTED: "the leak is muted",
    Refusal.ALREADY_DONE: "it has done so already",
    Refusal.POD_TERMINATING: "the pod is being deleted",
    Refusal.TARGET_NOT_SEEN: "it cannot read the process now",
    Refusal.SUBSIDING: "memory is being given back",
    Refusal.MIRROR_POD: "the pod is static, the node's own",
    Refusal.DAEMON_SET: "it evicts no pod of a DaemonSet",
    Refusal.NO_CONTROLLER: "no controller would replace the pod",
    Refusal.NEVER_RESTARTED: "the pod's restartPolicy is Never",
    Refusal.SYSTEM_CRITICAL: "the pod is critical to the system",
    Refusal.HOST_NETWORK: "the pod is on the host's network",
    Refusal.OPTED_OUT: "an annotation of the pod forbids it",
    Refusal.NOT_SAFE_TO_EVICT: "an annotation says that the pod is not safe to evict",
    Refusal.LOCAL_STORAGE: "the pod's local volumes would be lost",
    Refusal.OPEN_DOCUMENTS: "documents are open in it",
    Refusal.ANOTHER_POLICY_ACTS: "another policy acts on the pod",
    Refusal.JOURNAL_UNAVAILABLE: "its journal cannot be written",
    Refusal.PAUSED: "the policy is paused",
    Refusal.CIRCUIT_BREAKER: "the same leak came back after actions",
    Refusal.STORM_BRAKE: "too many pods leak at once",
    Refusal.IN_FLIGHT: "another action is under way",
    Refusal.COOLDOWN: "it acted on this owner's pods not long ago",
    Refusal.MIN_READY_PEERS: "too few ready pods would be left",
    Refusal.DISRUPTION_BUDGET: "a PodDisruptionBudget forbids it",
    Refusal.FORBIDDEN: "it lacks a right",
    Refusal.API_REFUSED: "the API server refused",
    Refusal.NOT_CONFIRMED: "a forced collection has not confirmed the leak",
    Refusal.BUDGET: "the policy's budget of actions is spent",
}
