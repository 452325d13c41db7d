"""Decisions of a model at one threshold: how many are right, and what an answer then means.

Rows are assumed to be independent: if patients have several rows, the intervals here are too narrow
and those of `evaluate`, by patient, are the ones to report.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.tables import aligned_table, interval_text, metric_text
from jaxmed.metrics.arguments import check_both_classes, positives_and_score
from jaxmed.metrics.bootstrap import Interval
from jaxmed.metrics.likelihood import LikelihoodRatios, likelihood_ratios_of_counts
from jaxmed.metrics.proportions import proportion_interval
from jaxmed.tasks import Classes, Judge
from jaxmed.typing import Float, Num


@dataclasses.dataclass(frozen=True)
class OperatingPoint:
    """How a model decides at one threshold. It prints as a table.

    Attributes:
        threshold: `positive` is called where its probability is at least this.
        positive: the name of the positive class.
        true_positives: cases of `positive` that are called so.
        false_positives: other cases that are called `positive`.
        false_negatives: cases of `positive` that are not called so.
        true_negatives: other cases that are not called `positive`.
        level: nominal coverage of all intervals.
        method: of the intervals of proportions, "exact" or "wilson".
        given_prevalence: another share of `positive` than that of the data, or None.
    """

    threshold: float
    positive: str
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    level: float = 0.95
    method: str = "exact"
    given_prevalence: float | None = None

    @property
    def cases(self) -> int:
        """How many rows are of the positive class."""
        return self.true_positives + self.false_negatives

    @property
    def others(self) -> int:
        """How many rows are not."""
        return self.false_positives + self.true_negatives

    @property
    def prevalence(self) -> float:
        """The share of the positive class in the data."""
        return self.cases / (self.cases + self.others)

    @property
    def sensitivity(self) -> Interval:
        """The share of the positive class that is found."""
        return self._share(self.true_positives, self.cases)

    @property
    def specificity(self) -> Interval:
        """The share of the other class that is not called positive."""
        return self._share(self.true_negatives, self.others)

    @property
    def ppv(self) -> Interval:
        """Positive predictive value at the prevalence of the data; NaN where none is called."""
        return self._share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def npv(self) -> Interval:
        """Negative predictive value at the prevalence of the data; NaN where all are called."""
        return self._share(self.true_negatives, self.true_negatives + self.false_negatives)

    @property
    def likelihood_ratios(self) -> LikelihoodRatios:
        """Ratios of a positive and of a negative answer, as in `metrics.likelihood_ratios`."""
        return likelihood_ratios_of_counts(
            self.true_positives,
            self.false_positives,
            self.false_negatives,
            self.true_negatives,
            level=self.level,
        )

    def ppv_at(self, prevalence: float) -> Interval:
        """Positive predictive value where this share of the patients is of the positive class.

        Bayes' rule with the sensitivity and specificity of the data; the interval is that of the
        likelihood ratio, which is the logit interval of Mercaldo, Lau and Zhou, 2007.

        Args:
            prevalence: in (0, 1).
        """
        return _after(prevalence, self.likelihood_ratios.positive)

    def npv_at(self, prevalence: float) -> Interval:
        """Negative predictive value at another prevalence, likewise.

        Args:
            prevalence: in (0, 1).
        """
        missed = _after(prevalence, self.likelihood_ratios.negative)
        return Interval(1 - missed.value, 1 - missed.high, 1 - missed.low)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Name, value, interval and counts of each number, as they are printed."""
        tp, fp = self.true_positives, self.false_positives
        fn, tn = self.false_negatives, self.true_negatives
        ratios, own = self.likelihood_ratios, metric_text(self.prevalence)
        found = [
            ("sensitivity", self.sensitivity, f"{tp} of {self.cases} {self.positive}"),
            ("specificity", self.specificity, f"{tn} of {self.others} others"),
            (f"PPV, prevalence {own}", self.ppv, f"{tp} of {tp + fp} called"),
            (f"NPV, prevalence {own}", self.npv, f"{tn} of {tn + fn} not called"),
        ]
        if self.given_prevalence is not None:
            given = metric_text(self.given_prevalence)
            found += [
                (f"PPV, prevalence {given}", self.ppv_at(self.given_prevalence), "Bayes"),
                (f"NPV, prevalence {given}", self.npv_at(self.given_prevalence), "Bayes"),
            ]
        found += [("LR+", ratios.positive, ""), ("LR-", ratios.negative, "")]
        return [
            (f"{name} ({self.positive})", metric_text(of.value), interval_text(of), counts)
            for name, of, counts in found
        ]

    def __str__(self) -> str:
        title = f"{self.positive} is called where its probability is at least {self.threshold:.6g}"
        return aligned_table(title, self.rows(), numbers=(1,))

    def _share(self, count: int, total: int) -> Interval:
        return proportion_interval(count, total, level=self.level, method=self.method)


