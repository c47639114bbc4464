"""Names, addresses and ports of a local cluster: derived from its place, clear of everything else on the machine."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hack.cluster.console import ClusterError
from hack.cluster.layout import Layout, Network, candidate_blocks, check_name, choose_network, free_ports
from hack.cluster.layout import networks_of_routes as networks

identities = st.integers(0, 2**32 - 1).map(lambda number: f"{number:08x}")


def test_clusters_of_other_names_or_other_checkouts_share_no_id_interface_or_cgroup() -> None:
    one = Layout("e2e", Path("/a/.state/clusters/e2e"))
    others = [Layout("dev", Path("/a/.state/clusters/dev")), Layout("e2e", Path("/b/.state/clusters/e2e"))]
    for other in others:
        assert one.id != other.id
        assert one.interface != other.interface
        assert one.cgroup != other.cgroup


def test_the_state_directory_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEAKWARDEN_STATE", str(tmp_path))
    assert Layout.of("e2e").state == tmp_path / "clusters" / "e2e"


@given(identities)
def test_interface_names_fit_into_the_kernels_fifteen_characters(identity: str) -> None:
    assert len(Layout("x", Path("/", identity)).interface) <= 15


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "../x", "-a", "a-", "a" * 25])
def test_a_name_that_cannot_be_a_directory_and_a_kind_cluster_is_refused(name: str) -> None:
    with pytest.raises(ClusterError):
        check_name(name)


@given(identities)
def test_link_pods_and_services_of_a_block_never_overlap(identity: str) -> None:
    network = choose_network(identity, [])
    link = ipaddress.ip_network(f"{network.host_address}/{network.link_prefix}", strict=False)
    pods, services = ipaddress.ip_network(network.pods), ipaddress.ip_network(network.services)
    assert ipaddress.ip_address(network.node_address) in link
    assert ipaddress.ip_address(network.pod_gateway) in pods
    assert ipaddress.ip_address(network.first_service) in services
    assert ipaddress.ip_address(network.dns_service) in services
    assert not link.overlaps(pods)
    assert not link.overlaps(services)
    assert not pods.overlaps(services)


@given(identities, st.sets(st.integers(120, 219), max_size=99))
def test_a_block_that_somebody_uses_is_passed_over(identity: str, used: set[int]) -> None:
    taken = [ipaddress.IPv4Network(f"10.{number}.3.0/24") for number in used]
    assert not any(choose_network(identity, taken).block.overlaps(other) for other in taken)


def test_a_machine_without_a_free_block_is_told_so() -> None:
    with pytest.raises(ClusterError, match="in use"):
        choose_network("0", candidate_blocks("0"))


def test_two_clusters_beside_each_other_get_different_blocks_even_when_their_ids_point_at_the_same_one() -> None:
    first = choose_network("00000005", [])
    second = choose_network("00000005", [ipaddress.IPv4Network(first.pods)])
    assert first.block != second.block


def test_routes_are_read_as_networks_and_a_vpn_over_all_of_ten_is_no_hindrance() -> None:
    routes = (
        "default via 192.0.2.1 dev eth0 \n"
        "10.0.0.0/8 dev tun0 scope link \n"
        "10.187.0.0/20 via 10.187.255.2 dev lw-fa3d5f97 \n"
        "172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown \n"
        "local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1 \n"
    )
    assert [str(network) for network in networks(routes)] == ["10.187.0.0/20", "172.17.0.0/16", "127.0.0.1/32"]


def test_the_kubernetes_service_has_the_first_service_address() -> None:
    network = Network(ipaddress.IPv4Network("10.130.0.0/16"))
    assert (network.services, network.first_service) == ("10.130.128.0/20", "10.130.128.1")


def test_ports_are_different_free_and_below_the_ephemeral_range() -> None:
    ports = free_ports("0000ffff", 5)
    assert len(set(ports)) == 5
    assert all(20000 <= port < 30000 for port in ports)


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    [wanted] = free_ports("00001234", 1)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", wanted))
        listener.listen()
        assert wanted not in free_ports("00001234", 3)
