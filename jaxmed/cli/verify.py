"""`jaxmed verify`."""

from __future__ import annotations

from pathlib import Path


def verify(folder: Path, /) -> None:
    """Compare the files of a run, a checkpoint or an exported model with its manifest.

    Args:
        folder: with a `manifest.json`, which a run has when it is complete.
    """
    from jaxmed.runs import manifest

    if not folder.is_dir():
        raise FileNotFoundError(f"folder is {str(folder)!r}, but there is no such folder.")
    if not (folder / manifest.MANIFEST).exists():
        raise FileNotFoundError(
            f"folder is {str(folder)!r}, which has no {manifest.MANIFEST}: only runs that have "
            "ended, checkpoints and exported models have one, so resume the run, or name its model."
        )
    try:
        count = manifest.verify_files(folder)
    except manifest.DamagedError as error:
        raise ValueError(
            f"folder is {str(folder)!r}, whose files are not as they were written ({error}): copy "
            "it again."
        ) from error
    print(f"{count} files are as they were written.")
