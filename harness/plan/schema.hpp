// Which keys an experiment may have. Names are checked before any value is read, so that a misspelt key is reported
// as such and not as a missing one.
#pragma once

#include <string>
#include <vector>

#include "toml.hpp"

namespace clb::plan {

// The whole experiment: every table, every [[dataset]], [weights.ROLE] and [[method]]; parameters of methods are checked in params.hpp.
void check_experiment_keys(const Node& root);

// A file of share/protocols: the keys of [protocol].
void check_protocol_keys(const Node& root);

// The tables under a key that may be written once ([dataset]) or several times ([[dataset]]).
std::vector<const Node*> one_or_several(const Node& root, const std::string& key);

}  // namespace clb::plan
