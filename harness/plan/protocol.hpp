// [protocol]: read once, then resolved for each dataset and order seed.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/plan/class_order.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "toml.hpp"

namespace clb::plan {

struct ProtocolSection {
  base::ProtocolSpec spec;  // what does not depend on the dataset
  Place place, split_place, order_place, stop_place;
  std::optional<Node> order_list;  // order = [3, 1, 2]
  OrderName order;                 // otherwise
  std::optional<Node> eval_transform;
  std::vector<int64_t> order_seeds;
};

ProtocolSection read_protocol(const Node& root, std::vector<std::string>& warnings);

// With task sizes, class order, transform and limits checked against the dataset.
base::ProtocolSpec resolve_protocol(const ProtocolSection& section, const base::DatasetInfo& dataset, int64_t order_seed,
                                    const std::filesystem::path& recipes);

}  // namespace clb::plan
