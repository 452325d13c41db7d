"""What an experiment script needs: a command line, seeds, results.

A script has this outline:

    @dataclass(frozen=True, kw_only=True)
    class Settings(ExperimentSettings):
        epochs: int = 10

    def experiment(settings: Settings) -> None: ...

    if __name__ == "__main__":
        main(experiment, Settings, __doc__)
"""

from jaxmed.experiment.folders import run_folder
from jaxmed.experiment.main import main
from jaxmed.experiment.results import Result, Summary, summarize
from jaxmed.experiment.seeds import run_seeds, seed_table
from jaxmed.experiment.settings import ExperimentSettings

__all__ = [
    "ExperimentSettings",
    "Result",
    "Summary",
    "main",
    "run_folder",
    "run_seeds",
    "seed_table",
    "summarize",
]
