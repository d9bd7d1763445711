#include "installed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <vector>

#include "params.hpp"
#include "toml.hpp"

namespace clb::plan {
namespace {

std::string known_id(const Node& node, const std::string& kind, const std::vector<std::string>& installed, const Catalogue& catalogue) {
  const std::string id = to_string(node, kind + ".id");
  if (std::find(installed.begin(), installed.end(), id) != installed.end()) return id;
  if (const std::string refusal = catalogue.refusal(id); !refusal.empty()) fail(node.place, refusal);
  fail(node.place, fmt::format("no {} \"{}\" is installed{}", kind, id, suggestion(id, installed, fmt::format("installed {}s", kind))));
}

// Runs `ask` and puts the place in front of what it throws, a remedy behind it.
template <class Ask>
auto at(const Place& place, const std::string& remedy, const Ask& ask) {
  try {
    return ask();
  } catch (const base::Error& error) {
    if (error.exit() == base::Exit::kGoOnLater) throw;  // it has no place in a file, and no remedy
    throw base::Error(place.text() + ": " + error.what() + remedy, error.exit());
  }
}

}  // namespace

base::MethodInfo installed_method(const Node& id, Catalogue& catalogue) {
  const std::string name = known_id(id, "method", catalogue.method_ids(), catalogue);
  return at(id.place, "", [&] { return catalogue.method(name); });
}

base::Json installed_dataset_params(const Node& id, const Table& params, Catalogue& catalogue) {
  const std::string name = known_id(id, "dataset", catalogue.dataset_ids(), catalogue);
  return dataset_params(params, at(id.place, "", [&] { return catalogue.dataset_params(name); }), name);
}

base::DatasetInfo installed_dataset(const Node& id, const std::string& root, const base::Json& params, Catalogue& catalogue,
                                    const std::string& remedy) {
  const std::string name = known_id(id, "dataset", catalogue.dataset_ids(), catalogue);
  return at(id.place, remedy, [&] { return params.empty() ? catalogue.dataset(name, root) : catalogue.dataset_with(name, root, params); });
}

}  // namespace clb::plan
