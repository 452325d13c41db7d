"""Survival statistics written as loops over rows, as their definitions have them."""

from __future__ import annotations

import numpy as np


def cohort(seed: int, rows: int = 40, causes: int = 1, *, ties: bool = True):
    """Times, events and risks of rows, some of them censored; with ties in times and risks."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=rows).round(1 if ties else 12)
    failing = rng.exponential(np.exp(-risk) * 6)
    leaving = rng.exponential(8, rows)
    time = np.minimum(failing, leaving)
    time = np.ceil(time) if ties else time
    event = np.where(failing <= leaving, rng.integers(1, causes + 1, rows), 0)
    return time, event, risk


def curves(seed: int, risk: np.ndarray, times: np.ndarray, *, ties: bool = True) -> np.ndarray:
    """Predicted survival [rows, times] that crosses between rows."""
    rng = np.random.default_rng(seed)
    steps = rng.random((len(risk), len(times))) * np.exp(0.5 * risk)[:, None] / 4
    found = np.exp(-np.cumsum(steps, axis=1))
    return found.round(1) if ties else found


def survival(time, event, t):
    """Kaplan-Meier until t."""
    value = 1.0
    for u in sorted({u for u, e in zip(time, event, strict=True) if e and u <= t}):
        died = sum(1 for x, e in zip(time, event, strict=True) if x == u and e)
        value *= 1 - died / sum(1 for x in time if x >= u)
    return value


def free(time, event, t):
    """P(not censored until t); events leave the risk set before."""
    value = 1.0
    for u in sorted({u for u, e in zip(time, event, strict=True) if not e and u <= t}):
        left = sum(1 for x, e in zip(time, event, strict=True) if x == u and not e)
        at_risk = sum(1 for x, e in zip(time, event, strict=True) if x > u or (x == u and not e))
        value *= 1 - left / at_risk
    return value


def incidence(time, event, cause, t):
    """Aalen-Johansen until t."""
    value = 0.0
    for u in sorted(set(time)):
        if u > t:
            break
        before = 1.0
        for v in sorted(set(time)):
            if v < u:
                before *= 1 - ((time == v) & (event > 0)).sum() / (time >= v).sum()
        value += before * ((time == u) & (event == cause)).sum() / (time >= u).sum()
    return value


def comparable(time, event, i, j, cause):
    return event[i] == cause and (
        time[i] < time[j] or (time[i] == time[j] and event[j] != cause and i != j)
    )


def concordance(time, event, risk, cause=1, weight=lambda i: 1.0, horizon=np.inf):
    """Harrell's C; Uno's with a weight of each case."""
    won = total = 0.0
    for i in range(len(time)):
        for j in range(len(time)):
            if comparable(time, event, i, j, cause) and time[i] < horizon:
                total += weight(i)
                won += weight(i) * ((risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
    return won / total


def adjusted_antolini(time, event, predicted, times, copy_of=None):
    """Antolini's C over ordered pairs, as pycox counts them; copies of one row are left out."""
    rows = range(len(time))
    copy_of = rows if copy_of is None else copy_of
    won = total = 0.0
    for i in rows:
        column = max(int((times <= time[i]).sum()) - 1, 0)
        for j in rows:
            if i == j or copy_of[i] == copy_of[j]:
                continue
            own, other = predicted[i, column], predicted[j, column]
            if time[i] < time[j]:
                if event[i]:
                    total += 1
                    won += 1.0 if own < other else 0.5 if own == other else 0
            elif time[i] == time[j] and event[i] and event[j]:
                total += 1
                won += 1.0 if own == other else 0.5
            elif time[i] == time[j] and (event[i] or event[j]):
                total += 1
                first, second = (own, other) if event[i] else (other, own)
                won += 1.0 if first < second else 0.5 if first == second else 0
    return won / total


def brier(time, event, predicted, t, cause=1, train=None):
    train_time, train_event = train or (time, event)
    total = 0.0
    for i in range(len(time)):
        if time[i] <= t and event[i]:
            truth = event[i] != cause
            total += (truth - predicted[i]) ** 2 / free(train_time, train_event, time[i])
        elif time[i] > t:
            total += (1 - predicted[i]) ** 2 / free(train_time, train_event, t)
    return total / len(time)


def auroc(time, event, risk, t, cause=1):
    won = total = 0.0
    for i in range(len(time)):
        if time[i] > t or event[i] != cause:
            continue
        for j in range(len(time)):
            if time[j] <= t and event[j] in (0, cause):
                continue
            pair = 1 / free(time, event, time[i]) / free(time, event, min(time[j], t))
            total += pair
            won += pair * ((risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
    return won / total
