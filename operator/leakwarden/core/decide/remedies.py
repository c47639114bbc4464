"""What a person can do about each refusal. docs/rails.md has the same words beside what the refusal means."""

from __future__ import annotations

from leakwarden.core.actions import Refusal

REMEDIES: dict[Refusal, str] = {
    Refusal.OBSERVE_ONLY: "Set spec.remediation.mode to Annotate or Evict.",
    Refusal.NOT_A_LEAK: "Nothing; give the rule a growth if it should act.",
    Refusal.BELOW_MIN_SEVERITY: "Wait (a limit within an hour makes it Critical), or set minSeverity: Warning.",
    Refusal.MUTED: "Wait until it ends, or take it away: kubectl leakwarden unmute.",
    Refusal.ALREADY_DONE: "Nothing. After a dry run: set execution: Live.",
    Refusal.POD_TERMINATING: "Nothing.",
    Refusal.TARGET_NOT_SEEN: "See Ready, Degraded and the verdict of the target.",
    Refusal.SUBSIDING: "Nothing: it ends as Subsided, or grows again.",
    Refusal.MIRROR_POD: "Repair it on its node.",
    Refusal.DAEMON_SET: "Restart it by hand.",
    Refusal.NO_CONTROLLER: "Run it under a Deployment or StatefulSet, or restart it by hand.",
    Refusal.NEVER_RESTARTED: "Restart it by hand.",
    Refusal.SYSTEM_CRITICAL: "Restart it by hand.",
    Refusal.HOST_NETWORK: "Take it off the host network.",
    Refusal.OPTED_OUT: "Remove the annotation.",
    Refusal.NOT_SAFE_TO_EVICT: "Remove the annotation where it is wrong.",
    Refusal.LOCAL_STORAGE: (
        "Name the volumes that may go in cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes, "
        'or set safe-to-evict: "true".'
    ),
    Refusal.OPEN_DOCUMENTS: "Wait until the editor closes them, or set remediation.openDocuments: Ignore.",
    Refusal.ANOTHER_POLICY_ACTS: "Nothing, or change the selectors.",
    Refusal.JOURNAL_UNAVAILABLE: (
        "See the operator's log; the usual reasons are missing rights and a journal edited "
        "by hand."
    ),
    Refusal.PAUSED: "Wait, or remove it.",
    Refusal.CIRCUIT_BREAKER: (
        "Fix the leak. Then edit the policy's spec: any edit (a new generation) closes the breaker; "
        "nothing else does."
    ),
    Refusal.STORM_BRAKE: "Roll the release back, or raise stormPercent; 100 switches the brake off.",
    Refusal.IN_FLIGHT: "Wait; when it lasts, look at the replacement.",
    Refusal.COOLDOWN: "Wait until the time named.",
    Refusal.MIN_READY_PEERS: "Run more replicas, or lower minReadyPeers.",
    Refusal.DISRUPTION_BUDGET: "Make the other pods healthy, or allow a disruption.",
    Refusal.FORBIDDEN: "Grant it: docs/permissions.md.",
    Refusal.API_REFUSED: (
        "Read the sentence; two PodDisruptionBudgets on one pod are an error of the "
        "cluster's configuration."
    ),
    Refusal.NOT_CONFIRMED: "Wait; near the memory limit: restart it by hand, or raise the limit.",
    Refusal.BUDGET: "Wait, or raise the budget.",
}
