"""The rivals do what their sources say, on an example from each source."""

from __future__ import annotations

import math
from collections import Counter
from itertools import chain, repeat
from random import Random

import pytest

from bench.verdicts.rivals import RIVALS, Rival
from bench.verdicts.rivals.coroot import coroot, growth
from bench.verdicts.rivals.holmes import GOROUTINES, MEMORY, holmes, matches, triggered
from bench.verdicts.rivals.leakprof import leakprof
from bench.verdicts.rivals.lines import fit, r_squared
from bench.verdicts.rivals.mann_kendall import mann_kendall, scores, z_score
from bench.verdicts.rivals.precog import change_points, minutes_left, precog, smoothed
from bench.verdicts.rivals.thresholds import article_table, heap_alert
from tests.bench.series import MI, indexes, percent, rows


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.name)
def test_no_rival_but_a_trend_test_alarms_at_a_process_that_does_nothing(rival: Rival) -> None:
    assert rival.alarms(rows(held=[100.0 * MI] * 150)) == []


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.name)
def test_a_rival_looks_only_at_what_is_past(rival: Rival) -> None:
    """An alarm at a sample stays the same whatever comes later: else its delay would be a lie."""
    random = Random(7)
    held = [200 * MI + 9 * MI * i + random.gauss(0, 5 * MI) for i in range(150)]
    count = [40.0 + 12 * i for i in range(150)]
    whole = rows(held, live=held, heap_inuse=held, goroutines=count)
    part = rows(held[:90], live=held[:90], heap_inuse=held[:90], goroutines=count[:90])
    assert rival.alarms(part) == [alarm for alarm in rival.alarms(whole) if alarm.index < 90]


def test_the_articles_table_alarms_above_1_5_gb_or_1000_goroutines() -> None:
    assert indexes(article_table(rows(heap_inuse=[1.4e9, 1.5e9, 1.6e9, 1.2e9]))) == [2]
    assert indexes(article_table(rows(goroutines=[999, 1000, 1001]))) == [2]


def test_the_articles_alert_wants_800_mb_for_five_minutes_and_a_dip_starts_it_anew() -> None:
    assert indexes(heap_alert(rows(heap_inuse=[810e6] * 12))) == [10, 11]
    assert indexes(heap_alert(rows(heap_inuse=[*[810e6] * 8, 790e6, *[810e6] * 8]))) == []


def test_leakprof_wants_ten_thousand_goroutines_blocked_on_a_channel_at_one_place() -> None:
    """The blog's example: a sender whose receiver has gone, 16,000 times; spread over two places it is not seen."""
    leaking = {"example.com/a.send [chan send]": 16_000}
    spread = {"example.com/a.send [chan send]": 9_000, "example.com/b.send [chan send]": 9_000}
    waiting = {"example.com/a.lock [sync.Mutex]": 16_000}
    assert indexes(leakprof(rows(blocked=[spread, leaking, waiting, {}]))) == [1]
    assert indexes(leakprof(rows(blocked=[{"example.com/a.send [chan send]": 499}, {"b [select]": 500}]), 500)) == [1]


def test_holmes_rule_on_its_readmes_numbers() -> None:
    """Above 10 %, and 125 % of the mean, or above 80 %."""
    assert not matches([10, 10, 12], 9, MEMORY)
    assert matches([20] * 9 + [30], 30, MEMORY)
    assert not matches([20] * 9 + [24], 24, MEMORY)
    assert matches([85] * 10, 85, MEMORY)
    assert not matches([2900] * 10, 2999, GOROUTINES)
    assert matches([3000] * 9 + [4000], 4000, GOROUTINES)


def test_holmes_mean_has_the_value_itself_in_it_and_nine_samples_are_not_judged() -> None:
    """The mean of nine times 20 and one 26 is 20 in whole numbers: 26 is 25 % above it, 25 is too."""
    assert triggered([20] * 9 + [26], MEMORY) == [9]
    assert triggered([20] * 8 + [26], MEMORY) == []
    assert triggered([20] * 20 + [24], MEMORY) == []


def test_holmes_does_not_see_a_slow_leak_before_it_is_high() -> None:
    """Its readme: it finds spikes. One percent a sample is never 25 % above the last ten."""
    assert indexes(holmes(rows(percent(float(i) for i in range(40, 90))))) == list(range(41, 50))


