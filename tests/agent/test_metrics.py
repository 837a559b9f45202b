"""Metrics against hand-worked cases and against slow, independent implementations."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from atp import metrics
from atp.metrics import EpisodeMetric, EpisodeScores, StepData, StepMetric, StepScores

NAN = math.nan


def blank():
    return np.zeros((20, 30), np.uint8)


def two_parts():
    labels = blank()
    labels[2:8, 2:12] = 1  # 60 pixels
    labels[12:18, 2:12] = 2  # 60 pixels
    return labels


def random_labels(rng, parts, noise):
    """Boxes, some of which overlap, with salt."""
    labels = blank()
    for part in range(1, parts + 1):
        r, c = rng.integers(0, 12), rng.integers(0, 20)
        labels[r : r + rng.integers(3, 9), c : c + rng.integers(3, 11)] = part
    salt = rng.random(labels.shape) < noise
    labels[salt] = rng.integers(0, parts + 1, np.count_nonzero(salt))
    return labels


def parts_of(labels):
    return [labels == p for p in range(1, 16) if np.sum(labels == p) >= 20]


def brute_force_pairs(pred, true):
    """All one-to-one assignments, tried one by one: the IoUs and the pairs of the best."""
    a, b = parts_of(pred), parts_of(true)
    size = max(len(a), len(b))
    best, best_pairs = -1.0, []
    for order in itertools.permutations(range(size)):
        total, pairs = 0.0, []
        for i, j in enumerate(order):
            if i < len(a) and j < len(b):
                iou = np.sum(a[i] * b[j]) / np.sum((a[i] + b[j]) > 0)
                total += iou
                if iou > 0:
                    pairs.append((a[i], b[j]))
        if total > best:
            best, best_pairs = total, pairs
    return best, best_pairs, size


def brute_force_hd(a, b):
    distances = cdist(np.argwhere(a), np.argwhere(b))
    return max(np.percentile(distances.min(1), 95), np.percentile(distances.min(0), 95))


def test_perfect_prediction_with_other_label_numbers():
    true = two_parts()
    pred = np.array([0, 7, 3], np.uint8)[true]
    assert metrics.miou(pred, true) == 1.0
    assert metrics.hd95(pred, true) == 0.0


def test_one_of_two_parts_found_caps_at_half():
    true = two_parts()
    pred = np.where(true == 1, 5, 0).astype(np.uint8)
    diagonal = math.hypot(20, 30)
    assert metrics.miou(pred, true) == 0.5
    assert metrics.hd95(pred, true) == pytest.approx(diagonal / 2)
    assert metrics.score_memory(pred, true) == pytest.approx((0.5, 0.5, diagonal / 2))


def test_extra_part_counts_against():
    true = two_parts()
    pred = true.copy()
    pred[2:8, 20:24] = 3
    assert metrics.miou(pred, true) == pytest.approx(2 / 3)
    assert metrics.score_memory(pred, true)[1] == 0.5


def test_merged_parts():
    true = two_parts()
    pred = (true > 0).astype(np.uint8)
    assert metrics.miou(pred, true) == pytest.approx((60 / 120) / 2)


def test_shifted_part_by_hand():
    true, pred = blank(), blank()
    true[0:10, 0:10] = 1
    pred[0:10, 5:15] = 1
    assert metrics.miou(pred, true) == pytest.approx(50 / 150)
    # Five columns lie outside the other mask, at distances 1..5, ten pixels each; 95 % of 100 pixels: sorted,
    # items 94 and 95 (from 0) are both 5.
    assert metrics.hd95(pred, true) == pytest.approx(5.0)


def test_greedy_matching_would_be_worse():
    true, pred = blank(), blank()
    true[0:4, 0:10], true[0:4, 10:16] = 1, 2
    pred[0:4, 4:16], pred[0:4, 0:4] = 1, 1
    pred[4:8, 0:10] = 2
    true[4:8, 0:2] = 1
    best, _, size = brute_force_pairs(pred, true)
    assert metrics.miou(pred, true) == pytest.approx(best / size)


def test_parts_below_twenty_pixels_do_not_count():
    true = two_parts()
    true[0, :19] = 3
    pred = two_parts()
    assert metrics.miou(pred, true) == 1.0
    assert metrics.miou(true, pred) == 1.0
    true[0, 19] = 3
    assert metrics.miou(pred, true) == pytest.approx(2 / 3)
    np.testing.assert_array_equal(metrics.true_labels_visible(true), true)
    np.testing.assert_array_equal(metrics.true_labels_visible(true, 21), two_parts())


def test_nothing_against_nothing_and_something():
    assert metrics.miou(blank(), blank()) == 1.0
    assert metrics.hd95(blank(), blank()) == 0.0
    assert metrics.miou(blank(), two_parts()) == 0.0
    assert metrics.miou(two_parts(), blank()) == 0.0
    assert metrics.hd95(blank(), two_parts()) == pytest.approx(math.hypot(20, 30))
    with pytest.raises(ValueError, match="at least one true part"):
        metrics.mape(2, 0)


def test_parts_without_overlap_are_not_matched():
    true, pred = blank(), blank()
    true[0:5, 0:5] = 1
    pred[10:15, 10:15] = 1
    assert metrics.match_parts(pred, true).matches == ()
    assert metrics.hd95(pred, true) == pytest.approx(math.hypot(20, 30))


@pytest.mark.parametrize("seed", range(40))
def test_against_brute_force(seed):
    rng = np.random.default_rng(seed)
    true = random_labels(rng, int(rng.integers(1, 5)), 0.02)
    pred = random_labels(rng, int(rng.integers(1, 6)), 0.05)
    if seed % 2:  # a likeness, so that overlaps are large
        pred = np.where(rng.random(true.shape) < 0.8, np.roll(true, 1, 1), pred).astype(np.uint8)
    best, pairs, size = brute_force_pairs(pred, true)
    assert metrics.miou(pred, true) == pytest.approx(best / size)
    distances = [brute_force_hd(a, b) for a, b in pairs]
    distances += [math.hypot(20, 30)] * (size - len(pairs))
    assert metrics.hd95(pred, true) == pytest.approx(np.mean(distances))


def test_mape_is_a_fraction_of_the_true_number():
    assert metrics.mape(3, 2) == 0.5
    assert metrics.mape(1, 2) == 0.5
    assert metrics.mape(3, 3) == 0.0
    assert metrics.mape(9, 3) == 2.0


def test_mask_iou():
    a, b = two_parts() == 1, two_parts() > 0
    none = blank() > 0
    assert metrics.mask_iou(a, b) == 0.5
    assert metrics.mask_iou(none, none) == 1.0
    assert metrics.mask_iou(a, none) == 0.0


def test_part_areas():
    assert metrics.part_areas(two_parts()) == {1: 60, 2: 60}
    assert metrics.part_areas(blank()) == {}


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="alike"):
        metrics.miou(two_parts(), two_parts()[:, 1:])


def test_motion_scores():
    moved, none = two_parts() == 1, blank() > 0
    half = moved.copy()
    half[2:5] = False
    assert metrics.score_motion(half, moved, moved, moved)[0] == pytest.approx(0.75)
    assert math.isnan(metrics.score_motion(half, moved, moved, moved)[1])
    assert metrics.score_motion(none, none, moved, moved)[0] == 0.0
    speck = none.copy()
    speck[0, :20] = True
    assert metrics.score_motion(speck, speck, none, none)[1] == 0.0
    speck[0, 20] = True
    iou, false = metrics.score_motion(none, speck, none, none)
    assert math.isnan(iou)
    assert false == 1.0


def step(miou, effective=False, optimal=False, motion=NAN, false=NAN, mape=0.5, hd95=10.0):
    return StepScores({
        "miou": miou, "mape": mape, "hd95": hd95, "effective_rate": effective, "optimal_rate": optimal,
        "optimal_rate_first_n": optimal, "motion_iou": motion, "false_motion_rate": false,
    })  # fmt: skip


def episodes_of(*num_parts):
    steps = [
        [step(0.0, false=1.0), step(0.5, True, True, 0.8), step(0.9, True, False, 0.6, mape=0.0, hd95=2.0)],
        [step(0.4, True, True, 0.4), step(0.7, false=0.0, hd95=4.0)],
    ]
    return [EpisodeScores(some, n) for some, n in zip(steps, num_parts, strict=True)]


def test_summary_by_hand():
    summary = metrics.summarize(episodes_of(2, 3))
    assert summary.scores["miou"] == pytest.approx(0.8)
    assert summary.scores["mape"] == pytest.approx(0.25)
    assert summary.scores["hd95"] == pytest.approx(3.0)
    assert summary.by_interaction["miou"] == pytest.approx([0.2, 0.6, 0.9])
    assert summary.by_interaction["hd95"] == pytest.approx([10.0, 7.0, 2.0])
    assert summary.scores["effective_rate"] == pytest.approx(3 / 5)
    assert summary.scores["optimal_rate"] == pytest.approx(2 / 5)
    assert summary.scores["motion_iou"] == pytest.approx(0.6)
    assert summary.scores["false_motion_rate"] == pytest.approx(0.5)
    assert summary.scores["num_parts"] == 2.5


@pytest.mark.parametrize(("num_parts", "rate"), [((2, 2), 2 / 4), ((1, 1), 1 / 2), ((3, 1), 2 / 4), ((1, 2), 1 / 3)])
def test_optimal_rate_over_the_first_n_interactions(num_parts, rate):
    assert metrics.summarize(episodes_of(*num_parts)).scores["optimal_rate_first_n"] == pytest.approx(rate)


def test_summary_without_motion_is_json_without_nan():
    summary = metrics.summarize([EpisodeScores([step(0.0, false=0.0)], 2)])
    assert summary.scores["motion_iou"] is None
    json.dumps(vars(summary), allow_nan=False)


@pytest.mark.parametrize("episodes", [[], [[]], [[step(1.0)], []]])
def test_summary_of_nothing_is_refused(episodes):
    with pytest.raises(ValueError, match="at least one episode"):
        metrics.summarize([EpisodeScores(steps, 2) for steps in episodes])


def data(parts, true, moved, true_moved):
    return StepData(parts, metrics.true_labels_visible(true), moved, true_moved, effective=True, optimal=False)


def test_a_step_is_scored_by_every_metric_as_its_function_says():
    true, pred = two_parts(), two_parts()
    pred[2:8, 20:24] = 3
    moved, half = true == 1, (true == 1) & (np.arange(20)[:, None] < 5)
    scores = metrics.score_step(data(pred, true, (half, moved), (moved, moved)))
    assert (scores["miou"], scores["mape"], scores["hd95"]) == metrics.score_memory(pred, true)
    assert scores.motion_iou == metrics.score_motion(half, moved, moved, moved)[0] == 0.75
    assert math.isnan(scores["false_motion_rate"])
    assert (scores.effective, scores.optimal) == (True, False)
    scores = metrics.score_step(data(pred, blank(), (half, moved), (moved, moved)))  # no true part is left in view
    assert all(math.isnan(scores[key]) for key in ("miou", "mape", "hd95"))


def test_a_part_that_left_the_image_and_was_seen_to_leave_agrees():
    moved, none = two_parts() == 1, blank() > 0
    assert metrics.score_motion(moved, none, moved, none)[0] == 1.0


def test_metrics_of_steps_and_of_episodes_are_registered_in_one_place(monkeypatch):
    monkeypatch.setattr(metrics.METRICS, "_entries", dict(metrics.METRICS._entries))
    metrics.register(StepMetric("found", "parts found", value=lambda s: len(metrics.part_areas(s.parts))))
    metrics.register(EpisodeMetric("steps", "steps", value=lambda episode: len(episode.steps)))
    true = two_parts()
    scores = metrics.score_step(data(true, true, (true == 1, true == 1), (true == 1, true == 1)))
    summary = metrics.summarize([EpisodeScores([scores], 2), EpisodeScores([scores, scores], 2)])
    assert summary.scores["found"] == 2
    assert summary.by_interaction["found"] == [2, 2]
    assert summary.scores["steps"] == 1.5
    with pytest.raises(ValueError, match="'policy' cannot be the key"):
        metrics.register(StepMetric("policy", "policy"))


def test_across_seeds():
    assert metrics.across_seeds([1.0, 2.0, 3.0]) == pytest.approx((2.0, 1.0))
    assert metrics.across_seeds([0.7]) == (0.7, 0.0)
