"""What an optimizer asks for beside the gradient, and checks before it is trained with."""

from __future__ import annotations

import inspect
import re
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax

from jaxmed import checks
from jaxmed.typing import Params, Tree

Optimizer: TypeAlias = optax.GradientTransformation | optax.MultiSteps
"""What Optax trains with: `MultiSteps` has the functions, but not the class."""


def with_loss(optimizer: Optimizer) -> optax.GradientTransformationExtraArgs:
    """`optimizer`, which may be given the loss: it gets of `value` and `grad` what it asks for.

    `optax.with_extra_args_support` goes by the class, and so keeps the loss from a
    `optax.MultiSteps` and hands it to a `optax.contrib.sam`, which refuses it.

    Raises:
        ValueError: for what is no transformation, such as a function that was not called.
    """
    check_transformation(optimizer)
    asked = inspect.signature(optimizer.update).parameters.values()
    anything = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in asked)
    names = {each.name for each in asked if each.kind is inspect.Parameter.KEYWORD_ONLY}

    def update(updates: Params, state: Tree, params: Params | None = None, **extra: Any) -> Any:
        known = {name: given for name, given in extra.items() if anything or name in names}
        return optimizer.update(updates, state, params, **known)

    return optax.GradientTransformationExtraArgs(optimizer.init, update)


def check_transformation(optimizer: Any) -> None:
    """Refuse what has no `init` and `update`."""
    methods = [getattr(optimizer, name, None) for name in ("init", "update")]
    if not isinstance(optimizer, type) and all(map(callable, methods)):
        return
    if callable(optimizer):
        name = getattr(optimizer, "__name__", type(optimizer).__name__)
        raise ValueError(
            f"optimizer is the function {name} itself: call it, such as optax.{name}(1e-3)."
            if getattr(optax, name, None) is optimizer
            else f"optimizer is the function {name} itself: pass the transformation it returns."
        )
    raise ValueError(
        f"optimizer is {checks.shown(optimizer)}, but must be an Optax transformation, such as "
        "optax.adam(1e-3)."
    )


def check_optimizer(optimizer: Any, params: Params) -> None:
    """Refuse an optimizer that would fail at its first step; nothing is computed.

    Args:
        optimizer: any Optax transformation, or what is taken for one.
        params: that it is to change, arrays or their shapes.

    Raises:
        ValueError: with the reason and a remedy.
    """

    def first_step(params: Params) -> Params:
        state, loss = optimizer.init(params), jnp.zeros(())
        return with_loss(optimizer).update(params, state, params, value=loss, grad=params)[0]

    check_transformation(optimizer)
    try:
        updates = jax.eval_shape(first_step, params)
    except (TypeError, AttributeError) as error:
        raise ValueError(_reason(str(error))) from error
    made, wanted = (str(jax.tree.structure(tree)) for tree in (updates, params))
    if made != wanted:
        raise ValueError(
            f"optimizer gives updates of the structure {made}, but the parameters are {wanted}: "
            "pass a transformation of the whole parameters."
        )


def _reason(error: str) -> str:
    missing = re.search(r"missing .* keyword-only arguments?: '(\w+)'", error)
    if missing and missing[1].endswith("_fn"):
        return (
            "optimizer holds a line search, as of optax.lbfgs, which evaluates the loss many times "
            f"a step ({missing[1]}) and is not for batches: use optax.lbfgs(1e-3, "
            "linesearch=None), or a transformation without one, such as optax.adam(1e-3)."
        )
    if missing:
        return (
            f"optimizer holds a transformation that asks for `{missing[1]}`, which does not reach "
            "it: of the loss a sweep only knows the mean over all configurations, so train them "
            "one by one; and optax.chain keeps it from optax.MultiSteps, so put that outermost."
        )
    return (
        f"optimizer would fail at its first step ({error}): try optimizer.init(params) and "
        "optimizer.update(params, state, params)."
    )
