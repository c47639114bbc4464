"""The operator's reading port: found in the cluster and forwarded to with the user's own rights, or named by URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlencode

import click

from leakwarden.cli.kubectl.scope import Command, Scope, Session, connected, named
from leakwarden.errors import NoOperator, SamplingError

if TYPE_CHECKING:
    from leakwarden.adapters.ports import Dialer
    from leakwarden.adapters.pprof_http import PprofConnection
    from leakwarden.api.inspection import Details, InspectionModel, Targets
    from leakwarden.core.targets import PodFacts, Target

PORT: Final = 8086
"""Where LEAKWARDEN_INSPECT has the operator listen by default."""
LABELS: Final = "app.kubernetes.io/name=leakwarden,app.kubernetes.io/component=operator"
"""Of the operator's own pods, as the chart makes them."""
PATIENCE: Final = 10.0
"""Seconds for one answer, connection included."""
MAX_ANSWER: Final = 64 << 20

M = TypeVar("M", bound="InspectionModel")


@dataclass(frozen=True, slots=True)
class Where:
    """As asked for on the command line: `NAMESPACE` or `NAMESPACE/POD`; or a URL, which comes first."""

    operator: str = "leakwarden"
    url: str = ""


def asks_operator(command: Command) -> Command:
    """Gives the command `--operator` and `--operator-url`, and hands it a `Where` as `where`."""

    @click.option(
        "--operator", default="leakwarden", show_default=True, metavar="NAMESPACE[/POD]", envvar="LEAKWARDEN_OPERATOR",
        help="Where the operator runs.",
    )  # fmt: skip
    @click.option(
        "--operator-url", default="", metavar="URL", envvar="LEAKWARDEN_OPERATOR_URL",
        help="Of the reading port of an operator beside the cluster.",
    )  # fmt: skip
    @wraps(command)
    def with_where(*, operator: str, operator_url: str, **rest: Any) -> Any:
        return command(where=Where(operator, operator_url), **rest)

    return with_where


class OperatorApi:
    """One connection to one operator process. Raises NoOperator."""

    def __init__(self, connection: PprofConnection, name: str) -> None:
        self._connection = connection
        self._name = name

    async def leadership(self) -> tuple[bool, str]:
        """Whether it is the one to ask, else who is."""
        from leakwarden.api.inspection import Leadership

        said = await self._get("/v1/leader", {}, Leadership)
        return said.leads, said.says

    async def targets(self, namespace: str, policy: str, most: int) -> Targets:
        from leakwarden.api.inspection import Targets

        return await self._get("/v1/targets", {"namespace": namespace, "policy": policy, "most": str(most)}, Targets)

    async def pod(self, namespace: str, name: str) -> Details:
        from leakwarden.api.inspection import Details

        return await self._get(f"/v1/targets/{quote(name, safe='')}", {"namespace": namespace}, Details)

    async def close(self) -> None:
        await self._connection.close()

    async def _get(self, path: str, query: dict[str, str], kind: type[M]) -> M:
        given = urlencode({name: value for name, value in query.items() if value})
        try:
            async with asyncio.timeout(PATIENCE):
                body = await self._connection.get(f"{path}?{given}" if given else path, "application/json", MAX_ANSWER)
        except SamplingError as error:
            raise NoOperator(f"{self._name} gives no answer: {error}", error.reason) from error
        except TimeoutError as error:
            raise NoOperator(f"{self._name} gives no answer within {PATIENCE:g} s", "Timeout") from error
        try:
            return kind.model_validate_json(body)
        except ValueError as error:
            raise NoOperator(f"{self._name} gives an answer that this version cannot read", "Malformed") from error


