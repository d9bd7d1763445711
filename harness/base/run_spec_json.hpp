// The parts of a RunSpec as JSON, without members that have their neutral value (neutral.hpp).
#pragma once

#include <clb/base/run_spec.hpp>

namespace clb::base {

Json to_json(const MethodSpec& method);
Json to_json(const DatasetSpec& dataset);
Json to_json(const WeightsSpec& weights);
Json to_json(const ProtocolSpec& protocol);
Json to_json(const ExecutionSpec& execution);
Json own_members(const RunSpec& spec);  // those that are no part's, without "version"

}  // namespace clb::base
