"""How the training went."""

from __future__ import annotations

from jaxmed import plots
from jaxmed.evaluation.tables import metric_text
from jaxmed.plots.png import picture
from jaxmed.report.contents import Block, Pictures, Section, Table
from jaxmed.report.folder import RunFolder

_MEASURES = ("train/loss", "validation/loss", "validation/log_loss", "validation/auroc")


def training(run: RunFolder) -> Section:
    """Curves of the training, and its first, middle and last rounds."""
    if not run.history:
        return Section("Training", needs="metrics.jsonl, which fit writes into its run.")
    # One panel, which can be read on a phone; the table tells the metrics.
    shown = picture(plots.training_curve(run.history, metrics=()), "Loss by epoch.")
    rounds = sorted({0, len(run.history) // 2, len(run.history) - 1})
    monitor = ((run.config.get("fit") or {}).get("monitor") or {}).get("name")
    wanted = dict.fromkeys((*_MEASURES, f"validation/{monitor}"))
    measures = [name for name in wanted if any(name in row for row in run.history)]
    rows = [
        [f"{run.history[i]['epoch']:g}", *(metric_text(run.history[i].get(m)) for m in measures)]
        for i in rounds
    ]
    caption = f"The first, the middle and the last of {len(run.history)} rounds"
    heads = ("Epoch", *(name.replace("/", " ").replace("_", " ") for name in measures))
    blocks: list[Block] = [Pictures([shown]), Table(caption, heads, rows)]
    return Section("Training", blocks)
