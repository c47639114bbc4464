"""What a recording's names and small files say comes back as it was, and what is wrong is said with the file's name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.words import FailureReason
from leakwarden.core.parts import PARTS
from leakwarden.core.readings import Failure, PartFailure
from leakwarden.core.recording import (
    FILES,
    Errors,
    errors_json,
    file_name,
    group,
    milliseconds,
    parse_errors,
    split_name,
)
from leakwarden.core.recording_target import RecordedTarget, of_pod, parse_target, pod_of, target_json
from leakwarden.core.targets import EndpointSpec, Owner
from leakwarden.errors import MalformedRecording
from tests.core.decide.fleets import pod

ENDPOINT = EndpointSpec("pprof", 6060, "/debug/pprof", "HTTP", None)  # type: ignore[arg-type]
moments = st.integers(0, 10**13)
failures = st.builds(PartFailure, st.sampled_from(FailureReason), st.text(max_size=40))


@given(moments, st.sampled_from(FILES))
def test_a_name_is_read_as_it_was_written(at_ms: int, file: str) -> None:
    assert split_name(file_name(at_ms, file)) == (at_ms, file)


@given(st.floats(0, 4e9))
def test_a_time_that_the_sampler_rounded_comes_back_to_the_last_bit(at: float) -> None:
    at = round(at, 3)
    (sample,), _ = group([file_name(milliseconds(at), "heap.pb.gz")])
    assert sample.at == at


@given(st.dictionaries(moments, st.sets(st.sampled_from(FILES), min_size=1), max_size=6), st.randoms())
def test_files_in_any_order_are_the_samples_that_they_came_from(
    samples: dict[int, set[str]], random: st.DataObject
) -> None:
    names = [file_name(at_ms, file) for at_ms, files in samples.items() for file in files]
    random.shuffle(names)  # type: ignore[attr-defined]
    found, strange = group(names)
    assert {sample.at_ms: set(sample.names) for sample in found} == samples
    assert [sample.at_ms for sample in found] == sorted(samples)
    assert strange == []


@pytest.mark.parametrize(
    "name",
    [
        "README",
        "heap.pb.gz",
        "12-heap.pb",
        "-1-heap.pb.gz",
        "1e9-heap.pb.gz",
        "12-../heap.pb.gz",
        "999999999999999-heap.pb.gz",
        "１-heap.pb.gz",
    ],
)
def test_any_other_name_is_no_file_of_a_recording(name: str) -> None:
    assert group([name]) == ([], [name])


def test_two_names_for_one_file_are_not_mixed_up() -> None:
    (sample,), strange = group(["0000000000012-heap.pb.gz", "12-heap.pb.gz"])
    assert sample.names == {"heap.pb.gz": "0000000000012-heap.pb.gz"}
    assert strange == ["12-heap.pb.gz"]


@given(
    st.none() | st.builds(Failure, st.sampled_from(FailureReason), st.text(max_size=40)),
    st.dictionaries(st.sampled_from(sorted(PARTS)), failures),
    st.frozensets(st.sampled_from(sorted(PARTS))),
)
def test_what_failed_comes_back_in_its_order(
    failure: Failure | None, parts: dict[str, PartFailure], not_served: frozenset[str]
) -> None:
    errors = Errors(failure, parts, not_served)
    found = parse_errors(errors_json(errors))
    assert found == errors
    assert list(found.parts) == list(parts)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"{", "error.json is not JSON"),
        (b"[]", "error.json: not an object"),
        (b'{"reason": "Bored"}', "error.json: reason is 'Bored', none of ConnectionRefused"),
        (b'{"parts": {"heap": {}}}', "error.json: heap: reason is None"),
        (b'{"parts": []}', "error.json: parts must be an object"),
        (b"[" * 100_000, "error.json is not JSON"),
    ],
)
def test_an_error_json_that_cannot_be_meant_says_what_is_wrong(data: bytes, says: str) -> None:
    with pytest.raises(MalformedRecording, match=says):
        parse_errors(data)


def test_everything_that_judge_and_rails_ask_of_a_pod_comes_back() -> None:
    before = pod("ws-1", owner=Owner("ReplicaSet", "ws", "uid-ws"), local_volumes=("scratch",))
    after = pod_of(parse_target(target_json(of_pod(ENDPOINT, before))))
    assert after is not None
    for name in ("namespace", "name", "uid", "annotations", "owner", "phase", "ready", "ready_since", "deleting",
                 "host_network", "restart_policy", "priority_class", "mirror", "local_volumes", "created_at",
                 "containers"):  # fmt: skip
        assert getattr(after, name) == getattr(before, name), name


def test_of_a_url_nothing_is_claimed_to_be_known() -> None:
    target = RecordedTarget(url="http://127.0.0.1:6060/debug/pprof", endpoint="pprof")
    assert json.loads(target_json(target)) == {"url": target.url, "endpoint": "pprof"}
    assert pod_of(target) is None


def test_a_wrong_target_json_names_the_field() -> None:
    with pytest.raises(MalformedRecording, match=r"target\.json: container\.memoryLimit: "):
        parse_target(b'{"container": {"memoryLimit": "much"}}')
