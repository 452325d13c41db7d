"""How much memory a compiled program takes on a device."""

from __future__ import annotations

from typing import Any

import jax


def device_bytes(program: jax.stages.Compiled) -> int:
    """What a compiled program needs on a device: arguments, results and temporary buffers."""
    found: Any = program.memory_analysis()
    return int(
        found.argument_size_in_bytes
        + found.output_size_in_bytes
        + found.temp_size_in_bytes
        - found.alias_size_in_bytes
    )
