// clbench tasks: the class order and the tasks of an experiment, as data.
#include <fmt/format.h>

#include <clb/launch/describe.hpp>
#include <clb/plan/sequence.hpp>
#include <clb/stream/shape.hpp>
#include <set>

#include "catalogue.hpp"
#include "experiment.hpp"
#include "installation.hpp"
#include "options.hpp"
#include "progress_line.hpp"
#include "say.hpp"

namespace clb::cli {

using base::Json;

namespace {

constexpr VerbText kTasks{"tasks", "EXPERIMENT.toml|METHOD/PRESET", "class order and tasks of an experiment, as data",
                          "clbench tasks small.toml --json"};

std::string name_of(const std::vector<std::string>& names, int64_t id) {
  return static_cast<size_t>(id) < names.size() ? names[static_cast<size_t>(id)] : "";
}

// One stream of tasks: everything of a run that decides which classes and domains come when.
Json stream_json(const base::RunSpec& spec, const base::DatasetInfo& dataset) {
  const base::ProtocolSpec& protocol = spec.protocol;
  const stream::StreamShape shape(spec);
  Json tasks = Json::array();
  for (int64_t part = 0; part < shape.parts(); ++part) {
    Json classes = Json::array(), class_names = Json::array();
    const stream::Range range = shape.part_classes(part);
    for (int64_t position = range.first; position < range.end; ++position) {
      classes.push_back(protocol.class_order[static_cast<size_t>(position)]);
      class_names.push_back(name_of(dataset.class_names, classes.back().get<int64_t>()));
    }
    tasks.push_back({{"task", part}, {"classes", classes}, {"names", class_names}, {"runs", part < shape.parts_to_run()}});
    if (shape.part_domain(part) < 0) continue;
    tasks.back()["domain"] = shape.part_domain(part);
    tasks.back()["domain_name"] = name_of(dataset.domain_names, shape.part_domain(part));
  }
  Json stream{{"dataset", spec.dataset.id},
              {"kind", protocol.kind},
              {"split", protocol.split},
              {"order", protocol.order},
              {"order_seed", protocol.order_seed},
              {"joint", protocol.joint},
              {"class_order", protocol.class_order},
              {"tasks", tasks}};
  if (shape.is_domain_stream()) stream["domain_order"] = protocol.domain_order;
  return stream;
}

void print_stream(const Json& stream) {
  say("{}: {}-incremental, {}, order {}, order seed {}{}\n", stream["dataset"].get<std::string>(), stream["kind"].get<std::string>(),
      stream["split"].get<std::string>(), stream["order"].get<std::string>(), stream["order_seed"].get<int64_t>(),
      stream["joint"].get<bool>() ? ", joint: the tasks are learned as one" : "");
  for (const Json& task : stream["tasks"]) {
    std::vector<std::string> classes;
    for (size_t i = 0; i < task["classes"].size(); ++i) {
      const std::string name = task["names"][i].get<std::string>();
      classes.push_back(fmt::format("{}{}", task["classes"][i].get<int64_t>(), name.empty() ? "" : " " + name));
    }
    const std::string domain =
        task.contains("domain") ? fmt::format(", domain {} {}", task["domain"].get<int64_t>(), task["domain_name"].get<std::string>()) : "";
    say("  task {}{}, {} classes{}: {}\n", task["task"].get<int64_t>() + 1, domain, classes.size(),
        task["runs"].get<bool>() ? "" : " (after stop_after)", joined(classes));
  }
}

}  // namespace

int verb_tasks(const Arguments& arguments) {
  Options options(kTasks);
  options.add_overrides();
  options.add_installation();
  options.add_cache();
  options.add_json();
  if (!options.parse(arguments, 1, 1)) return 0;
  const auto plugins = installed_plugins(options);
  launch::Describer describer(launch::find_runner(), cache_folder(options), reading_progress());
  InstalledCatalogue catalogue(plugins, describer);

  Json streams = Json::array();
  std::set<std::string> seen;
  for (const base::RunSpec& spec : plan_experiment(options.words()[0], options, catalogue).runs) {
    Json stream = stream_json(spec, plan::described(spec.dataset, catalogue));
    if (seen.insert(base::canonical(stream)).second) streams.push_back(std::move(stream));
  }
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(streams));
    return 0;
  }
  for (const Json& stream : streams) print_stream(stream);
  return 0;
}

}  // namespace clb::cli
