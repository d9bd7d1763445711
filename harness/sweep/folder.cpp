#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <clb/base/descriptor.hpp>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/path_text.hpp>
#include <clb/base/temporary.hpp>
#include <clb/sweep/folder.hpp>
#include <clb/sweep/places.hpp>
#include <clb/sweep/script.hpp>
#include <cstring>
#include <fstream>

#include "own_file.hpp"

namespace clb::sweep {

using base::Error;
using base::Json;

namespace {

constexpr int64_t kVersion = 1;

Json to_json(const Manifest& m) {
  Json runs = Json::array(), folders = Json::array();
  for (const PlannedRun& run : m.runs)
    runs.push_back(
        {{"key", run.key}, {"label", run.label}, {"slot", run.slot}, {"minutes", run.seconds / 60}, {"minutes_from", run.basis}});
  for (const std::string& folder : m.plugin_folders) folders.push_back(base::path_text(folder));
  return {{"version", kVersion},
          {"name", m.name},
          {"slots", m.slots},
          {"job",
           {{"minutes", m.job.time_s / 60},
            {"cpus", m.job.cpus},
            {"gpus", m.job.gpus},
            {"at_once", m.job.at_once},
            {"runs_at_once", m.job.together},
            {"partition", m.job.partition},
            {"sbatch", m.job.sbatch}}},
          {"plugin_folders", folders},
          {"features", m.features},
          {"runs", runs}};
}

Manifest from_json(const Json& json) {
  Manifest m;
  m.name = json.at("name").get<std::string>();
  m.slots = json.at("slots").get<int64_t>();
  const Json& job = json.at("job");
  m.job = {.time_s = 60 * job.at("minutes").get<double>(),
           .cpus = job.at("cpus").get<int64_t>(),
           .gpus = job.at("gpus").get<int64_t>(),
           .at_once = job.at("at_once").get<int64_t>(),
           .together = job.at("runs_at_once").get<int64_t>(),
           .partition = job.at("partition").get<std::string>(),
           .sbatch = job.at("sbatch").get<std::vector<std::string>>()};
  for (const Json& folder : json.at("plugin_folders")) m.plugin_folders.push_back(base::path_bytes(folder.get<std::string>()));
  m.features = json.at("features").get<std::vector<int64_t>>();
  for (const Json& run : json.at("runs")) {
    m.runs.push_back({.key = run.at("key").get<std::string>(),
                      .label = run.at("label").get<std::string>(),
                      .slot = run.at("slot").get<int64_t>(),
                      .seconds = 60 * run.at("minutes").get<double>(),
                      .basis = run.at("minutes_from").get<std::string>()});
    if (m.runs.back().slot < 1 || m.runs.back().slot > m.slots)
      throw Error(fmt::format("run {} is in slot {} of {}", m.runs.back().key.substr(0, 12), m.runs.back().slot, m.slots));
  }
  for (const int64_t run : m.features)
    if (run < 0 || run >= static_cast<int64_t>(m.runs.size())) throw Error(fmt::format("features of run {}, which is not there", run));
  return m;
}

constexpr const char* kPlanAgain = "copy it from where the sweep was planned, or plan the sweep again into another folder";

[[noreturn]] void not_as_planned(const fs::path& file, const std::string& what) {
  throw Error(fmt::format("{}: is not as `clbench sweep plan` wrote it ({}); {}", file.string(), what, kPlanAgain));
}

// Into a folder that nobody sees yet: hundreds of files, which put_on_disk waits for once.
void write_new(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw base::WriteError(fmt::format("{}: cannot be written: {}", file.string(), std::strerror(errno)));
}

void put_on_disk(const fs::path& folder) {
  const base::Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || syncfs(fd.get()) != 0)
    throw base::WriteError(fmt::format("{}: cannot be put on disk: {}", folder.string(), std::strerror(errno)));
}

// In one go: of 10,000 runs a spec each is tens of megabytes.
void write_slots(const fs::path& folder, const Manifest& manifest, const std::vector<base::RunSpec>& specs, Places& places) {
  std::vector<std::string> slots(static_cast<size_t>(manifest.slots));
  for (size_t i = 0; i < specs.size(); ++i) {
    base::RunSpec run = specs[i];
    for_each_path(run, [&](std::string& path) { path = places.leaving(path); });
    run.method.file.clear();
    for_each_dataset(run, [](base::DatasetSpec& dataset) { dataset.file.clear(); });
    run.execution.method_sources.clear();
    std::string& slot = slots[static_cast<size_t>(manifest.runs[i].slot - 1)];
    slot += (slot.empty() ? "[\n" : ",\n") + base::canonical(run.to_json());
  }
  for (size_t k = 0; k < slots.size(); ++k) {
    fs::create_directories(folder / "slots" / std::to_string(k + 1));
    write_new(folder / "slots" / std::to_string(k + 1) / "runs.json", slots[k] + "\n]\n");
  }
}

// Absolute, without a slash at its end.
fs::path plainly(const fs::path& named) {
  const fs::path folder = fs::absolute(named).lexically_normal();
  return folder.has_filename() ? folder : folder.parent_path();
}

void write_script(const fs::path& file, const std::string& text) {
  write_new(file, text);
  fs::permissions(file, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec, fs::perm_options::add);
}

}  // namespace

