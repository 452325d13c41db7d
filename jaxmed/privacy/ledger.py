"""The ledger of a run: `privacy.json`, what was released, how, and what it spends in all.

It is written before the first step and charges all steps that were asked for, so that a run which
is killed has never released more than it says. Beside the totals it holds every number they are
computed from.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxmed import checks
from jaxmed.files import write_whole
from jaxmed.privacy.mechanism import DPSGD, total_epsilon
from jaxmed.runs.plain import jsonable

LEDGER = "privacy.json"
_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Ledger:
    """What several trainings on the same units released.

    Attributes:
        mechanisms: in their order; all protect the same kind of unit.
        delta: of all together.
    """

    mechanisms: tuple[DPSGD, ...]
    delta: float

    def __post_init__(self) -> None:
        found = checks.sequence("mechanisms", self.mechanisms, "what dp_sgd makes")
        for number, each in enumerate(found):
            checks.made_by(f"mechanisms[{number}]", each, DPSGD, "what dp_sgd(...) makes")
        object.__setattr__(self, "mechanisms", found)
        checks.fraction("delta", self.delta, below_one=True, above_zero=True)
        units = sorted({each.unit for each in found})
        if len(units) > 1:
            raise ValueError(
                f"mechanisms protect different units, {' and '.join(units)}, whose epsilons do not "
                "add up: account for each kind by itself."
            )

    def epsilon(self, *, accountant: str = "pld") -> float:
        """What all trainings spend together at `delta`."""
        return total_epsilon(self.mechanisms, self.delta, accountant=accountant)

    def with_training(self, mechanism: DPSGD) -> Ledger:
        """The ledger after one more training."""
        return Ledger((*self.mechanisms, mechanism), self.delta)


def write_ledger(directory: str | Path, ledger: Ledger) -> Path:
    """Write `privacy.json` into the folder of a run, whole or not at all.

    Args:
        directory: of the run; made where it is missing.
        ledger: to write.

    Returns:
        The path of the file.
    """
    path = checks.path("directory", directory) / LEDGER
    checks.made_by("ledger", ledger, Ledger, "a Ledger")
    units = sorted({each.unit for each in ledger.mechanisms})
    content = {
        "format": _FORMAT,
        "guarantee": "(epsilon, delta)-differential privacy",
        "neighbors": f"one {' or '.join(units) or 'unit'} added or removed",
        "epsilon": ledger.epsilon(),
        "delta": ledger.delta,
        "accountant": f"PLD, dp-accounting {importlib.metadata.version('dp-accounting')}",
        "epsilon_rdp": ledger.epsilon(accountant="rdp"),
        "mechanism": "Gaussian noise on the sum of clipped gradients of Poisson-sampled units",
        "trainings": [dataclasses.asdict(each) for each in ledger.mechanisms],
    }
    write_whole(path, json.dumps(jsonable(content), indent=2, allow_nan=False) + "\n")
    return path


def read_ledger(directory: str | Path) -> Ledger:
    """The ledger that `write_ledger` wrote.

    Args:
        directory: of the run.

    Raises:
        FileNotFoundError: if the folder has no ledger.
        ValueError: if the file was changed or is of another format.
    """
    path = checks.path("directory", directory) / LEDGER
    if not path.is_file():
        raise FileNotFoundError(
            f"directory is {path.parent}, which has no {LEDGER}: choose the folder of a run that "
            "private_fit made."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise KeyError("format")
        mechanisms = tuple(DPSGD(**_floats(each)) for each in content["trainings"])
        return Ledger(mechanisms, content["delta"])
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise ValueError(
            f"directory is {path.parent}, whose {LEDGER} is no ledger of this version ({error}): "
            "copy it again."
        ) from error


def continued(before: Ledger | None, earlier: Sequence[Ledger], mechanism: DPSGD) -> Ledger:
    """The ledger of a run that begins or goes on.

    Args:
        before: of the same folder, where the run is resumed.
        earlier: of other runs on the same units.
        mechanism: of this run, with all of its steps.

    Returns:
        The ledger with this training as its last.

    Raises:
        ValueError: if a run is resumed with another mechanism, or with fewer steps than charged.
    """
    for number, each in enumerate(checks.sequence("earlier", earlier, "ledgers")):
        checks.made_by(f"earlier[{number}]", each, Ledger, "a Ledger, such as read_ledger gives")
    past = tuple(of for each in earlier for of in each.mechanisms)
    if before is None:
        return Ledger((*past, mechanism), mechanism.delta)
    *others, last = before.mechanisms
    if dataclasses.replace(last, steps=mechanism.steps) != mechanism:
        names = [
            field.name
            for field in dataclasses.fields(DPSGD)
            if field.name != "steps" and getattr(last, field.name) != getattr(mechanism, field.name)
        ]
        raise ValueError(
            f"mechanism differs in {', '.join(names)} from that of the run that is resumed: go on "
            "with the mechanism in its ledger, or start another run with earlier=[its ledger]."
        )
    if past and tuple(others) != past:
        raise ValueError(
            "earlier differs from the trainings before this one in the ledger of the run that is "
            "resumed: leave earlier out."
        )
    steps = max(last.steps, mechanism.steps)  # what was charged stays charged
    return Ledger((*others, dataclasses.replace(mechanism, steps=steps)), before.delta)


def _floats(fields: dict[str, Any]) -> dict[str, Any]:
    """An infinite bound is written as a word."""
    return {name: float("inf") if x == "Infinity" else x for name, x in fields.items()}
