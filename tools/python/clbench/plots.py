"""The plots of `Results`: what the program computed, drawn with matplotlib. Each function returns a figure and shows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import Error
from .extras import needed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL = (6.4, 4.4)  # inches
_MANY_DIGITS = 12  # tasks, up to which every cell of a matrix has room for its number


def curves(table: pd.DataFrame) -> Figure:
    """Of ``Results.table(columns="tasks")``: a panel for each data set and protocol, a line for each method; joint training is an upper bound."""

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        for name, line in _methods(rows):
            stages = line.column.str.extract(r"(\d+)", expand=False).astype(int)
            if line.joint.iloc[0]:
                axes.axhline(line["mean"].dropna().iloc[-1], linestyle=":", color="0.4", label=f"{name} (joint)")
                continue
            axes.plot(stages, line["mean"], marker="o", markersize=3, label=name)
            axes.fill_between(stages, line.low, line.high, alpha=0.15)
        axes.set(xlabel="task", ylabel="accuracy on all classes seen", ylim=(0, 1.02))
        axes.xaxis.set_major_locator(needed("matplotlib.ticker").MaxNLocator(integer=True))

    return _panels(table, draw)


def matrix(run: pd.Series, counts: pd.DataFrame) -> Figure:
    """Of one run and its counts: rows are tasks after which it was evaluated, columns the tasks whose classes these are."""
    cells = counts.pivot(index="after_task", columns="group", values="accuracy")
    figure, axes = _subplots(figsize=_PANEL)
    image = axes.imshow(cells, vmin=0, vmax=1, cmap="viridis")
    if max(cells.shape) <= _MANY_DIGITS:
        for (row, column), value in _numbers(cells):
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="black" if value > 0.6 else "white", fontsize=8)
    axes.set_xticks(range(cells.shape[1]), [str(group + 1) for group in cells.columns])
    axes.set_yticks(range(cells.shape[0]), [str(task + 1) for task in cells.index])
    axes.set(xlabel="classes of task", ylabel="after task", title=f"{run.method}, {run.dataset}, seed {run.seed}")
    figure.colorbar(image, label="accuracy")
    return figure


def pareto(table: pd.DataFrame, cost: str, accuracy: str) -> Figure:
    """Of ``Results.table([cost, accuracy])``: a panel for each data set and protocol, a point for each method, a line along the best."""

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        points = []
        for name, cells in _methods(rows):
            at = cells.set_index("column")
            if at.loc[[cost, accuracy], "mean"].isna().any():
                continue
            x, y = at.loc[cost], at.loc[accuracy]
            points.append((x["mean"], y["mean"]))
            marker, label = ("s", f"{name} (joint)") if x.joint else ("o", name)
            axes.errorbar(x["mean"], y["mean"], xerr=_error_bar(x), yerr=_error_bar(y), fmt=marker, capsize=2, label=label)
        signs = [1 if better else -1 for better in rows.set_index("column").higher_is_better.groupby(level=0).first()[[cost, accuracy]]]
        front = sorted(point for point in points if not any(_beats(other, point, signs) for other in points))
        if front:
            axes.plot(*zip(*front), linestyle="--", color="0.6", zorder=0)
        if points and min(x for x, _ in points) > 0:
            axes.set_xscale("log")
        unit = rows.set_index("column").unit[cost]
        axes.set(xlabel=f"{cost} ({unit if isinstance(unit, str) else unit.iloc[0]})", ylabel=accuracy)

    return _panels(table, draw)


def _beats(other: tuple[float, float], point: tuple[float, float], signs: list[int]) -> bool:
    better = [sign * (a - b) for a, b, sign in zip(other, point, signs)]
    return min(better) >= 0 and max(better) > 0


def _error_bar(cell: pd.Series) -> list[list[float]] | None:
    return None if cell[["low", "high"]].isna().any() else [[max(0, cell["mean"] - cell.low)], [max(0, cell.high - cell["mean"])]]


def _numbers(cells: pd.DataFrame) -> list[tuple[tuple[int, int], float]]:
    return [((i, j), value) for i, row in enumerate(cells.to_numpy()) for j, value in enumerate(row) if value == value]


def _methods(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Each row of the program's table with a name that no other has, in the table's order; those without a number are left out."""
    named = [(method, lines) for method, lines in rows.groupby("row", sort=False) if lines["mean"].notna().any()]
    result, weights = [], rows.weights.nunique() > 1
    for _, lines in named:
        first = lines.iloc[0]
        parts = [first.method, first.preset, first.setting, first.weights if weights else ""]
        result.append((" ".join(part for part in parts if part), lines))
    return result


def _subplots(*shape: int, **options: Any) -> tuple[Figure, Any]:
    pyplot = needed("matplotlib.pyplot")
    figure, axes = pyplot.subplots(*shape, layout="constrained", **options)
    if "inline" in pyplot.get_backend():  # a notebook shows what a cell returns, and once more what is left open
        pyplot.close(figure)
    return figure, axes


def _panels(table: pd.DataFrame, draw: Any) -> Figure:
    panels = [(key, rows) for key, rows in table.groupby("comparability_key", sort=False) if rows["mean"].notna().any()]
    if not panels:
        raise Error("there is nothing to draw: no run has ended with a result yet")
    figure, axes = _subplots(len(panels), 1, figsize=(_PANEL[0], _PANEL[1] * len(panels)), squeeze=False)
    for panel, (_, rows) in zip(axes[:, 0], panels):
        draw(panel, rows)
        panel.set_title(f"{rows.dataset.iloc[0]}\n{rows.protocol.iloc[0]}", fontsize=8, wrap=True)
        panel.legend(fontsize=8)
        panel.grid(alpha=0.3)
    return figure
