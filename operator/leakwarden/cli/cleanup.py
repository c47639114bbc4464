"""`leakwarden cleanup`, for who uninstalls: it tells each thing that it took away, and what it could not."""

from __future__ import annotations

from collections.abc import AsyncIterator

from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.kube_config import load_connection
from leakwarden.adapters.leftovers import Leftovers
from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.errors import ApiError
from leakwarden.settings import Settings


async def cleanup(settings: Settings, after: str, patience: float, unless: str = "") -> AsyncIterator[str]:
    """Sentences about what was done. Raises ApiError at the end when something stayed.

    `after`: labels of the operator's pods that must be gone first, for `patience` seconds at most; empty: not waited.
    `unless`: labels of other operators' pods, which journal and Lease are left to; empty: there are none.
    """
    connection = await load_connection(str(settings.kubeconfig) if settings.kubeconfig else None)
    async with KubeClient(connection) as api:
        leftovers = Leftovers(api, settings.namespace, settings.lease_name, settings.watch_namespaces)
        if after:
            await _wait(leftovers, settings.namespace, after, patience)
        stayed: list[ApiError] = []
        for pod in await leftovers.annotated():
            try:
                await leftovers.unannotate(pod)
            except ApiError as error:
                stayed.append(error)
            else:
                yield f"pod {pod.namespace}/{pod.name}: annotation {SUMMARY_ANNOTATION} removed"
        others = await leftovers.others(unless) if unless else []
        if others:
            where = f"in namespace {settings.namespace}"
            yield f"journal and Lease {where} stay: pod {others[0]} of another release has them"
        gone, kept = ([], []) if others else await _delete_own(leftovers)
        for name in gone:
            yield f"{name} in namespace {settings.namespace} deleted"
    problems = [str(error) for error in kept]
    if stayed:
        problems.insert(
            0,
            f"{SUMMARY_ANNOTATION} stays on {len(stayed)} pods, the first: {stayed[0]}; as an administrator: "
            f"kubectl annotate pods --all -n NAMESPACE {SUMMARY_ANNOTATION}-",
        )
    if problems:
        raise ApiError("\n".join(problems))


async def _delete_own(leftovers: Leftovers) -> tuple[list[str], list[ApiError]]:
    """What is gone, and why the rest is not."""
    gone: list[str] = []
    kept: list[ApiError] = []
    for delete in (leftovers.delete_journal, leftovers.delete_lease):
        try:
            gone.append(await delete())
        except ApiError as error:
            kept.append(error)
    return [name for name in gone if name], kept


async def _wait(leftovers: Leftovers, namespace: str, after: str, patience: float) -> None:
    try:
        await leftovers.wait_gone(after, patience)
    except TimeoutError as error:
        raise ApiError(
            f"an operator still runs after {patience:g} s and would write everything anew: "
            f"kubectl get pods -n {namespace} -l {after}"
        ) from error
