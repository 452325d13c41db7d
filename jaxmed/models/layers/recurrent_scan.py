"""A recurrent cell scanned over time, with its own gradient.

Only what is sequential is inside the scan: the projection of the inputs is computed before it, and
the gradient of the recurrent weights is one matrix product after it.
"""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from jaxmed.models.layers.recurrent_cells import Carry, Cell
from jaxmed.typing import Array, Float


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def scan_cell(
    cell: Cell,
    reverse: bool,
    kernel: Float[Array, "units gates"],
    inputs: Float[Array, "time batch gates"],
    keep: Float[Array, "batch units"],
    hold: Carry,
) -> Float[Array, "time batch units"]:
    """The outputs of all steps, from a carry of zeros.

    The gradient reaches `kernel` and `inputs`; that of `keep` and `hold`, which are data, is zero.

    Args:
        cell: one step.
        reverse: whether to go from the last step to the first.
        kernel: U [units, gates * units].
        inputs: x W + b of all steps.
        keep: multiplied with the output before U: the recurrent dropout, one mask per sequence.
        hold: how much of the carry keeps its old value, in [0, 1], [time, batch, 1 or units]: 1
            behind the end of a sequence and where zoneout says so. One array for each array of
            the carry, or one for all of them.

    Returns:
        [time, batch, units].
    """
    return _forward(cell, reverse, kernel, inputs, keep, hold)[0]


def _forward(
    cell: Cell, reverse: bool, kernel: Array, inputs: Array, keep: Array, hold: Carry
) -> tuple[Array, Any]:
    """The outputs [time, batch, units], and what each step saved for its gradient."""

    def body(carry: Carry, now: tuple[Array, Carry]) -> tuple[Carry, tuple[Array, Any]]:
        changed, saved = cell.step(now[0], (carry[0] * keep) @ kernel, carry)
        after = tuple(
            held * old + (1 - held) * new
            for held, old, new in zip(_per_array(now[1], carry), carry, changed, strict=True)
        )
        return after, (after[0], saved)

    zeros = jnp.zeros((inputs.shape[1], kernel.shape[0]), inputs.dtype)
    return jax.lax.scan(body, (zeros,) * cell.carried, (inputs, hold), reverse=reverse)[1]


Residuals: TypeAlias = tuple[Array, Array, Array, Carry, Any]


def _forward_saving(
    cell: Cell, reverse: bool, kernel: Array, inputs: Array, keep: Array, hold: Carry
) -> tuple[Array, Residuals]:
    outputs, saved = _forward(cell, reverse, kernel, inputs, keep, hold)
    return outputs, (kernel, keep, outputs, hold, saved)


def _backward(
    cell: Cell, reverse: bool, residuals: Residuals, outputs_gradient: Array
) -> tuple[Array, Array, Array, Carry]:
    """Backpropagation through time, with one matrix product per step inside the scan."""
    kernel, keep, outputs, hold, saved = residuals
    units, gates = kernel.shape
    # Transposed once: without the barrier XLA would do it in every step.
    transposed = jax.lax.optimization_barrier(kernel.T)

    def body(carry: Carry, now: tuple[Array, Carry, Any]) -> tuple[Carry, tuple[Array, ...]]:
        gradient, holds, step = now
        held = _per_array(holds, carry)
        d_after = (carry[0] + gradient, *carry[1:])
        d_changed = tuple((1 - h) * d for h, d in zip(held, d_after, strict=True))
        d_inputs, d_state, d_carry = cell.pullback(step, d_changed)
        d_before = tuple(d + h * past for d, h, past in zip(d_carry, held, d_after, strict=True))
        # If a cell adds its inputs and its state, one array is written instead of two.
        found = (d_state,) if d_state is d_inputs else (d_state, d_inputs)
        return (d_before[0] + (d_state @ transposed) * keep, *d_before[1:]), found

    zeros = (jnp.zeros_like(outputs[0]),) * cell.carried
    xs = (outputs_gradient, hold, saved)
    _, found = jax.lax.scan(body, zeros, xs, reverse=not reverse)
    d_states, d_inputs = found[0], found[-1]
    kept = (_previous(outputs, reverse) * keep[None]).reshape(-1, units)
    d_kernel = kept.T @ d_states.reshape(-1, gates)
    return d_kernel, d_inputs, jnp.zeros_like(keep), jax.tree.map(jnp.zeros_like, hold)


def _per_array(hold: Carry, carry: Carry) -> Carry:
    return hold if len(hold) > 1 else hold * len(carry)


def _previous(x: Array, reverse: bool) -> Array:
    """The value before each step, zeros before the first."""
    zeros = jnp.zeros_like(x[:1])
    return jnp.concatenate([x[1:], zeros] if reverse else [zeros, x[:-1]])


scan_cell.defvjp(_forward_saving, _backward)
