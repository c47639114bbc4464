"""Command line of the local cluster: tools, up, down, load, env, info."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

from hack.cluster import api, local
from hack.cluster.console import ClusterError, say
from hack.cluster.tools import ensure_tools


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when done, 1 with a plain message on standard error when not."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except ClusterError as error:
        print(f"[cluster] error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("[cluster] interrupted; the next `up` or `down` tidies up", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m hack.cluster", description="A real Kubernetes on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    tools = commands.add_parser("tools", help="install Debian packages and build the binaries that are missing")
    tools.add_argument("--control-plane-only", action="store_true", help="only what an API server without a node needs")
    up = commands.add_parser("up", help="bring a cluster up; does nothing when it is up already")
    up.add_argument("--control-plane-only", action="store_true", help="etcd and the API server on loopback, no node")
    up.add_argument(
        "--with-controllers", action="store_true", help="the controller manager as well, where there is no node"
    )
    up.add_argument("--backend", choices=["auto", "local", "kind"], default="auto")
    down = commands.add_parser("down", help="end a cluster and remove what it made (its logs stay)")
    down.add_argument("--all", action="store_true", help="every cluster of this checkout")
    down.add_argument("--stray", action="store_true", help="every local cluster on this machine, other checkouts too")
    load = commands.add_parser("load", help="make the images of a docker-archive known to the node")
    load.add_argument("archive", type=Path)
    env = commands.add_parser("env", help="print shell lines that set KUBECONFIG and PATH")
    info = commands.add_parser("info", help="print what is known of the cluster")
    info.add_argument("--json", action="store_true")
    for command in (up, down, load, env, info):
        command.add_argument("--name", default=api.DEFAULT_NAME, help=f"which cluster (default {api.DEFAULT_NAME})")
    return parser


def _run(options: argparse.Namespace) -> None:
    match options.command:
        case "tools":
            where = ensure_tools(control_plane_only=options.control_plane_only)
            for directory in where.directories:
                print(directory)
        case "up":
            only, controllers = options.control_plane_only, options.with_controllers
            api.up(options.name, only, options.backend, with_controllers=controllers)
        case "down":
            _down(options)
        case "load":
            api.load(options.archive, options.name)
            say(f"{options.archive} loaded into {options.name}")
        case "env":
            for name, value in api.find(options.name).environment().items():
                print(f"export {name}={shlex.quote(value)}")
        case "info":
            _info(options)


def _down(options: argparse.Namespace) -> None:
    if options.stray:
        local.down_everywhere()
        return
    names = api.names() if options.all else [options.name]
    for name in names:
        if not api.down(name):
            say(f"{name}: nothing to stop")


def _info(options: argparse.Namespace) -> None:
    info = api.find(options.name).info()
    if options.json:
        print(json.dumps(info, indent=2))
        return
    for key, value in info.items():
        print(f"{key:20} {value}")


if __name__ == "__main__":
    sys.exit(main())
