"""The gate on real programs that leak and on their fixed twins; `make gate-trials` tries each many times."""

from __future__ import annotations

import pytest

from bench.gate.simulate import CASES, simulated
from bench.gate.trials import PROGRAMS, Program, trial

FEW = ("ast-cache", "did-change", "fixture handlers", "fixture timer", "fixture watcher")


@pytest.mark.parametrize("program", [one for one in PROGRAMS if one.name in FEW], ids=lambda program: program.name)
def test_a_leak_fails_the_gate_with_its_place_and_pattern_and_its_fixed_twin_passes(program: Program) -> None:
    leaking, fixed = trial(program, leaking=True), trial(program, leaking=False)
    assert leaking.code == 1, leaking.said
    assert leaking.names(program), leaking.found
    assert (fixed.code, fixed.outcome("heap"), fixed.outcome("goroutines")) == (0, "passed", "passed"), fixed.found


def test_the_simulation_has_a_row_for_each_made_up_program() -> None:
    rows = simulated(3)
    assert [row[0] for row in rows] == [case.says for case in CASES]
    assert all(sum(float(cell.removesuffix(" %")) for cell in row[1:4]) == pytest.approx(100, abs=0.1) for row in rows)
