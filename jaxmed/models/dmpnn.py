"""A network of molecules: messages pass along directed bonds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import Dropout
from jaxmed.typing import Array, Float, Option


class DMPNN(nn.Module):
    """Directed message passing (D-MPNN, Chemprop), with numbers of the molecule at its readout.

    With x_v of atom v and e_vw of the bond from v to w as one-hot codes, for steps t = 1 .. T - 1:

        h^0_vw = relu(W_i [x_v, e_vw])
        h^t_vw = relu(h^0_vw + W_m sum_{k in N(v) without w} h^{t-1}_kv)
        h_v = relu(W_a [x_v, sum_{k in N(v)} h^{T-1}_kv] + b)
        h = mean or sum of h_v over the atoms of the molecule
        logits = W_2 relu(W_1 [h, features] + b_1) + b_2

    A message does not return along the bond that it came from. All molecules of a batch are one
    flat list of atoms and one of bonds; what is padding goes to a spare atom. Intermediate values:
    `embedded` [batch, atoms, codes], the one-hot codes of atoms, `molecule` [batch, width] and
    `hidden` [batch, hidden].

    Attributes:
        outputs: logits of the classes or tasks, or 1.
        atom_sizes: number of codes of each field of an atom, `data.molecules.ATOM_SIZES`.
        bond_sizes: of each field of a bond, `data.molecules.BOND_SIZES`.
        width: of the vectors of bonds and atoms.
        steps: T, how many bonds far an atom sees, at least 1.
        hidden: units between readout and logits.
        dropout: of the readout and the hidden units, in [0, 1).
        readout: "mean" or "sum" over atoms; a sum suits what grows with the molecule.

    References:
        Yang et al., Analyzing Learned Molecular Representations for Property Prediction, 2019,
        equations 4 to 8. As in its code, messages are those that arrive at the atom.
    """

    outputs: int
    atom_sizes: Sequence[int]
    bond_sizes: Sequence[int]
    width: int = 300
    steps: int = 3
    hidden: int = 300
    dropout: Option = 0.0
    readout: Literal["mean", "sum"] = "mean"

    def __post_init__(self) -> None:
        input_checks.attributes(
            self,
            counts="outputs width steps hidden",
            sizes="atom_sizes bond_sizes",
            rates="dropout",
        )
        checks.known("readout", self.readout, ("mean", "sum"))
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Mapping[str, Array], *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            x: `atom` [batch, atoms, fields], codes from 1, 0 behind the last atom; `bond` [batch,
                bonds, fields] likewise; `bond_atoms` [batch, bonds, 2], places of a bond's atoms;
                optional `features` [batch, columns]; and optional `packed_atom` and `packed_bond`,
                as `data.molecules.inputs.graphs(...)` gives them.
            train: whether dropout draws; the key is `rngs={"dropout": key}`.
            mask: unused; for the same signature as other networks.

        Returns:
            [batch, outputs].
        """
        del mask
        rows = x["atom"].shape[0]
        graph = _flat(x)
        if "packed_atom" in x:
            atom = _one_hot(graph.atom, self.atom_sizes)
        else:
            padded = x["atom"].reshape(-1, x["atom"].shape[2])
            embedded = _one_hot(padded, self.atom_sizes).reshape(*x["atom"].shape[:2], -1)
            embedded = capture(self, "embedded", embedded)
            atom = jnp.pad(embedded.reshape(padded.shape[0], -1), ((0, 1), (0, 0)))
        bond = _one_hot(graph.bond, self.bond_sizes)
        atoms, bonds = atom.shape[0], bond.shape[0]
        starts = graph.ends.reshape(-1)
        ends = graph.ends[:, ::-1].reshape(-1)

        def arriving(messages: Array) -> Array:
            """The sum of the messages of the bonds that end at each atom [atoms, width]."""
            return jax.ops.segment_sum(messages.reshape(2 * bonds, -1), ends, atoms)

        # The product with each part by itself: once per atom and bond, not per directed bond.
        from_atom = nn.Dense(self.width, use_bias=False, name="first_atom")(atom)
        from_bond = nn.Dense(self.width, use_bias=False, name="first_bond")(bond)
        first = from_atom[starts].reshape(bonds, 2, -1) + from_bond[:, None]
        message = jax.nn.relu(first)
        update = nn.Dense(self.width, use_bias=False, name="update")
        for _ in range(self.steps - 1):
            back = message[:, ::-1]
            others = arriving(message)[starts].reshape(bonds, 2, -1) - back
            message = jax.nn.relu(first + update(others))
        both = jnp.concatenate([atom, arriving(message)], axis=1)
        seen = jax.nn.relu(nn.Dense(self.width, name="atom")(both))
        molecule = jax.ops.segment_sum(seen, graph.row, rows)
        if self.readout == "mean":
            count = (x["atom"][:, :, 0] > 0).sum(1)
            molecule = molecule / jnp.maximum(count, 1).astype(molecule.dtype)[:, None]
        molecule = Dropout(self.dropout)(capture(self, "molecule", molecule), train=train)
        if "features" in x:
            molecule = jnp.concatenate([molecule, x["features"]], axis=1)
        hidden = jax.nn.relu(nn.Dense(self.hidden, name="hidden_units")(molecule))
        hidden = Dropout(self.dropout)(capture(self, "hidden", hidden), train=train)
        return nn.Dense(self.outputs, name="logits")(hidden)