void Folder::require_new(const fs::path& named) {
  const fs::path folder = plainly(named);
  std::error_code error;
  if (!fs::is_directory(folder.parent_path(), error))
    throw Error(
        fmt::format("{}: there is no folder {}; make it, or give --dir another place", named.string(), folder.parent_path().string()));
  if (fs::exists(fs::symlink_status(folder, error)) && !(fs::is_directory(folder, error) && fs::is_empty(folder, error)))
    throw Error(fmt::format("{}: is there already{}; give --dir a folder that is not", named.string(),
                            is_one(folder) ? " and holds a sweep, which `clbench sweep status` shows" : ""));
}

void Folder::create(const fs::path& named, const Manifest& manifest, const std::vector<base::RunSpec>& specs) {
  require_new(named);
  const fs::path folder = plainly(named);
  std::error_code error;
  const fs::path making = base::temporary_folder_beside(folder);
  try {
    Places places;
    for (const std::string& plugins : manifest.plugin_folders) places.leaving(plugins);
    write_slots(making, manifest, specs, places);
    for (const char* inner : {"parts", "logs"}) fs::create_directory(making / inner);
    write_new(making / "places.json", places.text());
    if (!manifest.features.empty()) write_script(making / "features.sh", features_script(manifest));
    write_script(making / "job.sh", job_script(manifest));
    write_script(making / "merge.sh", merge_script(manifest));
    write_new(making / "sweep.json", base::pretty(to_json(manifest)) + "\n");
    put_on_disk(making);
    fs::rename(making, folder);
  } catch (...) {
    fs::remove_all(making, error);
    throw;
  }
}

bool Folder::is_one(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(folder / "sweep.json", error);
}

Folder::Folder(const fs::path& folder) : folder_(plainly(folder)) {
  const fs::path file = folder_ / "sweep.json";
  if (!is_one(folder_))
    throw Error(fmt::format("{}: is no sweep (there is no sweep.json); `clbench sweep plan` makes one", folder.string()));
  const Json json = read_own(file, kPlanAgain);
  if (const int64_t version = json.is_object() ? json.value("version", int64_t{0}) : 0; version > kVersion)
    throw Error(fmt::format("{}: was written by a newer clbench (form {}); use that one", file.string(), version));
  try {
    manifest_ = from_json(json);
  } catch (const Json::exception&) {
    not_as_planned(file, "a value is missing, or of another kind");
  } catch (const Error& e) {
    not_as_planned(file, e.what());
  }
}

fs::path Folder::slot_folder(int64_t slot) const { return folder_ / "slots" / std::to_string(slot); }
fs::path Folder::part(int64_t slot) const { return folder_ / "parts" / (std::to_string(slot) + ".sqlite"); }

std::vector<size_t> Folder::runs_of(int64_t slot) const {
  std::vector<size_t> runs;
  for (size_t i = 0; i < manifest_.runs.size(); ++i)
    if (manifest_.runs[i].slot == slot) runs.push_back(i);
  return runs;
}

std::vector<int64_t> Folder::slots_with_parts() const {
  std::vector<int64_t> slots;
  std::error_code error;
  for (fs::directory_iterator entry(folder_ / "parts", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().stem().string();
    int64_t slot = 0;
    const auto [rest, wrong] = std::from_chars(name.data(), name.data() + name.size(), slot);
    if (wrong == std::errc() && entry->path() == part(slot) && slot >= 1 && slot <= manifest_.slots) slots.push_back(slot);
  }
  std::sort(slots.begin(), slots.end());
  return slots;
}

std::vector<base::RunSpec> Folder::specs(int64_t slot) const {
  if (slot < 1 || slot > manifest_.slots)
    throw Error(fmt::format("{}: there is no slot {}; slots are numbered from 1 to {}", folder_.string(), slot, manifest_.slots));
  const fs::path file = slot_folder(slot) / "runs.json";
  const Places places(folder_ / "places.json");
  const Json json = read_own(file, kPlanAgain);
  const std::vector<size_t> planned = runs_of(slot);
  if (!json.is_array() || json.size() != planned.size()) not_as_planned(file, "the number of its runs");
  std::vector<base::RunSpec> specs;
  for (size_t i = 0; i < planned.size(); ++i) {
    specs.push_back(base::RunSpec::from_json(json[i], fmt::format("{}: run {}", file.string(), i + 1)));
    if (specs.back().key() != manifest_.runs[planned[i]].key) not_as_planned(file, fmt::format("run {} has another key", i + 1));
    for_each_path(specs.back(), [&](std::string& path) {
      path = places.arriving(path);
      std::error_code error;
      if (!path.empty() && !fs::exists(path, error))
        throw Error(fmt::format("{}: there is no {}, which run {} needs; put it there, or say in {} where it is", folder_.string(), path,
                                manifest_.runs[planned[i]].key.substr(0, 12), (folder_ / "places.json").string()));
    });
  }
  return specs;
}

std::vector<std::string> Folder::plugin_folders() const {
  const Places places(folder_ / "places.json");
  std::vector<std::string> folders;
  for (const std::string& planned : manifest_.plugin_folders) folders.push_back(places.arriving(planned));
  return folders;
}

}  // namespace clb::sweep
