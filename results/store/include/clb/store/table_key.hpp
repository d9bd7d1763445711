// Which table a run stands in.
#pragma once

#include <clb/base/json.hpp>
#include <string>

namespace clb::store {

// The comparability key, 64 hexadecimal digits: data and protocol, of the evaluation transform its geometry alone. Runs on other weights,
// whose images are normalised otherwise, stand in sections of the same table; what the store calls comparability_key, which holds both,
// names a section. spec: the whole one, RunSpec::to_json with or without `execution`, of any version; one that cannot be read any more has
// the table of its section alone, `section_key`.
std::string table_key(const base::Json& spec, const std::string& section_key);

}  // namespace clb::store
