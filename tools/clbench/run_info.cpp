#include "run_info.hpp"

#include <fmt/format.h>

#include <clb/base/json.hpp>
#include <clb/launch/human.hpp>
#include <clb/store/store.hpp>
#include <cstdio>

#include "columns.hpp"
#include "say.hpp"
#include "stored_run.hpp"

namespace clb::cli {
namespace {

using base::Json;
using Resources = std::map<std::string, double>;

template <class Text>
std::string shown(const Resources& resources, const char* name, Text text) {
  const auto found = resources.find(name);
  return found == resources.end() ? "–" : text(found->second);
}

std::string load_text(const Resources& resources) {
  const auto number = [](double value) { return fmt::format("{:.1f}", value); };
  return shown(resources, "load_start", number) + " → " + shown(resources, "load_end", number);
}

Json attempt_json(const store::RunRow& run, const Resources& resources) {
  return {{"attempt", run.uuid},       {"status", run.status.status},  {"reason", run.status.reason}, {"started_at", run.started_at},
          {"ended_at", run.status.at}, {"commit", run.commit},         {"cpu", run.machine.cpu},      {"cores", run.machine.cores},
          {"gpu", run.machine.gpu},    {"tasks_done", run.tasks_done}, {"wall_s", run.wall_s},        {"resources", resources}};
}

std::string machine_text(const store::Machine& m) {
  return fmt::format("{}, {} cores{}{}", m.cpu.empty() ? "unknown CPU" : m.cpu, m.cores, m.gpu.empty() ? "" : ", ", m.gpu);
}

}  // namespace

void print_run(const std::filesystem::path& database, const std::string& key, bool json) {
  const store::Store store = store::Store::open(database, store::Store::Mode::kRead);
  const store::RunRow run = run_by_key(store, key, database);
  Json attempts = Json::array();
  Columns columns({"attempt", "started", "status", "time", "processor", "others took", "load", "memory", "commit", "machine"});
  for (const store::RunRow& attempt : store.attempts()) {
    if (attempt.run_id != run.run_id) continue;
    const Resources resources = store.resources(attempt.attempt_id);
    attempts.push_back(attempt_json(attempt, resources));
    columns.add({attempt.uuid.substr(0, 8), attempt.started_at.substr(0, 19), attempt.status.status, launch::human_seconds(attempt.wall_s),
                 shown(resources, "processor_seconds", launch::human_seconds),
                 shown(resources, "others_share", [](double share) { return fmt::format("{:.0f} %", 100 * share); }), load_text(resources),
                 shown(resources, "peak_rss_bytes", [](double bytes) { return launch::human_bytes(static_cast<uint64_t>(bytes)); }),
                 attempt.commit, machine_text(attempt.machine)});
  }
  if (json) {
    const Json all{{"kind", "run"},
                   {"key", run.key},
                   {"method", run.method},
                   {"preset", run.preset},
                   {"dataset", run.dataset},
                   {"seed", run.seed},
                   {"order_seed", run.order_seed},
                   {"tasks_planned", run.tasks_planned},
                   {"attempts", attempts},
                   {"spec", store.spec(run.run_id)}};
    return fmt::print("{}\n", base::pretty(all));
  }
  say("run {}: {}{}{} on {}, seed {}, order {}, {} tasks\n\n", run.key.substr(0, 12), run.method, run.preset.empty() ? "" : "/", run.preset,
      run.dataset, run.seed, run.order_seed, run.tasks_planned);
  fmt::print("{}\n", columns.empty() ? "no attempt yet\n" : columns.text());
  say("time: the clock's; processor: user and system time of all threads; others took: of the processors' time meanwhile\n");
}

}  // namespace clb::cli
