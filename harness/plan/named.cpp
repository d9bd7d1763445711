#include <clb/known_data/match.hpp>
#include <clb/plan/named.hpp>
#include <clb/plan/settings.hpp>

#include "params.hpp"

namespace clb::plan {
namespace {

base::Json params_of(const known_data::Known& known, const std::vector<std::string>& assignments, Catalogue& catalogue) {
  if (known.params.entries().empty() && assignments.empty()) return base::Json::object();
  const std::vector<base::ParamInfo> schema = catalogue.dataset_params(known.plugin);
  base::Json values = dataset_params(known.params, schema, known.plugin);
  values.update(settings(assignments, schema, "dataset " + known.plugin));
  return base::without_neutral(std::move(values), schema);
}

}  // namespace

OpenedByName open_by_name(const known_data::Known& known, const std::string& root, const std::vector<std::string>& assignments,
                          Catalogue& catalogue) {
  const base::Json params = params_of(known, assignments, catalogue);
  OpenedByName opened;
  opened.info = params.empty() ? catalogue.dataset(known.plugin, root) : catalogue.dataset_with(known.plugin, root, params);
  known_data::add_orders(known, opened.info);
  opened.difference = known_data::difference(known, opened.info, params);
  const known_data::SplitFacts facts = known_data::facts_of(known, opened.info, params);
  opened.counts_stated = facts.train > 0 && facts.test > 0;
  return opened;
}

}  // namespace clb::plan
