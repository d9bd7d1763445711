// What `clb-runner describe` says of a plugin, remembered in the cache so that a plugin is loaded once.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/base/event.hpp>
#include <clb/base/file.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/launch/spawn.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace clb::launch {

class ForkServers;

// One instance serves one command, on one thread. Entries lie in <cache>/describe; they hold the SHA-256 of the plugin and of the runner
// and, for an opened dataset, a digest of the stamps of everything below its root and a sample of the bytes; an entry that does not fit is
// replaced.
class Describer {
 public:
  // What is told while a data set is read for the first time; `root`: its folder, "" where the plugin knows it.
  using Progress = std::function<void(const std::string& root, const base::Progress&)>;

  Describer(RunnerPlace place, std::optional<std::filesystem::path> cache, Progress progress = nullptr);

  // Called before the first process is started to describe something: what is described for the first time is likely to be run. What it
  // gives forks the processes that describe, too.
  void when_asking(std::function<std::shared_ptr<ForkServers>()> call) { when_asking_ = std::move(call); }

  // Up to how many bytes the samples of a data set that is read for the first time are kept decoded (ExecutionSpec::store_limit).
  void expect_store_limit(int64_t bytes) { store_limit_ = bytes; }

  base::MethodInfo method(const std::filesystem::path& file);
  base::DatasetInfo dataset(const std::filesystem::path& file);  // files not opened
  // root "": the plugin's default. params: of the plugin; those that are absent are neutral or have their defaults.
  base::DatasetInfo opened_dataset(const std::filesystem::path& file, const std::string& root,
                                   const base::Json& params = base::Json::object());
  base::Json version();  // {libtorch, cuda, devices, cpu, cpu_flags, runner_hash}; never from the cache

  std::string libtorch();  // the version that the runner loads, "2.11.0"

  // Of a plugin, in hex: never from the cache, and of one instance always the first answer, so that what a plan was made with is what a run
  // is held to.
  const std::string& sha256(const std::filesystem::path& file);
  std::string plugin_hash(const std::filesystem::path& file);  // with the files that belong to it
  std::string method_hash(const base::RunSpec& run);           // of its plugin and the files that belong to it
  const std::string& runner_hash();
  std::string runner_hash_of_itself();  // what a runner must find; empty when a script stands in its place, which starts another file
  std::string file_sha256(const std::filesystem::path& file);  // of large files, through the cache

 private:
  struct Question;
  std::optional<base::FileLock> lock(const std::filesystem::path& entry, const std::string& root);
  std::optional<base::Json> kept(const std::filesystem::path& entry, const base::Json& key,
                                 const std::function<std::filesystem::path(const base::Json&)>& files);
  base::Json remembered(const std::string& question, const base::Json& key, const std::function<base::Json()>& ask,
                        const std::function<std::filesystem::path(const base::Json&)>& files,
                        const std::optional<std::string>& root = std::nullopt);
  std::string identity(const std::filesystem::path& file, const std::vector<std::string>& sources);
  base::MethodInfo method_in_python(const std::filesystem::path& file);
  base::Json ask(const Question& question);
  base::Json start(const Question& question);

  RunnerPlace place_;
  std::optional<std::filesystem::path> cache_;
  Progress progress_;
  std::function<std::shared_ptr<ForkServers>()> when_asking_;
  std::shared_ptr<ForkServers> servers_;  // null: each process that describes is started by itself
  int64_t store_limit_ = base::ExecutionSpec{}.store_limit;
  std::string libtorch_;                       // the version that a runner named which described something just now
  std::map<std::string, base::Json> answers_;  // of data sets: one command reads none twice, also where the cache does not help
  std::map<std::filesystem::path, std::string> hashes_;
};

}  // namespace clb::launch
