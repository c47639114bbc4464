"""Where a command looks: the options that kubectl has, and the API server behind them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from leakwarden.api import GROUP, PLURAL, VERSION
from leakwarden.cli.kubectl import complete
from leakwarden.cli.kubectl.failures import ended
from leakwarden.errors import InvalidSpec, LeakwardenError

if TYPE_CHECKING:
    from leakwarden.adapters.kube_api import KubeClient

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

T = TypeVar("T")
Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """As asked for on the command line."""

    namespace: str | None = None
    """None: that of the context."""
    everywhere: bool = False
    context: str | None = None
    kubeconfig: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """An API server as this user sees it. `namespace` is "" where every namespace is meant."""

    api: KubeClient
    namespace: str

    def path(self, root: str, plural: str) -> str:
        """Of a list: `/api/v1` and `pods` give `/api/v1/namespaces/demo/pods`."""
        return f"{root}/namespaces/{self.namespace}/{plural}" if self.namespace else f"{root}/{plural}"

    @property
    def policies(self) -> str:
        return self.path(f"/apis/{GROUP}/{VERSION}", PLURAL)

    @property
    def where(self) -> str:
        return f"namespace {self.namespace}" if self.namespace else "any namespace"


def named(option: str, namespace: str) -> str:
    """The namespace, which becomes a part of paths: `..` would be every one. Raises InvalidSpec where it cannot be."""
    if not _NAMESPACE.fullmatch(namespace):
        raise InvalidSpec(option, f"{namespace!r} is no name of a namespace")
    return namespace


@asynccontextmanager
async def connected(scope: Scope, deadline: float = 30.0) -> AsyncIterator[Session]:
    """Raises ApiError, or InvalidSpec for a namespace that cannot be; `deadline` in seconds, of each request."""
    from leakwarden.adapters.kube_api import KubeClient
    from leakwarden.adapters.kube_config import context_namespace, load_connection

    namespace = "" if scope.everywhere else scope.namespace or context_namespace(scope.kubeconfig, scope.context)
    if namespace:
        named("-n", namespace)
    connection = await load_connection(scope.kubeconfig, scope.context)
    async with KubeClient(connection, deadline=deadline) as api:
        yield Session(api, namespace)


def scoped(command: Command) -> Command:
    """Gives the command `-n`, `-A`, `--context` and `--kubeconfig`, and hands it a `Scope` as `scope`."""

    @click.option(
        "-n", "--namespace", metavar="NAME", shell_complete=complete.namespaces, help="Where.  [default: the context's]"
    )
    @click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="In every namespace.")
    @click.option(
        "--context", metavar="NAME", shell_complete=complete.contexts, help="Of the kubeconfig.  [default: its current]"
    )
    @click.option(
        "--kubeconfig", type=click.Path(), help="The file.  [default: $KUBECONFIG, else ~/.kube/config]"
    )
    @wraps(command)
    def with_scope(
        *, namespace: str | None, everywhere: bool, context: str | None, kubeconfig: str | None, **rest: Any
    ) -> Any:
        return command(scope=Scope(namespace, everywhere, context, kubeconfig), **rest)

    return with_scope


def answered(work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives; what goes wrong ends the command with a sentence, what to do next, and exit code 2."""
    try:
        return asyncio.run(work)
    except LeakwardenError as error:
        ended(error)
