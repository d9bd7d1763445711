// --set KEY=VALUE: changes the tree of an experiment before it is read, so that an override is checked exactly as what stands in the file.
#pragma once

#include <string>
#include <vector>

#include "toml.hpp"

namespace clb::plan {

// KEY is a dotted path: "run.seed", "weights.main.file", "method.l2p.params.top_k". After `method` and `dataset` the id of an entry selects
// it (all entries with that id); it may be left out when there is one entry. VALUE has TOML syntax; what is not TOML and does not begin
// like a TOML string, list or table is a plain string ("protocol.split=B0-Inc5"). Later overrides win.
void apply_overrides(Node& root, const std::vector<std::string>& overrides);

Node parse_value(std::string text, const Place& place);  // VALUE alone

}  // namespace clb::plan
