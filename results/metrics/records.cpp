#include <clb/metrics/records.hpp>

namespace clb::metrics {

AccuracyMatrix matrix_of(const base::Json& spec, const std::vector<store::EvalRow>& evals) {
  AccuracyMatrix matrix(stream::StreamShape::of_stored(spec));
  for (const store::EvalRow& row : evals) matrix.add(row.after_task, row.count);
  return matrix;
}

Run records_of(const store::Store& store, const store::RunRow& run, const base::Json& spec, store::AttemptResults found) {
  const int64_t attempt = run.attempt_id, last = run.tasks_done - 1;
  return {.matrix = matrix_of(spec, found.evals),
          .seconds = run.wall_s,
          .scalars = std::move(found.metrics),
          .resources = std::move(found.resources),
          .capabilities = run.capabilities,
          .spans = [&store, attempt] { return store.spans(attempt); },
          .predicted =
              [&store, attempt, last] {
                return Predicted{store.prediction(attempt, last), store.targets(attempt).labels, store.classes(attempt)};
              }};
}

Run records_of(const store::Store& store, const store::RunRow& run) {
  store::AttemptResults found;
  store.results({run.attempt_id}, kRecorded, [&](size_t, store::AttemptResults results) { found = std::move(results); });
  return records_of(store, run, run.spec, std::move(found));
}

}  // namespace clb::metrics
