"""Which part each group of rows goes to, so that parts have the sizes and classes that were asked.

Groups with the same number of rows of each class are exchangeable: they are one kind. Each part
first gets its share of every kind but a few. The remaining groups are allocated one by one, the
largest first, each to the part that lacks most. Then single groups are moved, and pairs of groups
exchanged, as long as that lowers the deviation below and as far as tables of all changes stay
small; where there are few kinds, this is tried in several orders. The deviation is

    sum over parts p of  K (n_p - f_p N)^2 / N  +  sum over classes c of (n_pc - f_p N_c)^2 / N_c

where n_p and n_pc are the rows that part p holds, in all and of class c, N and N_c all there are,
f_p is the fraction asked and K the number of classes. A part without any row of a class counts as
worse than any deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

_Move: TypeAlias = tuple[int, int, int]  # a group of this kind, from this part, to that one
_FEW_KINDS = 64  # up to which several orders are tried
_TRIES = 8
_MOST_CHANGES = 1 << 20  # in a table of all moves, or of all exchanges
_MOST_STEPS = 1000
_ONE_BY_ONE = 8  # groups of each kind and part that are allocated one by one


def allocate(
    label: np.ndarray, group: np.ndarray, fractions: Sequence[float], *, seed: int
) -> np.ndarray:
    """The part of each group.

    Time grows linearly with rows and groups.

    Args:
        label: [rows], the class of each row, from 0.
        group: [rows], the group of each row, from 0, without gaps.
        fractions: of the rows for each part; they sum to 1.
        seed: which groups of a kind go where, and who is first among equals.

    Returns:
        [groups], the number of a part.
    """
    random = np.random.default_rng(seed)  # of which only `random` is used, which stays the same
    kind, columns = _kinds(label, group, random)
    groups = np.bincount(kind, minlength=len(columns))
    share = np.asarray(fractions, np.float64)
    problem = _Problem(columns.astype(np.float64), groups, share)
    tries = _TRIES if len(columns) <= _FEW_KINDS else 1
    tables = [problem.improved(problem.allocated(random, noise)) for noise in range(tries)]
    best = min(tables, key=problem.cost)
    order = np.lexsort((random.random(len(kind)), kind))  # the groups of each kind, shuffled
    parts = np.empty(len(kind), np.int64)
    parts[order] = np.repeat(np.tile(np.arange(len(share)), len(columns)), best.ravel())
    return parts


def _kinds(
    label: np.ndarray, group: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The kind of each group, and the columns of each kind [kinds, classes + 1]."""
    classes, count = int(label.max()) + 1, int(group.max()) + 1
    # Sums of random numbers instead of tables [groups, classes], which may be too large.
    high, low = (random.random((2, classes)) * 2**32).astype(np.uint64)
    names = (high << np.uint64(32)) | low
    keys = np.zeros(count, np.uint64)
    np.add.at(keys, group, names[label])
    _, example, kind = np.unique(keys, return_index=True, return_inverse=True)
    number = np.full(count, -1)
    number[example] = np.arange(len(example))
    rows = number[group] >= 0
    cells = number[group[rows]] * classes + label[rows]
    table = np.bincount(cells, minlength=len(example) * classes).reshape(-1, classes)
    return kind, np.column_stack([table, table.sum(axis=1)])


class _Problem:
    """How many groups of each kind go to each part: a table [kinds, parts]."""

    def __init__(self, columns: np.ndarray, groups: np.ndarray, share: np.ndarray) -> None:
        self.columns, self.groups, self.share = columns, groups, share
        total = groups @ columns
        self.target = share[:, None] * total
        self.weight = 1 / np.maximum(total, 1)
        self.weight[-1] *= len(total) - 1
        self.empty = 1 + float(self.weight @ total**2) * len(share)  # above any other cost

    def allocated(self, random: np.random.Generator, noise: float) -> np.ndarray:
        """Most of the shares at once, and the rest one by one to the part that lacks most."""
        table = np.floor(self.groups[:, None] * self.share).astype(np.int64)
        table = np.maximum(table - _ONE_BY_ONE, 0)
        missing = self.target - table.T @ self.columns
        rest = np.repeat(np.arange(len(table)), self.groups - table.sum(axis=1))
        size = self.columns[rest, -1] * np.exp(noise * (random.random(len(rest)) - 0.5))
        largest_first = np.lexsort((random.random(len(rest)), -size))
        weighted = self.columns * self.weight
        for kind in rest[largest_first]:
            lacking = missing @ weighted[kind]
            best = np.flatnonzero(lacking >= lacking.max() - 1e-9)
            part = best[int(random.random() * len(best))]
            table[kind, part] += 1
            missing[part] -= self.columns[kind]
        return table

    def improved(self, table: np.ndarray) -> np.ndarray:
        """The table after all single moves and exchanges that lower the cost."""
        for _ in range(_MOST_STEPS):
            held = table.T @ self.columns
            change = min(self._moves(table, held), self._exchanges(table, held))
            if change[0] > -1e-9:
                break
            for kind, start, end in change[1]:
                table[kind, start] -= 1
                table[kind, end] += 1
        return table

    def cost(self, table: np.ndarray) -> float:
        """How far all parts are from what was asked."""
        return float(self._cost(table.T @ self.columns).sum())

    def _cost(self, held: np.ndarray) -> np.ndarray:
        """Of parts [parts, ..., columns] that hold so much."""
        target = self.target.reshape(len(self.share), *(1,) * (held.ndim - 2), -1)
        off = ((held - target) ** 2) @ self.weight
        return off + self.empty * (held < 0.5).sum(axis=-1)

    def _moves(self, table: np.ndarray, held: np.ndarray) -> tuple[float, list[_Move]]:
        """The best change of the cost by moving one group, and that move."""
        if len(self.share) ** 2 * len(self.columns) > _MOST_CHANGES:
            return np.inf, []
        now = self._cost(held)
        without = self._cost(held[:, None] - self.columns) - now[:, None]
        added = self._cost(held[:, None] + self.columns) - now[:, None]
        change = without[:, None] + added  # [start, end, kind]
        change[~np.broadcast_to((table.T > 0)[:, None], change.shape)] = np.inf
        change[np.diag_indices(len(self.share))] = np.inf
        start, end, kind = map(int, np.unravel_index(change.argmin(), change.shape))
        return float(change[start, end, kind]), [(kind, start, end)]

    def _exchanges(self, table: np.ndarray, held: np.ndarray) -> tuple[float, list[_Move]]:
        """The best change of the cost by exchanging two groups, and those two moves."""
        if (len(self.share) * len(self.columns)) ** 2 > _MOST_CHANGES:
            return np.inf, []
        now = self._cost(held)
        instead = self.columns[None] - self.columns[:, None]  # [out, in, columns]
        own = self._cost(held[:, None, None] + instead) - now[:, None, None]
        change = own[:, None] + own.transpose(0, 2, 1)  # [start, end, out of start, into start]
        has = table.T > 0
        change[~(has[:, None, :, None] & has[None, :, None, :])] = np.inf
        change[np.diag_indices(len(self.share))] = np.inf
        start, end, out, into = map(int, np.unravel_index(change.argmin(), change.shape))
        return float(change[start, end, out, into]), [(out, start, end), (into, end, start)]
