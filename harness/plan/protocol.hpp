// [protocol]: read once, then resolved for each dataset and order seed.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/plan/class_order.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sections.hpp"
#include "toml.hpp"

namespace clb::plan {

struct ProtocolSection {
  base::ProtocolSpec spec;  // what does not depend on the dataset
  Place place, split_place, order_place, stop_place, unseen_place;
  std::optional<Node> split_list;  // split = [50, 20, 30]
  std::optional<Node> domains;     // domains = ["photo", 2]
  std::optional<Node> order_list;  // order = [3, 1, 2]
  OrderName order;                 // otherwise
  std::optional<Node> eval_transform;
  std::vector<int64_t> order_seeds;
};

ProtocolSection read_protocol(const Node& root, std::vector<std::string>& warnings);

// With task sizes, class order, transform and limits checked against the dataset.
base::ProtocolSpec resolve_protocol(const ProtocolSection& section, const DatasetEntry& entry, int64_t order_seed,
                                    const std::filesystem::path& recipes);

}  // namespace clb::plan
