// What the formulas read of a stored run.
#pragma once

#include <clb/base/json.hpp>
#include <clb/metrics/run.hpp>
#include <clb/store/store.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace clb::metrics {

// Of what methods and the runner record, the names that formulas read: for Store::results.
inline const std::vector<std::string> kRecorded{"updates", "trainable_parameters", "state_parameter_bytes"};

// spec: the run's, also that of an older clbench.
AccuracyMatrix matrix_of(const base::Json& spec, const std::vector<store::EvalRow>& evals);

// found: of the counted attempt, with the scalars that the formulas to come will ask for; `store` outlives the records.
Run records_of(const store::Store& store, const store::RunRow& run, const base::Json& spec, store::AttemptResults found);

// The same of a run that holds its spec.
Run records_of(const store::Store& store, const store::RunRow& run);

}  // namespace clb::metrics
