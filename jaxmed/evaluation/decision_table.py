"""A decision table: what happens to 1,000 patients at an operating point."""

from __future__ import annotations

import dataclasses

from jaxmed import checks
from jaxmed.evaluation.decisions import OperatingPoint
from jaxmed.evaluation.tables import aligned_table


@dataclasses.dataclass(frozen=True)
class DecisionTable:
    """Expected whole numbers among `patients`; it prints as a table of two by two.

    Attributes:
        positive: the name of the positive class.
        patients: how many there are.
        prevalence: the share of them that is of the positive class.
        threshold: from which probability on `positive` is called.
        found: cases of `positive` that are called so.
        missed: cases of `positive` that are not.
        wrongly_called: others that are called `positive`.
        rightly_spared: others that are not.
    """

    positive: str
    patients: int
    prevalence: float
    threshold: float
    found: int
    missed: int
    wrongly_called: int
    rightly_spared: int

    def rows(self) -> list[tuple[str, str, str, str]]:
        """The cells with their margins, as they are printed."""
        return [
            self._row(f"called {self.positive}", self.found, self.wrongly_called),
            self._row("not called", self.missed, self.rightly_spared),
            self._row("all", self.found + self.missed, self.wrongly_called + self.rightly_spared),
        ]

    def sentences(self) -> list[str]:
        """The table in words."""
        cases, called = self.found + self.missed, self.found + self.wrongly_called
        sentences = [
            f"Of {self.patients:,} patients, {cases:,} are cases of {self.positive}: "
            f"{self.found:,} are found and {self.missed:,} are missed.",
            f"Of the {self.patients - cases:,} others, {self.wrongly_called:,} are wrongly called "
            f"{self.positive}.",
        ]
        if called:
            sentences.append(
                f"Of the {called:,} who are called {self.positive}, {self.found:,} are cases."
            )
        return sentences

    def __str__(self) -> str:
        title = (
            f"Of {self.patients:,} patients at a prevalence of {self.prevalence:.3g}, called "
            f"{self.positive} where its probability is at least {self.threshold:.6g}"
        )
        heads = ("", self.positive, "others", "all")
        table = aligned_table(title, self.rows(), heads, numbers=(1, 2, 3))
        return "\n".join([table, *(f"  {sentence}" for sentence in self.sentences())])

    def _row(self, name: str, cases: int, others: int) -> tuple[str, str, str, str]:
        return name, f"{cases:,}", f"{others:,}", f"{cases + others:,}"


def decision_table(
    point: OperatingPoint, *, prevalence: float | None = None, patients: int = 1000
) -> DecisionTable:
    """How many of 1,000 patients are found, missed and wrongly called at an operating point.

    Expected numbers from the sensitivity and specificity of the point: they assume that both are
    the same where the prevalence is another. The margins are rounded first, so that rows and
    columns sum up; how certain the numbers are, the intervals of `point` say.

    Args:
        point: preferably of test data, `operating_point(...)`.
        prevalence: in (0, 1), where the model will be used; by default the one that the point was
            made with, or else that of its data.
        patients: how many.

    Returns:
        The four numbers.

    Raises:
        ValueError: if an argument is of another kind or lies outside its range.

    Example:
        >>> point = OperatingPoint(0.3, "pneumonia", 90, 20, 10, 80)
        >>> print(decision_table(point, prevalence=0.05))
        Of 1,000 patients at a prevalence of 0.05, called pneumonia where its probability is at \
least 0.3
                            pneumonia  others    all
          called pneumonia         45     190    235
          not called                5     760    765
          all                      50     950  1,000
          Of 1,000 patients, 50 are cases of pneumonia: 45 are found and 5 are missed.
          Of the 950 others, 190 are wrongly called pneumonia.
          Of the 235 who are called pneumonia, 45 are cases.

    References:
        Gigerenzer et al., Helping doctors and patients make sense of health statistics, 2007
        (natural frequencies).
    """
    checks.made_by("point", point, OperatingPoint, "an OperatingPoint, as operating_point(...)")
    patients = checks.whole("patients", patients)
    if prevalence is None:
        prevalence = point.given_prevalence or point.prevalence
    checks.fraction("prevalence", prevalence, above_zero=True, below_one=True)
    cases = round(patients * float(prevalence))
    found = round(cases * point.sensitivity.value)
    spared = round((patients - cases) * point.specificity.value)
    return DecisionTable(
        point.positive,
        patients,
        float(prevalence),
        point.threshold,
        found,
        cases - found,
        patients - cases - spared,
        spared,
    )
