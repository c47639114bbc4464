"""Every error that Leakwarden raises on purpose, and what each means for a retry.

    LeakwardenError
     ├─ InvalidSpec            a policy says something that cannot be meant; names the field      never
     ├─ MalformedProfile       bytes that are not a valid profile, memstats block or gunzip       next sample
     ├─ ProfileTooLarge        a body or its gunzip passed the cap                                next sample
     ├─ IncomparableProfiles   two profiles that count different things                           never
     ├─ UnreadableFile         a file given to a command cannot be read                           never
     ├─ MalformedRecording     a recording that cannot be read; names the file                    never
     ├─ NotMeasured            the gate could not measure what its command does; says why         never
     ├─ SamplingError          one attempt at one target failed; carries a Reason                 next sample
     ├─ ApiError               the Kubernetes API refused or could not be reached
     │   ├─ ApiUnavailable     network, 5xx, 429 throttling                                       backoff
     │   │   └─ OutcomeUnknown no answer to an eviction: it may have happened                     look again
     │   ├─ ApiForbidden       401 or 403: rights are missing; names verb and resource            after a person
     │   ├─ ApiConflict        409 or a failed precondition: look again, decide again             look again
     │   ├─ ApiNotFound        404: the object is gone                                            never
     │   ├─ NotLeader          a write was not sent, since another operator may lead by now       look again
     │   └─ DisruptionBudget   429 from a PodDisruptionBudget on an eviction                      next decision
     ├─ NeedsConsent           a command would also do what nobody asked for; names the option    after a person
     ├─ NoOperator             no operator process answers a command; says where it was looked for after a person
     └─ StoreError             the state directory cannot be read or written                      after a person

Foreign exceptions are translated once, in the adapter that meets them, with the cause kept (`raise … from`).
"""

from __future__ import annotations

from enum import StrEnum


class Retry(StrEnum):
    """When trying the same thing again can make sense."""

    NEVER = "never"
    NEXT_SAMPLE = "next sample"
    BACKOFF = "backoff"
    LOOK_AGAIN = "look again"
    NEXT_DECISION = "next decision"
    AFTER_A_PERSON = "after a person"


class LeakwardenError(Exception):
    """The root; `retry` says when the same call may be tried again."""

    retry: Retry = Retry.NEVER


class InvalidSpec(LeakwardenError):
    """A policy field cannot be meant as written. `path` is dotted, as kubectl prints it: `spec.rules[0].above`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class MalformedProfile(LeakwardenError):
    """Bytes that are not a valid profile; the message is prefixed by the stage that refused them."""

    retry = Retry.NEXT_SAMPLE


class ProfileTooLarge(LeakwardenError):
    """A body, or what it unpacks to, passed the cap of `sampling.maxProfileSize`."""

    retry = Retry.NEXT_SAMPLE


class IncomparableProfiles(LeakwardenError):
    """Two profiles that cannot be subtracted: they count different things, or in units that do not convert."""


class UnreadableFile(LeakwardenError):
    """A file given to a command is missing or may not be read; the message names it."""


class MalformedRecording(LeakwardenError):
    """A recording, or a file in it, that cannot be read or written; the message names the file and what is wrong."""


class NotMeasured(LeakwardenError):
    """`leakwarden gate` could not measure: the target does not answer or was restarted, or the command failed."""


class SamplingError(LeakwardenError):
    """One attempt at one target failed. `reason` is a CamelCase word of `leakwarden.api.words.FailureReason`.

    `status` is the HTTP status that was answered instead of a profile, 0 without one.
    """

    retry = Retry.NEXT_SAMPLE

    def __init__(self, reason: str, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status


class ApiError(LeakwardenError):
    """The Kubernetes API refused a request, or could not be reached. `status` is the HTTP status, 0 without one.

    `asked` is the request in RBAC words (`list pods in namespace demo`), empty where it was none.
    """

    retry = Retry.BACKOFF

    def __init__(self, message: str, status: int = 0, asked: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.asked = asked


class ApiUnavailable(ApiError):
    """Network failure, 5xx, or throttling."""


class OutcomeUnknown(ApiUnavailable):
    """An eviction was sent and no answer came; the pod cannot be looked at, or is still there: it may have happened, or
    may be about to.

    The journal's entry must stay INTENDED until the journal's `reconcile` has seen the pod.
    """

    retry = Retry.LOOK_AGAIN


class ApiForbidden(ApiError):
    """The operator's token lacks a right; the message names verb and resource."""

    retry = Retry.AFTER_A_PERSON


class ApiConflict(ApiError):
    """Somebody else changed the object, or a precondition (UID) no longer holds."""

    retry = Retry.LOOK_AGAIN


class ApiNotFound(ApiError):
    """The object is gone."""

    retry = Retry.NEVER


class NotLeader(ApiError):
    """This operator leads no more, or cannot be sure that it does; what it was to write was not sent."""

    retry = Retry.LOOK_AGAIN


class DisruptionBudget(ApiError):
    """A PodDisruptionBudget does not allow the eviction now. `budget` is its name where the API gave it."""

    retry = Retry.NEXT_DECISION


class NeedsConsent(LeakwardenError):
    """What a command was told to do has another effect that its user may not know of; the message names the option."""

    retry = Retry.AFTER_A_PERSON


class NoOperator(LeakwardenError):
    """A command found no operator that answers. `reason` is a word of FailureReason, NotFound or Standby."""

    retry = Retry.AFTER_A_PERSON

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class StoreError(LeakwardenError):
    """The state directory cannot be read or written; the message names the file and what to do."""

    retry = Retry.AFTER_A_PERSON
