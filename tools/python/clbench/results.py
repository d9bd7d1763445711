"""Results of a database as data frames."""

from __future__ import annotations

import json
import subprocess
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Sequence

from .errors import Error
from .extras import needed
from .program import environment, executable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def load(database: str | PathLike[str] = "results.sqlite") -> Results:
    """The results in a database that ``clbench run`` filled. Nothing is read before it is asked for, and nothing is changed."""
    return Results(database)


class Results:
    """What a database holds, as pandas frames whose columns are those of ``clbench export`` (docs/exchange.md).

    A frame is read when it is first asked for and kept; ``clbench.load`` again shows what came later.
    """

    def __init__(self, database: str | PathLike[str]) -> None:
        self.database = Path(fspath(database))
        if not self.database.is_file():
            raise Error(f"{self.database}: there is no such database; `clbench.run(..., db=...)` makes one")

    def __repr__(self) -> str:
        return f"clbench.load({str(self.database)!r})"

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row for each run: what it is, what ran, and how it ended."""
        return self._exported("runs")

    @cached_property
    def counts(self) -> pd.DataFrame:
        """One row for each evaluation: of a run, ``after_task``, on the classes of task ``group`` (both from 0); ``accuracy`` is the matrix."""
        return self._exported("evals")

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row for each metric of a run; where ``value`` is missing, ``reason`` says why."""
        return self._exported("metrics")

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """One row for each predicted sample: ``sample`` is its index in the evaluated split, ``label`` and ``predicted`` are original class ids."""
        lists = ["sample", "label", "predicted"]
        frame = self._exported("predictions").rename(columns={"samples": "sample", "labels": "label"})
        return frame.explode(lists, ignore_index=True).astype({name: "int64" for name in lists})

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row for each run, with every metric as a column."""
        values = self.metrics.pivot(index="run_key", columns="metric", values="value")
        return self.runs.join(values, on="run_key")

    def table(self, metrics: Sequence[str] = (), experiment: str = "", columns: str = "metrics") -> pd.DataFrame:
        """``clbench table``: one row for each method and column, with mean and interval over its runs.

        ``columns="tasks"`` gives the accuracy after each task instead of ``metrics``.
        """
        arguments = ["--columns", columns]
        if metrics:
            arguments += ["--metrics", ",".join(metrics)]
        if experiment:
            arguments += ["--experiment", experiment]
        frames = needed("pandas")
        answer = self._answer("table", *arguments)
        rows = [row for table in answer["tables"] for row in _rows_of(table, answer["metrics"])]
        return frames.DataFrame(rows, columns=_TABLE_COLUMNS)

    def plot_curves(self, experiment: str = "") -> Figure:
        """Accuracy on all classes seen, after each task: a line for each method, with its interval."""
        from .plots import curves

        return curves(self.table(columns="tasks", experiment=experiment))

    def plot_matrix(self, run: str = "") -> Figure:
        """Accuracy on the classes of each task after each task, of one run (the first characters of its key)."""
        from .plots import matrix

        return matrix(*self._one_run(run))

    def plot_pareto(self, cost: str = "time.total", accuracy: str = "acc.mean.sample", experiment: str = "") -> Figure:
        """What a method reaches against what it costs; a line joins those that no other beats in both."""
        from .plots import pareto

        return pareto(self.table([cost, accuracy], experiment), cost, accuracy)

    def _one_run(self, run: str) -> tuple[pd.Series, pd.DataFrame]:
        measured = self.runs[self.runs.run_key.isin(self.counts.run_key)]
        found = measured[measured.run_key.str.startswith(run)]
        if len(found) != 1:
            keys = ", ".join(f"{row.run_key[:12]} ({row.method}, seed {row.seed})" for row in (found if len(found) else measured).head(6).itertuples())
            raise Error(f"{self.database}: {len(found)} measured runs have a key that begins with '{run}'; say which run: {keys or 'there is none'}")
        key = found.run_key.iloc[0]
        return found.iloc[0], self.counts[self.counts.run_key == key]

    def _exported(self, name: str) -> pd.DataFrame:
        frames = needed("pandas")
        answer = self._answer("export", name)
        return frames.DataFrame(answer[name], columns=answer["columns"][name])

    def _answer(self, *arguments: str) -> Any:
        command = [str(executable()), *arguments, "--json", "--db", str(self.database)]
        ended = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", env=environment(with_libtorch=False))
        if ended.returncode != 0:
            said = ended.stderr.strip().splitlines()
            raise Error(said[-1].removeprefix("clbench: ") if said else f"clbench {arguments[0]} ended with {ended.returncode}", ended.returncode)
        return json.loads(ended.stdout)


_TABLE_COLUMNS = [
    "comparability_key", "dataset", "protocol", "section", "weights", "row", "method", "preset", "setting", "joint", "imported", "rank_low",
    "rank_high", "column", "unit", "higher_is_better", "n", "mean", "low", "high", "spread", "reason",
]  # fmt: skip


def _rows_of(table: Any, columns: Any) -> Iterator[dict[str, Any]]:
    """The cells of one table, in its order; ``row`` counts the rows of the table, the ranks are where a row may stand."""
    of_table = {name: table[name] for name in ("comparability_key", "dataset", "protocol")}
    row_number = 0
    for section in table["sections"]:
        for row in section["rows"]:
            of_row = {name: row[name] for name in ("method", "preset", "setting", "joint", "imported")}
            rank = row["rank"] or {"low": None, "high": None}
            place = {"section": section["title"], "weights": section["weights"], "row": row_number, "rank_low": rank["low"], "rank_high": rank["high"]}
            row_number += 1
            for column in columns:
                about = {"column": column["id"], "unit": column["unit"], "higher_is_better": column["higher_is_better"]}
                yield {**of_table, **place, **of_row, **about, **row["cells"][column["id"]]}
