// clbench doctor: what is wrong with this installation, and what to do about it.
#include <fmt/format.h>

#include <clb/base/cache.hpp>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <clb/base/paths.hpp>
#include <clb/launch/describe.hpp>
#include <clb/launch/human.hpp>
#include <clb/launch/memory.hpp>
#include <clb/store/store.hpp>
#include <filesystem>
#include <functional>

#include "build_id.hpp"
#include "columns.hpp"
#include "installation.hpp"
#include "machine.hpp"
#include "options.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Error;
using base::Json;

namespace {

constexpr VerbText kDoctor{"doctor", "", "check this installation and say what to do", "clbench doctor --db results.sqlite"};
constexpr uint64_t kLowDisk = 5'000'000'000;  // the features of one large dataset

struct Finding {
  std::string what, state, text;  // state: ok | warning | bad; text: what was found and what to do
};

Finding check(const std::string& what, const std::function<Finding()>& look) {
  try {
    Finding finding = look();
    finding.what = what;
    return finding;
  } catch (const std::exception& error) {
    return {what, "bad", error.what()};
  }
}

Finding look_at_runner() {
  launch::Describer describer(launch::find_runner(), std::nullopt);
  const Json version = describer.version();
  std::vector<std::string> devices{"cpu"};
  for (const Json& device : version.at("devices")) {
    if (device != "cpu") devices.push_back(device.get<std::string>());
  }
  const std::string text = fmt::format("{}; LibTorch {}; devices: {}", launch::find_runner().program.string(),
                                       version.at("libtorch").get<std::string>(), fmt::join(devices, ", "));
  const bool card_unused = !version.at("cuda").get<bool>() && !this_machine().gpu.empty();
  if (card_unused) return {"", "warning", text + fmt::format("; {} is not used: set up a CUDA LibTorch", this_machine().gpu)};
  return {"", "ok", text};
}

Finding look_at_plugins(const Options& options) {
  size_t methods = 0, datasets = 0;
  std::vector<std::string> refused;
  for (const launch::PluginFile& plugin : installed_plugins(options)) {
    if (!plugin.error.empty()) refused.push_back(plugin.error);
    methods += plugin.usable() && plugin.meta.kind == "method";
    datasets += plugin.usable() && plugin.meta.kind == "dataset";
  }
  std::string text = fmt::format("{} methods, {} datasets", methods, datasets);
  if (!refused.empty()) return {"", "bad", fmt::format("{}; {} refused: {}", text, refused.size(), fmt::join(refused, "; "))};
  if (!methods || !datasets) return {"", "warning", text + "; --plugin-path DIR or CLB_PLUGIN_PATH adds folders"};
  return {"", "ok", text};
}

fs::path nearest_existing(fs::path folder) {
  std::error_code error;
  folder = fs::absolute(folder);
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

Finding space_at(const fs::path& folder) {
  const uint64_t free = fs::space(nearest_existing(folder)).available;
  const std::string text = fmt::format("{}, {} free", folder.string(), launch::human_bytes(free));
  if (free < kLowDisk) return {"", "warning", text + "; make room, or choose another place"};
  return {"", "ok", text};
}

Finding look_at_cache(const Options& options) {
  const auto cache = base::cache_dir(options.text("cache"));
  if (!cache) return {"", "warning", "off; frozen features are computed anew in every run"};
  fs::create_directories(*cache);
  base::prepare_cache(*cache);
  base::AtomicFile(*cache / "doctor").write("clbench doctor\n");  // never finished: nothing stays
  return space_at(*cache);
}

Finding look_at_database(const Options& options) {
  const fs::path database = options.text("db");
  const fs::path folder = fs::absolute(database).parent_path();
  if (!fs::exists(database)) {
    Finding finding = space_at(folder);
    finding.text = fmt::format("{} does not exist yet; {}", database.string(), finding.text);
    return finding;
  }
  const store::Store store = store::Store::open(database, store::Store::Mode::kRead);
  store.check();
  Finding finding = space_at(folder);
  finding.text = fmt::format("{}: {} runs, sound; {}", database.string(), store.states().size(), finding.text);
  return finding;
}

Finding look_at_machine() {
  const store::Machine machine = this_machine();
  return {"", "ok",
          fmt::format("{}, {} cores, {} of memory available{}; bf16 here: {}", machine.cpu, machine.cores,
                      launch::human_bytes(launch::available_memory()), machine.gpu.empty() ? "" : ", " + machine.gpu,
                      bf16_form() == base::kBf16 ? "products in bfloat16" : "weights in bfloat16, products in float32")};
}

}  // namespace

int verb_doctor(const Arguments& arguments) {
  Options options(kDoctor);
  options.add_database();
  options.add_installation();
  options.add_cache();
  options.add_json();
  if (!options.parse(arguments, 0, 0)) return 0;

  const std::vector<Finding> findings{
      {"clbench", "ok", fmt::format("{} (commit {}), {}", kVersion, kCommit, base::prefix().string())},
      check("machine", look_at_machine),
      check("runner", look_at_runner),
      check("plugins", [&] { return look_at_plugins(options); }),
      check("cache", [&] { return look_at_cache(options); }),
      check("database", [&] { return look_at_database(options); }),
  };
  bool bad = false;
  Json rows = Json::array();
  for (const Finding& finding : findings) {
    bad = bad || finding.state == "bad";
    rows.push_back({{"what", finding.what}, {"state", finding.state}, {"text", finding.text}});
    if (!options.flag("json")) say("{:<8}  {:<9} {}\n", finding.state, finding.what, finding.text);
  }
  if (options.flag("json")) fmt::print("{}\n", base::pretty(rows));
  return bad ? static_cast<int>(base::Exit::kFailedRun) : 0;
}

}  // namespace clb::cli
