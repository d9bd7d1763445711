"""`import clbench`, installed from the wheel: frames hold what the program counted, runs stream, plots draw what the frames hold."""

import io
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")

import clbench  # noqa: E402
from clbench import extras, program  # noqa: E402
from clbench.running import _toml  # noqa: E402

SMALL = Path(__file__).with_name("small.toml")


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("results") / "small.sqlite"
    frame = clbench.run(SMALL, db=path)
    assert list(frame.status) == ["ok", "ok"] and list(frame.seed) == [0, 1]
    return path


@pytest.fixture(scope="session")
def results(database):
    return clbench.load(database)


def test_a_run_is_a_row_with_every_metric(results):
    frame = results.frame
    assert len(frame) == 2 and frame.run_key.is_unique
    for run in frame.itertuples(index=False):
        mine = results.metrics[results.metrics.run_key == run.run_key].set_index("metric").value
        assert frame.loc[frame.run_key == run.run_key, "acc.mean.sample"].item() == mine["acc.mean.sample"]


def test_counts_are_what_the_predictions_say(results):
    correct = results.predictions.assign(right=results.predictions.label == results.predictions.predicted)
    recounted = correct.groupby(["run_key", "after_task"]).right.sum()
    counted = results.counts.groupby(["run_key", "after_task"]).correct.sum()
    assert recounted.to_dict() == counted.to_dict()
    assert 0 < counted.sum() < results.counts.n.sum()
    assert (results.counts.accuracy * results.counts.n).round(9).tolist() == results.counts.correct.tolist()


def test_the_table_is_the_one_of_the_program(database, tmp_path):
    both = shutil.copy(database, tmp_path / "both.sqlite")
    clbench.run(SMALL, db=both, set={"method": {"id": "simplecil", "params": {"distance": "euclidean"}}})
    metrics = ["acc.last.sample", "state.total"]
    table = clbench.load(both).table(metrics)
    command = [program.executable(), "table", "--db", both, "--metrics", ",".join(metrics), "--format", "csv"]
    printed = extras.needed("pandas").read_csv(io.StringIO(subprocess.run(command, capture_output=True, check=True, text=True).stdout))
    assert list(table.method) == ["simplecil"] * 4 and list(table.setting) == ["distance=" + d for d in printed.setting.str[9:] for _ in metrics]
    for metric in metrics:
        cells = table[table.column == metric][["mean", "low", "high", "n", "rank_low", "rank_high"]]
        wanted = printed[[metric, f"{metric} low", f"{metric} high", f"{metric} n", "rank low", "rank high"]]
        assert cells.astype(float).to_numpy() == pytest.approx(wanted.astype(float).to_numpy(), nan_ok=True)


def test_progress_streams_and_what_is_finished_is_not_run_again(tmp_path, database, capsys):
    fresh = clbench.run(SMALL, "--jobs", "1", db=tmp_path / "one.sqlite", set={"run.seed": [1], "run.threads": 1})
    assert "simplecil seed 1: started" in capsys.readouterr().err
    assert len(fresh) == 1 and fresh["acc.last.sample"].between(0, 1).all()
    again = clbench.run(SMALL, db=database)
    assert "2 of 2 runs are finished" in capsys.readouterr().err
    assert len(again) == 2


def test_mistakes_are_one_sentence(tmp_path):
    with pytest.raises(clbench.Error, match="did you mean"):
        clbench.run(SMALL, db=tmp_path / "x.sqlite", set={"run.sed": 1})
    with pytest.raises(clbench.Error, match="there is no such database"):
        clbench.load(tmp_path / "none.sqlite")
    (tmp_path / "text.sqlite").write_text("no database")
    with pytest.raises(clbench.Error, match="text.sqlite") as caught:
        clbench.load(tmp_path / "text.sqlite").runs
    assert caught.value.code == 2 and "\n" not in str(caught.value)
    with pytest.raises(clbench.Error, match="run.seed is set"):
        clbench.run(SMALL, db=tmp_path / "x.sqlite", set={"run.seed": {1, 2}})


def test_values_become_toml():
    assert _toml({"id": 'a"b', "params": {"lr": 1e-3, "on": True}}, "method") == r'{ "id" = "a\"b", "params" = { "lr" = 0.001, "on" = true } }'
    assert _toml(range(3), "run.seed") == "[0, 1, 2]"


def test_an_interrupt_stops_at_a_safe_point_and_the_next_call_goes_on(tmp_path):
    script = f"import clbench; clbench.run({str(SMALL)!r}, db='a.sqlite', set={{'method': {{'id': 'finetune', 'params': {{'epochs': 200}}}}}})"
    heard = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # what runs in a shell's background inherits that it is ignored
    started = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=heard)
    said = []
    for line in started.stderr:
        said.append(line)
        if "train" in line:
            started.send_signal(signal.SIGINT)  # to Python alone, as `kill` does; a terminal sends it to both
            break
    began = time.monotonic()
    said += started.stderr.readlines()
    assert started.wait() != 0 and time.monotonic() - began < 60
    assert any("stopping at a safe point" in line for line in said), said
    assert any("KeyboardInterrupt" in line for line in said), said
    assert "cancelled" in set(clbench.load(tmp_path / "a.sqlite").runs.status)


def test_the_curve_is_the_table(results):
    table = results.table(columns="tasks")
    (axes,) = results.plot_curves().axes
    (line,) = axes.get_lines()
    assert line.get_ydata().tolist() == table["mean"].tolist() and line.get_xdata().tolist() == [1, 2, 3, 4]


def test_the_matrix_is_the_counts_of_one_run(results):
    key = results.runs.run_key[1]
    axes = results.plot_matrix(key[:12]).axes[0]
    cells = axes.get_images()[0].get_array()
    mine = results.counts[results.counts.run_key == key]
    assert cells.shape == (4, 4)
    assert all(cells[row.after_task, row.group] == row.accuracy for row in mine.itertuples())
    with pytest.raises(clbench.Error, match="say which run: .*simplecil, seed 0"):
        results.plot_matrix()


def test_pareto_joins_those_that_no_other_beats():
    pandas = extras.needed("pandas")
    rows = []
    for number, (name, cost, accuracy) in enumerate([("a", 1, 0.5), ("b", 2, 0.4), ("c", 3, 0.9)]):
        common = {"comparability_key": "k", "dataset": "d", "protocol": "p", "weights": "w", "row": number, "method": name, "preset": "", "setting": ""}
        for column, value, better in (("time.total", cost, False), ("acc", accuracy, True)):
            rows.append({**common, "joint": False, "column": column, "unit": "", "higher_is_better": better, "mean": value, "low": None, "high": None})
    from clbench.plots import pareto

    (axes,) = pareto(pandas.DataFrame(rows), "time.total", "acc").axes
    front = [line for line in axes.get_lines() if line.get_linestyle() == "--"]
    assert [list(line.get_xydata().flatten()) for line in front] == [[1, 0.5, 3, 0.9]]


def test_pareto_of_runs(results):
    (axes,) = results.plot_pareto(cost="state.total").axes
    table = results.table(["state.total", "acc.mean.sample"])
    assert axes.containers[0].lines[0].get_xydata().tolist() == [table["mean"].tolist()]


def test_what_is_not_installed_is_said_in_one_sentence(monkeypatch):
    for name in ("pandas", "matplotlib.pyplot"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setitem(sys.modules, name.split(".")[0], None)
        with pytest.raises(clbench.Error, match=f"^{name.split('.')[0]} is not installed for .*pip install 'clbench"):
            extras.needed(name)
