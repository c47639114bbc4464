"""Profiles made at random, of everything that is valid and rare."""

from __future__ import annotations

import random
from pathlib import Path

from leakwarden.core.pprof import profile_pb2 as pb

NAMES = (
    "main.run", "main.(*T).run", "main.Sum[...]", "main.(*Map[...]).Get", "main.(*Map[...]).Get.func1",
    "main.Map[go.shape.func(int) bool]", "std::vector<int>::push_back(int const&)", "tc_malloc", "tcmalloc::alloc(int)",
    "(anonymous namespace)::f(int)", "operator()(int)", ".leading.dot", "a)b<c>d", "runtime.mallocgc", "x[(](y)", "",
    "java.<init>", "_cgo_ab<c>", "main.a<b", "é.ü",
)  # fmt: skip
FILES = ("/src/main.go", "/src//./a/../main.go", "/proc/self/cwd/x/y.go", "/proc/self/cwd/./z.go", "a.go", "//b.go", "")
DROPS = (
    "", "", "tc_malloc|tcmalloc::.*", "main\\..*", "runtime\\.mallocgc", "(", ".*", "[[:alpha:]]+_malloc", "(?=x)",
    "\\Qmain.\\E|tc_malloc\\z", "x|main.run)|(tc_malloc", "(?:std::).*", "(anonymous namespace)::f",
)  # fmt: skip
KEEPS = ("", "", "main\\.run", "tcmalloc::alloc", "[")
SCHEMES = (
    (("space", "bytes"),),
    (("objects", "count"), ("space", "bytes")),
    (("space", "bytes"), ("objects", "count")),
    (("space", "kilobytes"), ("objects", "count")),
    (("inuse_space", "bytes"), ("space", "bytes"), ("time", "ms"), ("space2", "bytes"), ("space2", "bytes")),
    (("space", "byte"), ("time", "seconds")),
)
STRANGE = (
    (("delay", "nanoseconds"),),
    (("space", "pages"),),
    (("time", "hours"), ("space", "count")),
    (("space", "bytes"), ("space", "bytes")),
    (),
)
"""Sample types that go with none, or only some, of the others."""
PERIODS = (("space", "bytes"), ("space", "kB"), ("space", "count"), ("cpu", "nanoseconds"), ("cpus", "ms"), ("", ""))


class _Maker:
    def __init__(self, chance: random.Random, *, strange: bool) -> None:
        self.chance = chance
        self.schemes = (*SCHEMES, *STRANGE) if strange else SCHEMES
        self.periods = PERIODS if strange else PERIODS[:2]
        self.strings = {"": 0}

    def text(self, value: str) -> int:
        return self.strings.setdefault(value, len(self.strings))

    def profile(self) -> bytes:
        chance = self.chance
        kinds = chance.choice(self.schemes)
        functions = [self.function(number) for number in range(1, 16)]
        mappings = [
            pb.Mapping(
                id=number,
                memory_start=number << 20,
                memory_limit=(number + 1) << 20,
                filename=self.text(file),
                has_functions=True,
            ).SerializeToString()
            for number, file in enumerate(("/nowhere/bin/prog", "[vdso]", "", "http://host/debug", "lib.so"), 1)
        ]
        locations = [self.location(number, len(functions)) for number in range(1, 25)]
        samples = [
            pb.Sample(
                location_id=[chance.randint(1, len(locations)) for _ in range(chance.randint(0, 9))],
                value=[chance.choice((0, 1, -3, 4096, 10**6, chance.randint(-999, 9999))) for _ in kinds],
            ).SerializeToString()
            for _ in range(40 if kinds else 0)
        ]
        period_type, period_unit = chance.choice(self.periods)
        message = pb.Profile(
            sample_type=[pb.ValueType(type=self.text(t), unit=self.text(u)).SerializeToString() for t, u in kinds],
            sample=samples,
            mapping=mappings if chance.random() < 0.8 else [],
            location=locations,
            function=functions,
            drop_frames=self.text(chance.choice(DROPS)),
            keep_frames=self.text(chance.choice(KEEPS)),
            period_type=[pb.ValueType(type=self.text(period_type), unit=self.text(period_unit)).SerializeToString()],
            period=chance.choice((0, 512, 4096)),
            default_sample_type=self.text(chance.choice(("", "", "space", "objects", "none"))),
        )
        message.string_table[:] = [text.encode() for text in self.strings]
        return message.SerializeToString()

    def function(self, number: int) -> bytes:
        name, file = self.chance.choice(NAMES), self.chance.choice(FILES)
        system = self.chance.choice((name, name, name, "other<x>(y)", ""))
        return pb.Function(
            id=number,
            name=self.text(name),
            system_name=self.text(system),
            filename=self.text(file),
            start_line=self.chance.randint(0, 3),
        ).SerializeToString()

    def location(self, number: int, functions: int) -> bytes:
        lines = [
            pb.Line(
                function_id=self.chance.randint(1, functions),
                line=self.chance.randint(0, 5),
                column=self.chance.randint(0, 1),
            ).SerializeToString()
            for _ in range(self.chance.choice((0, 1, 1, 1, 2, 3)))
        ]
        return pb.Location(
            id=number, mapping_id=self.chance.randint(0, 5), address=number << 12, line=lines
        ).SerializeToString()


def write_pair(folder: Path, seed: int, *, strange: bool = False) -> tuple[Path, Path]:
    """Two profiles that can be compared, or with `strange` perhaps not."""
    chance = random.Random(seed)
    paths = folder / "base.pb", folder / "new.pb"
    for path in paths:
        path.write_bytes(_Maker(chance, strange=strange).profile())
    return paths
