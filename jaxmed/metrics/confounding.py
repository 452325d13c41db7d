"""How strong an unmeasured confounder would have to be to explain an effect away."""

from typing import NamedTuple

import numpy as np

from jaxmed import checks

__all__ = ["EValue", "e_value", "risk_ratio_of_difference"]

_MOST = 1e100


class EValue(NamedTuple):
    """How strong unmeasured confounding would have to be, as risk ratios of at least 1.

    Attributes:
        estimate: to explain the estimate away.
        limit: to move the interval to the null; 1 where it holds the null, None without interval.
    """

    estimate: float
    limit: float | None


def e_value(risk_ratio: float, *, lower: float | None = None, upper: float | None = None) -> EValue:
    """The E-value of a risk ratio.

        E = RR + sqrt(RR (RR - 1)),  with 1 / RR in place of RR where it is below 1

    An unmeasured confounder could explain the estimate only if it were related to the treatment and
    to the outcome by risk ratios of at least E each, beyond the measured ones. A large E is no
    proof that there is no such confounder.

    Args:
        risk_ratio: RR, above 0; of a measured outcome see `risk_ratio_of_difference`.
        lower: the lower limit of its interval, above 0 and at most `risk_ratio`.
        upper: the upper limit, at least `risk_ratio`.

    Returns:
        E of the estimate, and of the limit that is closer to 1.

    Raises:
        ValueError: if a number is not above 0, or the limits do not enclose the estimate.

    Example:
        >>> round(e_value(3.9, lower=1.8, upper=8.7).estimate, 2)
        7.26

    References:
        VanderWeele and Ding, Sensitivity analysis in observational research: introducing the
        E-value, 2017.
    """
    given = {"risk_ratio": risk_ratio, "lower": lower, "upper": upper}
    for name, value in given.items():
        if value is not None or name == "risk_ratio":
            checks.real(name, value, f"above 0 and at most {_MOST:g}", lambda x: 0 < x <= _MOST)
    if (lower is None) != (upper is None):
        raise ValueError(
            f"lower is {lower} and upper is {upper}, but an interval has both: pass both or none."
        )
    estimate = _above_one(float(risk_ratio))
    if lower is None or upper is None:
        return EValue(estimate, None)
    if not lower <= risk_ratio <= upper:
        raise ValueError(
            f"lower is {lower} and upper is {upper}, but they must enclose the risk_ratio "
            f"{risk_ratio}: pass the ends of its interval."
        )
    if lower <= 1 <= upper:
        return EValue(estimate, 1.0)
    return EValue(estimate, _above_one(float(lower if risk_ratio > 1 else upper)))


def risk_ratio_of_difference(difference: float, deviation: float) -> float:
    """The risk ratio that stands for a difference of means, for `e_value`.

        RR = exp(0.91 difference / deviation)

    It approximates the risk ratio of being above a threshold, whichever is chosen.

    Args:
        difference: of the mean outcomes of both arms, in the unit of the outcome.
        deviation: the standard deviation of the outcome, above 0.

    Example:
        >>> risk_ratio_of_difference(0.0, 2.0)
        1.0

    References:
        VanderWeele and Ding, 2017, table 2; Chinn, A simple method for converting an odds ratio to
        effect size for use in meta-analysis, 2000.
    """
    checks.finite("difference", difference)
    checks.positive("deviation", deviation)
    exponent = 0.91 * float(difference) / float(deviation)
    if abs(exponent) > np.log(_MOST):
        raise ValueError(
            f"difference is {difference}, {exponent / 0.91:g} deviations, but no risk ratio stands "
            "for so many: check the unit of both."
        )
    return float(np.exp(exponent))


def _above_one(ratio: float) -> float:
    above = max(ratio, 1 / ratio)
    return above + float(np.sqrt(above) * np.sqrt(above - 1))
