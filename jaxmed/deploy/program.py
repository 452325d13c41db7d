"""The program of an exported model: made, brought to bytes and back, and compared with its card."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax

from jaxmed import checks
from jaxmed.deploy.card import REMEDY, Card
from jaxmed.typing import Array, Batch

if TYPE_CHECKING:
    from jax.export import Exported

_PLATFORMS = ("cpu", "cuda", "tpu")
SCORES = "scores"
"""The part of a program that explanations explain, and the one array in it; some have none."""
_PARTS = {"outputs", "answer"}


def lowered(function: Callable[[Batch], Any], arrays: Mapping[str, Array]) -> Exported:
    """The program for any number of rows, and for every kind of device where that is possible."""
    from jax import export as jax_export

    (rows,) = jax_export.symbolic_shape("rows")
    shapes = {
        name: jax.ShapeDtypeStruct((rows, *array.shape[1:]), array.dtype)
        for name, array in arrays.items()
    }
    try:
        return jax_export.export(jax.jit(function), platforms=_PLATFORMS)(shapes)
    except Exception:
        # A kernel written for one kind of device, or an operation that another lacks, raises what
        # it likes; what is wrong everywhere is raised here again.
        return jax_export.export(jax.jit(function))(shapes)


def to_bytes(program: Exported) -> bytes:
    """The program without locations: JAX writes into it the path of every file it came from."""
    from jax.extend.mlir import passmanager
    from jax.extend.mlir.dialects import stablehlo
    from jax.interpreters import mlir

    with mlir.make_ir_context() as context:
        module = stablehlo.deserialize_portable_artifact(context, program.mlir_module_serialized)
        passmanager.PassManager.parse("builtin.module(strip-debuginfo)").run(module.operation)
        # As JAX itself does: readable by versions that are up to four weeks older.
        version = stablehlo.get_version_from_compatibility_requirement(
            stablehlo.StablehloCompatibilityRequirement.WEEK_4
        )
        plain = stablehlo.serialize_portable_artifact(module, version, True)
    return bytes(dataclasses.replace(program, mlir_module_serialized=plain).serialize())


def read_program(path: Path, card: Card) -> Exported:
    """The program in a file, which suits its card, this machine and its memory.

    Raises:
        ValueError: It does not.
    """
    from jax import export as jax_export

    try:
        program = jax_export.deserialize(bytearray(path.read_bytes()))
        largest, called = _contents(program)
    except ImportError:  # flatbuffers is not installed, which is not the file's fault
        raise
    except Exception as error:  # jax lets through what its parsers raise
        first = str(error).partition("\n")[0]
        raise ValueError(
            f"{path} was written by jax {_version(card)} and jax {jax.__version__} "
            f"cannot read it ({first}): use that version, or export the model again."
        ) from error
    callbacks = sorted(name for name in called if "callback" in name)
    if callbacks:  # a place in the memory of another process, which export never writes
        raise ValueError(f"{path} calls {checks.shortened(callbacks[0])}: {REMEDY}")
    try:
        check_program(card, program)
    except ValueError as error:
        raise ValueError(
            f"{path} and its card do not belong together, {str(error).rstrip('.')}: {REMEDY}"
        ) from error
    here = jax_export.default_export_platform()
    if here not in program.platforms:
        raise ValueError(
            f"{path} was exported for {', '.join(program.platforms)}, but this machine computes "
            f"on {here}: export the run again on such a machine."
        )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if largest > memory:
        raise ValueError(
            f"{path} computes an array of {largest / 1e9:,.0f} GB for one row, but this machine "
            f"has {memory / 1e9:,.0f} GB of memory: use one with more."
        )
    return program


def check_program(card: Card, program: Exported) -> None:
    """Refuse a card that says other than its program.

    Raises:
        ValueError: Inputs, length, platforms, or a number of names differ.
    """
    inputs, outputs = _signature(program)
    if {**card.inputs} != inputs:
        raise ValueError(
            f"the card says it reads {checks.shortened(dict(card.inputs))}, but it reads "
            f"{_said(inputs)}."
        )
    if card.kind == "text" and inputs != {"tokens": {"dtype": "int32", "shape": [card.length]}}:
        raise ValueError(
            f"the card says it reads texts of {checks.shortened(card.length)} tokens, but it reads "
            f"{_said(inputs)}."
        )
    if list(card.platforms) != list(program.platforms):
        raise ValueError(
            f"the card says it is for {checks.shortened(card.platforms)}, but it is for "
            f"{', '.join(program.platforms)}."
        )
    if program.nr_devices != 1:
        raise ValueError(
            f"the model runs on {program.nr_devices} devices, where other machines may have one: "
            "export a model whose arrays lie on one device."
        )
    for name, words in card.names.items():
        given = outputs.get(name)
        if not given:
            raise ValueError(
                f"the card names {checks.shortened(name)}, which is none of {', '.join(outputs)}."
            )
        for shape in given:
            if len(shape) > 1 and shape[-1] != len(words):
                raise ValueError(
                    f"the card has {len(words)} names of {name}, which has {shape[-1]} columns."
                )
    if card.feature_names:
        found = inputs.get("features", {}).get("shape")
        if found != [len(card.feature_names)]:
            raise ValueError(
                f"feature_names has {len(card.feature_names)} names, but the model reads features "
                f"of shape {found}."
            )


def outputs_of(program: Exported) -> set[str]:
    """The names of what the program gives."""
    return {*_signature(program)[1]}


def _signature(
    program: Exported,
) -> tuple[dict[str, dict[str, Any]], dict[str, list[tuple[Any, ...]]]]:
    """What each input is, and the shapes of each output, which has [rows, ...] as the inputs."""
    arguments, options = jax.tree.unflatten(program.in_tree, program.in_avals)
    given = jax.tree.unflatten(program.out_tree, program.out_avals)
    wanted = "one dict of arrays [rows, ...] to the dicts outputs and answer of such"
    if (
        options
        or len(arguments) != 1
        or not isinstance(given, dict)
        or {*given} - {SCORES} != _PARTS
    ):
        raise ValueError(f"the program must lead from {wanted}.")
    parts = [
        arguments[0],
        *(given[name] for name in ("outputs", "answer", SCORES) if name in given),
    ]
    if not all(isinstance(part, dict) for part in parts):
        raise ValueError(f"the program must lead from {wanted}.")
    avals = [aval for part in parts for aval in part.values()]
    if not all(isinstance(aval, jax.core.ShapedArray) and aval.shape for aval in avals):
        raise ValueError(f"the program must lead from {wanted}.")
    rows = {str(aval.shape[0]) for aval in avals}
    if len(rows) != 1 or rows.pop().isdigit():
        raise ValueError("the program must be one for any number of rows.")
    inputs = {
        name: {"dtype": str(aval.dtype), "shape": list(aval.shape[1:])}
        for name, aval in parts[0].items()
    }
    outputs: dict[str, list[tuple[Any, ...]]] = {}
    for part in parts[1:]:
        for name, aval in part.items():
            outputs.setdefault(name, []).append(aval.shape)
    return inputs, outputs


def _version(card: Card) -> str:
    return checks.shortened(card.versions.get("jax", "of an unknown version")).strip("'")


def _said(inputs: Mapping[str, Mapping[str, Any]]) -> str:
    each = [f"{name} {of['dtype']} {of['shape']}" for name, of in inputs.items()]
    return ", ".join(each) or "no arrays"


def _contents(program: Exported) -> tuple[int, set[str]]:
    """Bytes of the largest result of an operation for one row, and the functions outside of XLA.

    Sizes are read from the types: compiling such a program can itself take all memory or time.
    """
    from jax.extend.mlir import ir
    from jax.extend.mlir.dialects import stablehlo
    from jax.interpreters import mlir

    sizes, called = [0], set()

    def visit(operation: Any) -> Any:
        sizes.extend(_bytes_of(str(result.type)) for result in operation.results)
        if operation.name == "stablehlo.custom_call":
            called.add(str(operation.attributes["call_target_name"]))
        return ir.WalkResult.ADVANCE

    with mlir.make_ir_context() as context:
        module = stablehlo.deserialize_portable_artifact(context, program.mlir_module_serialized)
        module.operation.walk(visit)
    return max(sizes), called


def _bytes_of(kind: str) -> int:
    """Of a type such as `tensor<?x28x28xf32>`; an unknown length counts as 1."""
    if not kind.startswith("tensor<"):
        return 0
    *lengths, element = kind[len("tensor<") : -1].split("x")
    bits = re.search(r"\d+", element)
    width = 1 if bits is None else max(int(bits[0]) // 8, 1)
    return width * math.prod(int(length) for length in lengths if length.isdigit())
