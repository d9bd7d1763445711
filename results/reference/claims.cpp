#include <clb/base/file.hpp>
#include <clb/base/toml/reader.hpp>
#include <clb/reference/claims.hpp>

#include "values.hpp"

namespace clb::reference {
namespace {

using namespace base::toml;

Group read_group(const Node& node, const std::string& key) {
  const Reader reader(node, key);
  check_keys(reader.table(), key, {"name", "methods", "params"});
  Group group{to_string(reader.at("name", "\"prompt-based\""), reader.what("name")),
              strings(reader.at("methods", "[\"l2p\", \"dualprompt\"]"), reader.what("methods"))};
  if (const Node* params = reader.find("params"))
    for (const base::toml::Entry& entry : Reader(*params, reader.what("params")).table().entries())
      group.params[entry.key] = to_string(entry.value, reader.what("params." + entry.key));
  return group;
}

Claim read_claim(const Reader& reader) {
  check_keys(reader.table(), "claim", {"name", "citation", "metric", "least", "first", "second", "tasks"});
  Claim claim;
  claim.name = to_string(reader.at("name", "\"A beats B\""), reader.what("name"));
  claim.citation = to_string(reader.at("citation", "\"Authors: Title. Year\""), reader.what("citation"));
  const Node& metric = reader.at("metric", "\"acc.mean.sample\"");
  claim.metric = to_string(metric, reader.what("metric"));
  check_metric(claim.metric, metric);
  claim.least = reader.integer("least", 1, 1, 1000);
  claim.first = read_group(reader.at("first", "{ name = \"A\", methods = [\"simplecil\"] }"), "first");
  claim.second = read_group(reader.at("second", "{ name = \"B\", methods = [\"l2p\"] }"), "second");
  if (const Node* tasks = reader.find("tasks")) {
    claim.tasks = to_int_list(*tasks, reader.what("tasks"), 1, 100'000);
    if (claim.tasks.size() != 2 || claim.tasks[0] == claim.tasks[1])
      fail(tasks->place, "claim.tasks must be two numbers of tasks: [5, 20]");
  }
  return claim;
}

}  // namespace

std::vector<Claim> read_claims(const std::filesystem::path& file) {
  const Node root = parse_toml(base::read_file(file, kMaxBytes), file.string());
  check_keys(*root.table(), "", {"claim"});
  std::vector<Claim> claims;
  const Node* list = root.table()->find("claim");
  if (!list) return claims;
  if (!list->list()) fail(list->place, "claim must be written as [[claim]]");
  for (const Node& node : *list->list()) claims.push_back(read_claim(Reader(node, "claim")));
  return claims;
}

}  // namespace clb::reference
