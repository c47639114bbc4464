"""Making the values of two profiles comparable: common sample types, the finer of two units."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from leakwarden.core.pprof.profile import Profile, ValueType
from leakwarden.errors import IncomparableProfiles, InvalidSpec

_FAMILIES: Final[tuple[dict[str, float], ...]] = (
    {name: 2.0 ** (10 * power) for power, names in enumerate(
        (("b", "byte"), ("kb", "kbyte", "kilobyte"), ("mb", "mbyte", "megabyte"), ("gb", "gbyte", "gigabyte"),
         ("tb", "tbyte", "terabyte"), ("pb", "pbyte", "petabyte"))) for name in names},
    {"ns": 1.0, "nanosecond": 1.0, "μs": 1e3, "us": 1e3, "microsecond": 1e3, "ms": 1e6, "millisecond": 1e6,
     "s": 1e9, "sec": 1e9, "second": 1e9, "hour": 3.6e12, "hr": 3.6e12},
    {"nanogcu": 1e-9, "microgcu": 1e-6, "milligcu": 1e-3, "gcu": 1.0, "kilogcu": 1e3, "megagcu": 1e6,
     "gigagcu": 1e9, "teragcu": 1e12, "petagcu": 1e15},
)  # fmt: skip
"""Units that can be converted into each other, as pprof knows them, and their size."""


class Column:
    """The values of one sample type: of which kind, in which unit."""

    def __init__(self, base: Profile, new: Profile, sample_index: str) -> None:
        """Choose what to compare. Raises IncomparableProfiles when there is nothing, InvalidSpec for a `sample_index`
        that the profiles do not have."""
        common = _common_types(base, new)
        _check_periods(base, new)
        units = {name: _finer(_type(base, name), _type(new, name)) for name in common}
        name = common[_chosen(sample_index, common, _default(base, new, common))]
        self.kind = ValueType(name, units[name])
        self.base = [_negated(value) for value in _converted(base, units)[name]]
        self.new = _converted(new, units)[name]


def _converted(profile: Profile, units: Mapping[str, str]) -> dict[str, Sequence[int]]:
    """The values by sample type. As in pprof, a sample that has nothing in any converted unit counts for nothing."""
    values = {name: profile.column(name) for name in units}
    ratios = {name: _ratio(_type(profile, name).unit, unit) for name, unit in units.items()}
    changed = {
        name: [round(value * ratios[name]) for value in column] for name, column in values.items() if ratios[name] != 1
    }
    if not changed:
        return values
    values |= changed
    counts = [any(row) for row in zip(*changed.values(), strict=True)]
    return {
        name: [value if counted else 0 for value, counted in zip(column, counts, strict=True)]
        for name, column in values.items()
    }


def _common_types(base: Profile, new: Profile) -> list[str]:
    """Names in the order of `new`. One that a profile has twice says nothing."""
    theirs, ours = (Counter(kind.type for kind in profile.sample_types) for profile in (base, new))
    common = [kind.type for kind in new.sample_types if ours[kind.type] == theirs[kind.type] == 1]
    if not common:
        raise IncomparableProfiles(f"they have no sample type in common: {_listed(base)} against {_listed(new)}")
    return common


def _listed(profile: Profile) -> str:
    return ", ".join(f"{kind.type}/{kind.unit}" for kind in profile.sample_types) or "none"


def _check_periods(base: Profile, new: Profile) -> None:
    """One sample a so many bytes, or a so many nanoseconds: the kind must be the same, the number need not."""
    old, late = base.period_type, new.period_type
    if old.type != late.type or (old.unit != late.unit and not _family(old.unit, late.unit)):
        raise IncomparableProfiles(
            f"their period types differ: {old.type or 'none'}/{old.unit} against {late.type or 'none'}/{late.unit}"
        )


def _type(profile: Profile, name: str) -> ValueType:
    return next(kind for kind in profile.sample_types if kind.type == name)


def _finer(old: ValueType, late: ValueType) -> str:
    if old.unit != late.unit and not _family(old.unit, late.unit):
        raise IncomparableProfiles(f"their units of {old.type} differ: {old.unit} against {late.unit}")
    return old.unit if _ratio(old.unit, late.unit) < 1 else late.unit


def _ratio(unit: str, target: str) -> float:
    """How many of `target` are one of `unit`."""
    family = _family(unit, target)
    return family[_plain(unit)] / family[_plain(target)] if family else 1


def _family(unit: str, other: str) -> dict[str, float]:
    return next((family for family in _FAMILIES if _plain(unit) in family and _plain(other) in family), {})


def _plain(unit: str) -> str:
    lower = unit.lower()
    return lower.removesuffix("s") if len(lower) > 2 else lower


def _default(base: Profile, new: Profile, common: Sequence[str]) -> str:
    """The sample type to show, where the profiles name one. Where some had to go, the first left stands in for it."""
    for profile in (new, base):
        wanted = profile.default_sample_type
        if [kind.type for kind in profile.sample_types] != list(common) and wanted not in common:
            return common[0]
        if wanted:
            return wanted
    return ""


def _chosen(sample_index: str, types: Sequence[str], default: str) -> int:
    """By name or number; else the default; else the last, as it is bytes in use in Go's heap profiles."""
    if not sample_index:
        return types.index(default) if default in types else len(types) - 1
    if re.fullmatch("[+-]?[0-9]+", sample_index) and int(sample_index) in range(len(types)):
        return int(sample_index)
    for number, name in enumerate(types):
        if name in {sample_index, sample_index.removeprefix("inuse_")}:
            return number
    raise InvalidSpec("--sample-index", f"must be one of {', '.join(types)}, not {sample_index!r}")


def _negated(value: int) -> int:
    """pprof multiplies by a float, which past 2^53 is not exact."""
    return -value if abs(value) <= 2**53 else -int(float(value))
