"""The sweeps that are kept: their plans and tables, in the cache."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from srnn import paths
from srnn.files import write_bytes, writing
from srnn.sweeps.plan import Plan, parse_plan, read_plan


@dataclass(frozen=True)
class Kept:
    """A sweep that was begun: its plan, the file it was read from, and its table so far."""

    plan: Plan
    file: Path

    @property
    def title(self) -> str:
        """Its own title, or what varies in it."""
        return self.plan.title or f"{self.plan.kind} of {' x '.join(self.plan.fields)}"

    @property
    def bundled(self) -> bool:
        """Whether it ships with the project: a table, without its runs."""
        return self.file.parent == paths.BUNDLED_SWEEPS

    @property
    def table_file(self) -> Path:
        return self.file.with_suffix(".parquet")

    @property
    def table(self) -> pd.DataFrame:
        """One row a run that is done; empty while there is none."""
        try:
            table = pd.read_parquet(self.table_file)
            return table if "error" in table else table.assign(error="")  # of an earlier version
        except (OSError, ValueError):
            return pd.DataFrame()


def kept_of(plan: Plan) -> Kept:
    """Where a plan is, or will be, kept."""
    return Kept(plan, paths.sweeps_folder() / f"{plan.name}.toml")


def keep(text: str) -> Kept:
    """Keep a plan, given as TOML.

    Raises:
        ConfigError: it is no plan.
        CacheError: the cache cannot be written.
    """
    plan = parse_plan(text)
    kept = kept_of(plan)
    with writing():
        kept.file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(kept.file, text.encode())
    return kept


def list_sweeps() -> list[Kept]:
    """All sweeps that can be read, the newest first; behind them the bundled ones that are not
    among them."""
    found: dict[str, Kept] = {}
    for folder in (paths.sweeps_folder(), paths.BUNDLED_SWEEPS):
        for file in sorted(folder.glob("*.toml"), key=lambda file: -file.stat().st_mtime):
            try:
                found.setdefault(file.stem, Kept(read_plan(file), file))
            except (OSError, ValueError):
                continue  # a field that is gone, data that have changed: its table means nothing
    return list(found.values())