def test_coroot_finds_ten_percent_an_hour_and_no_less() -> None:
    """1000 MiB and 12 % of it an hour, 120 samples to the hour; then 8 %."""
    leak = [1000 * MI * (1 + 0.12 * i / 120) for i in range(240)]
    slow = [1000 * MI * (1 + 0.08 * i / 120) for i in range(240)]
    assert indexes(coroot(rows(leak)))[-1] == 239
    assert coroot(rows(slow)) == []


def test_coroots_growth_is_that_of_its_line() -> None:
    hour = [(i / 2, 1000.0 * MI + 200 * MI * i / 120) for i in range(121)]
    assert growth(hour, 60.0) == pytest.approx(20.0)
    assert growth([(t, None) for t, _ in hour], 60.0) == 0.0


def test_coroot_forgets_what_was_before_a_restart_and_wants_growth_in_the_last_quarter() -> None:
    filling = [600 * MI + 400 * MI * min(1.0, i / 60) for i in range(121)]
    assert growth([(i / 2, v) for i, v in enumerate(filling)], 60.0) == 0.0
    slowing = [600 * MI + (4 * min(i, 60) + 0.5 * max(0, i - 60)) * MI for i in range(121)]
    assert growth([(i / 2, v) for i, v in enumerate(slowing)], 60.0) == 0.0
    restarted = [900.0 * MI] * 40 + [300 * MI + i * 4 * MI for i in range(81)]
    assert growth([(i / 2, v) for i, v in enumerate(restarted)], 60.0) > 100
    fell = [900.0 * MI] * 40 + [500 * MI + i * 4 * MI for i in range(81)]
    assert growth([(i / 2, v) for i, v in enumerate(fell)], 60.0) == 0.0, "no restart: it fell by less than half"


def test_precog_finds_a_straight_line_that_meets_the_limit_within_the_critical_time() -> None:
    """From 50 %, 0.4 % a point: 6 h of it are 72 points, and the limit comes before seven days."""
    line = [50 + 0.4 * i for i in range(90)]
    assert minutes_left(line) == pytest.approx((100 - 50 - 0.4 * 89) / (0.4 / 5), rel=0.2)
    assert minutes_left(line[:70]) is None
    assert minutes_left([50 + 0.0001 * i for i in range(90)]) is None, "the limit is years away"
    assert indexes(precog(rows(percent(line))))[0] == 72


def test_precog_wants_a_straight_line_and_forty_percent() -> None:
    random = Random(3)
    assert minutes_left([50 + 10 * random.random() for _ in range(150)]) is None
    assert minutes_left([45 + 0.1 * i + 20 * (i % 40 < 20) for i in range(150)]) is None, "it rises, but in steps"
    assert minutes_left([10 + 0.2 * i for i in range(100)]) is None


def test_precog_draws_its_line_from_a_change_point() -> None:
    """A level, a fall, then a leak: from the fall on a straight line, though not over everything."""
    flat = [60 + 0.01 * (i % 2) for i in range(150)]
    values = [*flat, *(45 + 0.2 * i for i in range(160))]
    assert change_points(smoothed(values))[:2] == [0, 155]
    assert minutes_left(values) is not None


def test_mann_kendalls_statistic_on_gilberts_example() -> None:
    """Gilbert 1987, section 16.4.1: yearly means 10, 15, 14, 20 have S = 4 of 6 pairs; and one with ties."""
    values = [10.0, 15.0, 14.0, 20.0]
    total = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1 :])
    assert total == 4
    assert z_score(total, 4, Counter(values)) == pytest.approx(3 / math.sqrt(4 * 3 * 13 / 18))
    assert z_score(5, 4, Counter([1.0, 1.0, 2.0, 3.0])) == pytest.approx(4 / math.sqrt((4 * 3 * 13 - 2 * 1 * 9) / 18))
    assert z_score(0, 4, Counter([1.0] * 4)) == 0.0


def test_mann_kendall_from_ten_points_on_at_95_percent() -> None:
    """Ten rising values: S = 45, variance 125, Z = 44 / 11.18."""
    assert list(scores([float(i) for i in range(10)]))[9] == pytest.approx(44 / math.sqrt(125))
    assert indexes(mann_kendall(rows(live=[float(i) for i in range(12)]))) == [9, 10, 11]
    assert indexes(mann_kendall(rows(live=list(chain(repeat(5.0, 30)))))) == []


def test_a_line_through_points() -> None:
    assert fit([(0, 1), (1, 3), (2, 5)]) == (2.0, 1.0)
    assert r_squared([(0, 1), (1, 3), (2, 5)]) == 1.0
    assert r_squared([(0, 1), (1, 1)]) == 0.0
