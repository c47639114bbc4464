"""Profiles as bytes and recordings in memory, for the tests of recordings."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from leakwarden.core.pprof import profile_pb2 as pb
from leakwarden.core.recording import SampleFiles, file_name, group
from tests.core.pprof.build import Parts, location, text_label

MI = 1 << 20
T0 = 1_790_000_000.0


def profile(types: Sequence[tuple[str, str]], stacks: Mapping[tuple[str, ...], Sequence[int]]) -> bytes:
    """Gzipped, as served. A stack has its leaf first; a function is at line 7 of main.go."""
    strings = [""]

    def text(value: str) -> int:
        if value not in strings:
            strings.append(value)
        return strings.index(value)

    made = Parts([], [], [], [], [], [])
    made.sample_types += [pb.ValueType(type=text(kind), unit=text(unit)).SerializeToString() for kind, unit in types]
    functions: dict[str, int] = {}
    for stack, values in stacks.items():
        for name in stack:
            if name not in functions:
                number = functions[name] = len(functions) + 1
                row = pb.Function(id=number, name=text(name), system_name=text(name), filename=text("/src/main.go"))
                made.functions.append(row.SerializeToString())
                made.locations.append(location(number, (number, 7), mapping=0))
        row_of_stack = pb.Sample(location_id=[functions[name] for name in stack], value=list(values))
        made.samples.append(row_of_stack.SerializeToString())
    made.strings += [one.encode() for one in strings]
    made.rest = b""
    return gzip.compress(made.join(), mtime=0)


def heap(held: Mapping[str, int], allocated: int) -> bytes:
    """Bytes in use by function, and what all together have allocated on top."""
    types = [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")]
    stacks: dict[tuple[str, ...], Sequence[int]] = {(name,): (1, size, 1, size) for name, size in held.items()}
    return profile(types, {**stacks, ("main.scratch",): (1, allocated, 0, 0)})


def goroutines(count: int, function: str = "main.serve") -> bytes:
    return profile([("goroutine", "count")], {("runtime.gopark", "runtime.chansend1", function): (count,)})


def labelled_goroutines(rows: Iterable[tuple[str, Mapping[str, str], int]]) -> bytes:
    """Goroutines that wait to send, by function, labels and how many; a row is a sample."""
    strings: dict[str, int] = {"": 0}

    def text(value: str) -> int:
        return strings.setdefault(value, len(strings))

    made = Parts([], [], [], [], [], [], b"")
    made.sample_types.append(pb.ValueType(type=text("goroutine"), unit=text("count")).SerializeToString())
    functions: dict[str, int] = {}
    for function, labels, count in rows:
        stack = ("runtime.gopark", "runtime.chansend1", function)
        for name in stack:
            if name not in functions:
                number = functions[name] = len(functions) + 1
                row = pb.Function(id=number, name=text(name), filename=text("/src/main.go"))
                made.functions.append(row.SerializeToString())
                made.locations.append(location(number, (number, 7), mapping=0))
        label_rows = [text_label(text(key), text(value)) for key, value in labels.items()]
        sample = pb.Sample(location_id=[functions[name] for name in stack], value=[count], label=label_rows)
        made.samples.append(sample.SerializeToString())
    made.strings += [value.encode() for value in strings]
    return gzip.compress(made.join(), mtime=0)


def leaking(number: int, step: int = 4 * MI, function: str = "main.keep") -> dict[str, bytes]:
    """The files of sample `number` of a process in which a function holds `step` bytes more each time."""
    held = {function: 10 * MI + number * step, "main.rest": 90 * MI}
    return {"heap.pb.gz": heap(held, 64 * MI * (number + 1)), "goroutine.pb.gz": goroutines(50)}


def quiet(number: int) -> dict[str, bytes]:
    return leaking(number, step=0)


def files(samples: Iterable[Mapping[str, bytes]], interval: float = 30.0, since: float = T0) -> dict[str, bytes]:
    """By their whole names, `interval` seconds apart."""
    return {
        file_name(round((since + number * interval) * 1000), file): data
        for number, sample in enumerate(samples)
        for file, data in sample.items()
    }


@dataclass(frozen=True, slots=True)
class InMemory:
    """A `Recording`."""

    held: Mapping[str, bytes]
    notes: Sequence[str] = ()
    samples: Sequence[SampleFiles] = field(default_factory=list)

    @classmethod
    def of(cls, held: Mapping[str, bytes]) -> InMemory:
        samples, strange = group(held)
        return cls(held, strange, samples)

    def read(self, name: str) -> bytes:
        return self.held[name]