@dataclass(frozen=True, slots=True)
class Reach:
    """How the operator is asked, and about which namespace ("": every one). Without a cluster `session` is None."""

    where: Where
    session: Session | None
    namespace: str

    @property
    def named(self) -> str:
        return f"namespace {self.namespace}" if self.namespace else "any namespace"

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[OperatorApi]:
        """The process that leads. Raises NoOperator, or ApiError where its pods may not be listed."""
        api = _by_url(self.where.url) if self.session is None else await _leader(self.session, self.where)
        try:
            yield api
        finally:
            await api.close()


@asynccontextmanager
async def reach(scope: Scope, where: Where) -> AsyncIterator[Reach]:
    """With a URL no kubeconfig is read, and every namespace is meant where none is named. Raises ApiError."""
    if where.url:
        yield Reach(where, None, "" if scope.everywhere else scope.namespace or "")
        return
    async with connected(scope) as session:
        yield Reach(where, session, session.namespace)


def _by_url(url: str) -> OperatorApi:
    from leakwarden.adapters.pod_ip import PodIPDialer
    from leakwarden.api.words import Scheme
    from leakwarden.cli.url import parse_url
    from leakwarden.errors import InvalidSpec

    try:
        target = parse_url(url, PATIENCE, MAX_ANSWER)
    except InvalidSpec as error:
        raise InvalidSpec("--operator-url", f"{url!r} is no URL such as http://127.0.0.1:{PORT}") from error
    if target.endpoint.scheme is not Scheme.HTTP:
        raise InvalidSpec("--operator-url", f"{url!r}: the reading port speaks plain http, on loopback")
    return _api(PodIPDialer(), target, f"the operator at {url}", target.pod)


def _api(dialer: Dialer, target: Target, name: str, host: str) -> OperatorApi:
    from leakwarden.adapters.pprof_http import PprofConnection

    return OperatorApi(PprofConnection(lambda: dialer.open(target), f"{host}:{target.endpoint.port}"), name)


async def _leader(session: Session, where: Where) -> OperatorApi:
    """Asks one pod after the other; the first that leads."""
    from leakwarden.adapters.port_forward import PortForwardDialer

    said: list[str] = []
    last: NoOperator | None = None
    for pod in await _pods(session, where):
        target = _target(pod)
        api = _api(PortForwardDialer(session.api), target, f"operator pod {pod.namespace}/{pod.name}", "localhost")
        try:
            leads, says = await api.leadership()
        except NoOperator as error:
            last = error
            said.append(str(error))
        else:
            if leads:
                return api
            said.append(f"{pod.name}: {says}")
        await api.close()
    raise NoOperator(f"no operator leads: {'; '.join(said)}", last.reason if last else "Standby")


async def _pods(session: Session, where: Where) -> Sequence[PodFacts]:
    """Ready ones first. Raises NoOperator where there is none, InvalidSpec for a namespace that cannot be."""
    from leakwarden.core.pod_facts import pod_facts

    namespace, _, name = where.operator.partition("/")
    named("--operator", namespace)
    path = f"/api/v1/namespaces/{namespace}/pods"
    params = {"fieldSelector": f"metadata.name={name}"} if name else {"labelSelector": LABELS}
    found = await session.api.request("GET", path, params=params)
    pods = [pod_facts(item) for item in found.get("items") or ()]
    running = [pod for pod in pods if pod.phase == "Running" and not pod.deleting]
    if not running:
        looked = f"named {name}" if name else f"with the labels {LABELS}"
        raise NoOperator(f"no running pod {looked} in namespace {namespace}", "NotFound")
    return sorted(running, key=lambda pod: (not pod.ready, pod.name))


def _target(pod: PodFacts) -> Target:
    from leakwarden.api.words import Scheme, Transport
    from leakwarden.core.targets import EndpointSpec, Target, TargetKey

    endpoint = EndpointSpec("inspect", PORT, "/v1", Scheme.HTTP, None)
    key = TargetKey(pod.uid, endpoint.name)
    return Target(
        key, pod.namespace, pod.name, pod.ip, endpoint, Transport.PORT_FORWARD, timeout=PATIENCE, max_bytes=MAX_ANSWER
    )


