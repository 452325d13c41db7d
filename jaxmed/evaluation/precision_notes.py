"""Where an interval is too wide to decide, and about how many cases would make it narrow enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.evaluate import Evaluation
from jaxmed.evaluation.tables import interval_text, metric_text
from jaxmed.metrics.bootstrap import Interval
from jaxmed.metrics.proportions import wilson_ends
from jaxmed.tasks.judge import Part

_MOST = 10_000_000


def precision_notes(
    evaluation: Evaluation,
    *,
    half_width: float = 0.05,
    required: Mapping[str, float] | None = None,
) -> list[str]:
    """One sentence per metric that is not known well enough, and about what that would take.

    A metric is not known well enough if half its interval is wider than `half_width`, or if the
    interval holds the value that is required of it. The sample that would do, with the same
    estimate:

    - of proportions (`Judge.proportions`: of two classes sensitivity, specificity and accuracy)
      with one row per patient, the smallest number of cases (positive, other, all) whose Wilson
      interval is narrow enough; Wilson's interval is also the one that is judged, as the
      bootstrap's has no width where all are right;
    - of all others, the number at hand times (half the interval / what is wanted)^2, since an
      interval shrinks with the square root of the number of patients.

    It is a rule for planning: the next sample has another estimate. Metrics that are not between 0
    and 1, such as errors in mm, are compared with `half_width` too: pass one in their unit.

    Args:
        evaluation: whose metrics have intervals.
        half_width: half of the widest interval that decides, above 0.
        required: values that metrics must reach, by their names.

    Returns:
        Sentences, none where all is known well enough. Metrics without an interval have a sentence
        that says so.

    Raises:
        ValueError: if an argument is of another kind or lies outside its range, or `required` names
            a metric that is not there.

    References:
        Buderer, Statistical methodology: I. Incorporating the prevalence of disease into the sample
        size calculation for sensitivity and specificity, 1996; Riley et al., Minimum sample size
        for external validation of a clinical prediction model with a binary outcome, 2021.
    """
    checks.made_by("evaluation", evaluation, Evaluation, "an Evaluation, such as evaluate(...)")
    checks.positive("half_width", half_width)
    level = evaluation.level
    wanted = _checked(required, evaluation.metrics)
    samples = _Samples(evaluation)
    notes = []
    for name, metric in evaluation.metrics.items():
        subject = evaluation.judge.subjects.get(name)
        shown = f"{name} ({subject})" if subject else name
        if math.isnan(metric.low) or math.isnan(metric.high):
            notes.append(f"{shown} has no interval: how well it is known cannot be said.")
            continue
        metric = samples.known(name, metric, level)
        if metric.low == metric.high:
            notes.append(
                f"{shown} is {metric_text(metric.value)} in all resamples, as if it were exact: "
                "how well it is known cannot be said."
            )
            continue
        if name in wanted and metric.low < wanted[name] <= metric.high:
            notes.append(_of_required(samples, name, shown, metric, wanted[name], level))
        elif (metric.high - metric.low) / 2 > half_width:
            notes.append(_of_width(samples, name, shown, metric, float(half_width), level))
    return notes


class _Samples:
    """Which rows a proportion is of, and how many there are."""

    def __init__(self, evaluation: Evaluation):
        table, classes = evaluation.predictions, evaluation.judge.classes
        self.rows = len(next(iter(table.values())))
        self.patients = evaluation.groups or self.rows
        self.unit = "rows" if evaluation.groups is None else "patients"
        self.of: dict[str, tuple[int, str]] = {}
        if classes is not None and classes.positive is not None and self.patients == self.rows:
            positives = int((np.asarray(classes.truth(table)) == 1).sum())
            parts: dict[Part, tuple[int, str]] = {
                "positives": (positives, f"cases of {classes.positive}"),
                "negatives": (self.rows - positives, f"cases other than {classes.positive}"),
                "rows": (self.rows, self.unit),
            }
            self.of = {name: parts[part] for name, part in evaluation.judge.proportions.items()}

    def known(self, name: str, metric: Interval, level: float) -> Interval:
        """The metric with Wilson's interval where it is a proportion.

        The bootstrap interval of a sensitivity of 1 has no width, however few cases there are.
        """
        if name not in self.of:
            return metric
        return Interval(metric.value, *wilson_ends(metric.value, self.of[name][0], level))

    def sentence(self, name: str, needed: int | None) -> str:
        """What a number of cases is of; and of how many rows, where these are a part of all."""
        count, unit = self.of.get(name, (self.patients, self.unit))
        if needed is None:
            return f"more than {_MOST:,} {unit} would be needed (now {count:,})"
        whole = ""
        if name in self.of and unit != self.unit and count:
            whole = f", which are about {math.ceil(needed * self.rows / count):,} rows"
        return f"about {needed:,} {unit} would be needed (now {count:,}){whole}"


def _of_width(
    samples: _Samples, name: str, shown: str, metric: Interval, half: float, level: float
) -> str:
    def narrow(count: int) -> bool:
        low, high = wilson_ends(metric.value, count, level)
        return (high - low) / 2 <= half

    own = (metric.high - metric.low) / 2
    needed = _needed(samples, name, (own / half) ** 2, narrow)
    return (
        f"{shown} is {metric_text(metric.value)} {interval_text(metric)}, known to "
        f"\N{PLUS-MINUS SIGN}{own:.2g} only: for \N{PLUS-MINUS SIGN}{half:g}, "
        f"{samples.sentence(name, needed)}."
    )


def _of_required(
    samples: _Samples, name: str, shown: str, metric: Interval, required: float, level: float
) -> str:
    start = (
        f"{shown} is {metric_text(metric.value)} {interval_text(metric)}, an interval that holds "
        f"the required {required:g}"
    )
    distance = metric.value - required
    if abs(distance) < 1e-9:
        return f"{start}, which is the estimate itself: no number of cases would decide."
    side = metric.value - metric.low if distance > 0 else metric.high - metric.value

    def decides(count: int) -> bool:
        low, high = wilson_ends(metric.value, count, level)
        return low >= required if distance > 0 else high < required

    needed = _needed(samples, name, (side / distance) ** 2, decides)
    return f"{start}: to decide, {samples.sentence(name, needed)}."


def _needed(
    samples: _Samples, name: str, factor: float, holds: Callable[[int], bool]
) -> int | None:
    """The smallest number of cases that is enough; None beyond ten million."""
    if name not in samples.of:
        needed = math.ceil(samples.patients * min(factor, _MOST))
        return needed if needed <= _MOST else None
    if not holds(_MOST):
        return None
    low, high = 0, _MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _checked(
    required: Mapping[str, float] | None, metrics: Mapping[str, object]
) -> dict[str, float]:
    if required is None:
        return {}
    if not isinstance(required, Mapping):
        raise ValueError(
            f"required is {checks.shown(required)}, but must map names of metrics to numbers: pass "
            "a dict."
        )
    for name, value in required.items():
        checks.known("required", name, metrics)
        checks.finite(f"required[{name!r}]", value)
    return {name: float(value) for name, value in required.items()}
