"""How far the representations of two treatment arms are apart: penalties of a batch, per row.

A penalty D of a batch is a number of all its rows. Tasks have one loss per row, so each row gets a
share of it, and the mean of the shares over the real rows is D. Padding has the share 0. The rows
are those of all devices that hold the batch, so the penalty is the same under every placement. A
batch in which an arm has no row has no penalty. Because a share depends on the other rows, private
training by gradients of single rows is not possible with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import first_row, gathered
from jaxmed.typing import Array, Float

Balance: TypeAlias = Callable[[Array, Array, Array], Array]
"""(representation [batch, width], treatment [batch], mask [batch]) -> shares [batch]."""


def mmd_balance(scale: float = 1.0) -> Balance:
    """The squared maximum mean discrepancy of both arms, with a Gaussian kernel.

        MMD^2 = sum_ij a_i a_j exp(-|h_i - h_j|^2 / (2 scale^2)),
        a_i = 1/n1 for treated rows, -1/n0 for others

    The share of row i among n real rows is n a_i sum_j a_j k_ij.

    Args:
        scale: of the kernel, in units of the representation, above 0.

    Returns:
        `(representation, treatment, mask) -> shares [batch]`.

    References:
        Gretton et al., A kernel two-sample test, 2012, equation 5; Shalit et al. 2017, appendix B.
    """
    checks.positive("scale", scale)

    def balance(
        representation: Float[Array, "batch width"],
        treatment: Float[Array, " batch"],
        mask: Float[Array, " batch"],
    ) -> Float[Array, " batch"]:
        h, t, real = map(gathered, (representation, treatment, mask > 0))
        treated, others = _shares_of_arms(t, real)
        signed = treated - others
        signed = jnp.where((treated.sum() > 0) & (others.sum() > 0), signed, 0.0)
        kernel = jnp.exp(-_squared_distances(h, h) / (2 * scale**2))
        return _own(real.sum() * signed * (kernel @ signed), mask)

    return balance


def wasserstein_balance(regularization: float = 0.1, iterations: int = 20) -> Balance:
    """The cost of moving the treated rows onto the others: entropic optimal transport.

        D = sum_ij P_ij |h_i - h_j|^2

    with the plan P that Sinkhorn's iterations find for the cost plus `regularization` times the
    mean cost times the negative entropy of P. The plan is held fixed in the gradient, which is then
    that of the regularized cost at its optimum. A row has half of the cost of what is moved from or
    to it, times the number of real rows.

    Args:
        regularization: above 0; smaller is closer to the exact cost and needs more iterations.
        iterations: of Sinkhorn's algorithm, at least 1.

    Returns:
        `(representation, treatment, mask) -> shares [batch]`.

    References:
        Cuturi, Sinkhorn distances, 2013, algorithm 1; Shalit et al. 2017, appendix B.
    """
    checks.positive("regularization", regularization)
    iterations = checks.whole("iterations", iterations, most=100_000)

    def balance(
        representation: Float[Array, "batch width"],
        treatment: Float[Array, " batch"],
        mask: Float[Array, " batch"],
    ) -> Float[Array, " batch"]:
        h, t, real = map(gathered, (representation, treatment, mask > 0))
        cost = _squared_distances(h, h)
        plan = jax.lax.stop_gradient(
            _plan(cost, *_shares_of_arms(t, real), regularization, iterations)
        )
        moved = plan * cost
        return _own(real.sum() * (moved.sum(1) + moved.sum(0)) / 2, mask)

    return balance


def _plan(
    cost: Array, treated: Array, others: Array, regularization: float, iterations: int
) -> Array:
    """How much of each treated row (first axis) is moved to each other row [rows, rows]."""
    mean_cost = treated @ cost @ others
    scaled = -cost / jnp.maximum(regularization * mean_cost, 1e-12)
    rows, columns = jnp.log(treated), jnp.log(others)  # -inf for rows that are not of the arm

    def step(_: Array, potentials: tuple[Array, Array]) -> tuple[Array, Array]:
        g = potentials[1]
        f = -jax.nn.logsumexp(scaled + (g + columns)[None], axis=1)
        return f, -jax.nn.logsumexp(scaled + (f + rows)[:, None], axis=0)

    zeros = jnp.zeros_like(treated)
    f, g = jax.lax.fori_loop(0, iterations, step, (zeros, zeros))
    plan = jnp.exp((f + rows)[:, None] + (g + columns)[None] + scaled)
    return jnp.where((treated.sum() > 0) & (others.sum() > 0), plan, 0.0)


def _shares_of_arms(treatment: Array, real: Array) -> tuple[Array, Array]:
    """1 / rows of the arm for its real rows, else 0; of the treated and of the others."""
    arms = [jnp.where(real & (treatment == arm), 1.0, 0.0) for arm in (1, 0)]
    treated, others = (arm / jnp.maximum(arm.sum(), 1) for arm in arms)
    return treated, others


def _squared_distances(a: Array, b: Array) -> Array:
    return jnp.square(a[:, None] - b[None]).sum(-1)


def _own(shares: Array, mask: Array) -> Array:
    """The shares of the rows of this device."""
    return shares[first_row(len(mask)) + jnp.arange(len(mask))]