class _Graph(NamedTuple):
    """All molecules of a batch as one graph, whose last atom is the spare one.

    Attributes:
        atom: codes [atoms, fields].
        row: of the batch [atoms]; as many as there are rows for padding.
        bond: codes [bonds, fields].
        ends: atoms that a bond joins [bonds, 2].
    """

    atom: Array
    row: Array
    bond: Array
    ends: Array


def _flat(x: Mapping[str, Array]) -> _Graph:
    atom, bond, ends = x["atom"], x["bond"], x["bond_atoms"]
    (rows, atoms), bonds = atom.shape[:2], bond.shape[1]
    of_atom = jnp.arange(rows * atoms)
    of_bond = jnp.arange(rows * bonds)
    spot = of_atom
    if "packed_atom" in x:
        of_atom, of_bond = x["packed_atom"], x["packed_bond"]
        places = jnp.where(of_atom < 0, rows * atoms, of_atom)  # dropped
        spot = jnp.zeros(rows * atoms, jnp.int32)
        spot = spot.at[places].set(jnp.arange(of_atom.shape[0], dtype=jnp.int32), mode="drop")
    spare = of_atom.shape[0]
    codes = jnp.where((of_atom >= 0)[:, None], atom.reshape(rows * atoms, -1)[of_atom], 0)
    row = jnp.where(codes[:, 0] > 0, of_atom // atoms, rows)
    bond_codes = jnp.where((of_bond >= 0)[:, None], bond.reshape(rows * bonds, -1)[of_bond], 0)
    joined = ends.reshape(rows * bonds, 2)[of_bond] + (of_bond // bonds * atoms)[:, None]
    joined = jnp.where((bond_codes[:, 0] > 0)[:, None], spot[joined], spare)
    return _Graph(
        jnp.pad(codes, ((0, 1), (0, 0))),
        jnp.pad(row, (0, 1), constant_values=rows),
        bond_codes,
        joined,
    )


def _one_hot(codes: Array, sizes: Sequence[int]) -> Array:
    """Vectors of the fields one behind another [rows, sum of sizes]; code 0 gives zeros."""
    if codes.shape[1] != len(sizes):
        raise ValueError(
            f"x has {codes.shape[1]} fields of codes, but the network was made for {len(sizes)}: "
            "pass the sizes of the fields that the data has."
        )
    parts = [jax.nn.one_hot(codes[:, field] - 1, size) for field, size in enumerate(sizes)]
    return jnp.concatenate(parts, axis=1)
