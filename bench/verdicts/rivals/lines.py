"""Straight lines through points, for the rivals that draw them."""

from __future__ import annotations

from collections.abc import Sequence


def fit(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Least squares: the slope, and the level at time 0. At least one point; a slope of 0 where all share one time."""
    n = len(points)
    mean_t = sum(t for t, _ in points) / n
    mean_v = sum(v for _, v in points) / n
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    slope = sum((t - mean_t) * (v - mean_v) for t, v in points) / spread if spread else 0.0
    return slope, mean_v - slope * mean_t


def r_squared(points: Sequence[tuple[float, float]]) -> float:
    """How much of the variance the line explains; 0 for a constant."""
    slope, level = fit(points)
    mean = sum(v for _, v in points) / len(points)
    total = sum((v - mean) ** 2 for _, v in points)
    left = sum((v - level - slope * t) ** 2 for t, v in points)
    return 1 - left / total if total else 0.0