def operating_point(
    label: Num[np.ndarray, " rows"],
    probabilities: Float[np.ndarray, "rows 2"],
    threshold: float,
    *,
    positive: str,
    level: float = 0.95,
    method: str = "exact",
    prevalence: float | None = None,
) -> OperatingPoint:
    """How a model decides at a fixed threshold, such as one chosen on validation data.

    Args:
        label: [rows], 0 or 1, both there.
        probabilities: [rows, 2]; class 1 is the positive class.
        threshold: in [0, 1]; positive is `probability >= threshold`.
        positive: the name of the positive class, `judge.classes.positive`.
        level: of the intervals, in (0, 1).
        method: "exact" (Clopper and Pearson) or "wilson", of the intervals of proportions.
        prevalence: in (0, 1), where the model will be used; predictive values are given for it too.

    Returns:
        Counts at the threshold, and what follows from them.

    Raises:
        ValueError: if shapes disagree, a class has no rows, or an argument lies outside its range.

    Example:
        >>> p = np.array([0.1, 0.6, 0.2, 0.7, 0.9, 0.4])
        >>> truth, p = np.array([0, 0, 0, 1, 1, 1]), np.stack([1 - p, p], axis=1)
        >>> print(operating_point(truth, p, 0.4, positive="pneumonia"))
        pneumonia is called where its probability is at least 0.4
          sensitivity (pneumonia)            1.000  [0.292, 1.000]  3 of 3 pneumonia
          specificity (pneumonia)            0.667  [0.094, 0.992]  2 of 3 others
          PPV, prevalence 0.500 (pneumonia)  0.750  [0.194, 0.994]  3 of 4 called
          NPV, prevalence 0.500 (pneumonia)  1.000  [0.158, 1.000]  2 of 2 not called
          LR+ (pneumonia)                    3.000  [0.624, 8.719]
          LR- (pneumonia)                    0.000  [0.000, 2.981]

    References:
        Altman and Bland, Diagnostic tests 1 and 2, 1994.
    """
    checks.fraction("threshold", threshold)
    is_positive, score = two_classes(label, probabilities, positive, level, method, prevalence)
    called = score >= float(threshold)
    return OperatingPoint(
        float(threshold),
        positive,
        int((called & is_positive).sum()),
        int((called & ~is_positive).sum()),
        int((~called & is_positive).sum()),
        int((~called & ~is_positive).sum()),
        float(level),
        method,
        None if prevalence is None else float(prevalence),
    )


def two_classes_of(judge: Judge) -> tuple[Classes, str]:
    """How a judge of two classes reads them, and the name of the positive one."""
    checks.made_by("judge", judge, Judge, "a Judge, such as Evaluation.judge")
    if judge.classes is None or judge.classes.positive is None:
        raise ValueError(
            "judge has no positive class, but must be of one answer out of two classes: pass that "
            "of a binary classification."
        )
    return judge.classes, judge.classes.positive


def two_classes(
    label: np.ndarray,
    probabilities: np.ndarray,
    positive: str,
    level: float,
    method: str,
    prevalence: float | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are positive and their probability; all arguments checked."""
    checks.text("positive", positive)
    if prevalence is not None:
        checks.fraction("prevalence", prevalence, above_zero=True, below_one=True)
    proportion_interval(0, 1, level=level, method=method)
    is_positive, score = positives_and_score(label, probabilities)
    check_both_classes(is_positive)
    return is_positive, score


def _after(prevalence: float, ratio: Interval) -> Interval:
    """The probability after an answer: odds before it times the likelihood ratio."""
    checks.fraction("prevalence", prevalence, above_zero=True, below_one=True)
    before = float(prevalence) / (1 - float(prevalence))
    return Interval(*(1.0 if math.isinf(x) else before * x / (1 + before * x) for x in ratio))
