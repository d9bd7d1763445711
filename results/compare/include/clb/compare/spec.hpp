// Words for what the stored JSON of a run says. They accept any JSON, also that of an older clbench.
#pragma once

#include <clb/base/json_at.hpp>
#include <cstdint>
#include <string>

namespace clb::compare {

using base::flag_at, base::integer_at, base::text_at;

uint64_t capabilities(const base::Json& spec);
std::string method_name(const base::Json& spec);   // "l2p/small", "l2p" without a preset
std::string setting_name(const base::Json& spec);  // "cifar100 B0-Inc10"

// In which of the fields that make up the comparability key two runs differ: "eval_transform.name (micro-32 against small-112)". "" when
// in none.
std::string comparability_difference(const base::Json& a, const base::Json& b);
// Parameters of the method, or its training transform: "lr (0.01 against 0.03)".
std::string config_difference(const base::Json& a, const base::Json& b);

}  // namespace clb::compare
