#include <clb/known_data/match.hpp>
#include <clb/plan/named.hpp>
#include <memory>

#include "params.hpp"
#include "toml.hpp"

namespace clb::plan {

OpenedByName open_by_name(const known_data::Known& known, const std::string& root, const std::string& split, Catalogue& catalogue) {
  Table params = known.params;
  const Place place{std::make_shared<const std::string>("--split " + split)};
  if (!split.empty()) params.set("split", place, Node{place, split});
  base::Json values = base::Json::object();
  if (!params.entries().empty()) values = dataset_params(params, catalogue.dataset_params(known.plugin), known.plugin);
  OpenedByName opened;
  opened.info = values.empty() ? catalogue.dataset(known.plugin, root) : catalogue.dataset_with(known.plugin, root, values);
  known_data::add_orders(known, opened.info);
  opened.difference = known_data::difference(known, opened.info, values);
  return opened;
}

}  // namespace clb::plan
