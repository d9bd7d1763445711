// What `clb-runner describe` says of a plugin, remembered in the cache so that a plugin is loaded once.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/launch/spawn.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace clb::launch {

// One instance serves one command, on one thread. Entries lie in <cache>/describe; they hold the SHA-256 of the plugin and of the runner
// and, for an opened dataset, a digest of (path, size, mtime, inode) of every file below its root; an entry that does not fit is replaced.
class Describer {
 public:
  Describer(RunnerPlace place, std::optional<std::filesystem::path> cache);

  base::MethodInfo method(const std::filesystem::path& file);
  base::DatasetInfo dataset(const std::filesystem::path& file);                                  // files not opened
  base::DatasetInfo opened_dataset(const std::filesystem::path& file, const std::string& root);  // root "": the plugin's default
  base::Json version();  // {libtorch, cuda, devices, cpu, cpu_flags, runner_hash}; never from the cache

  std::string libtorch();  // the version that the runner loads, "2.11.0"

  std::string sha256(const std::filesystem::path& file);  // hex, through the cache's (size, mtime, inode)
  const std::string& runner_hash();

 private:
  struct Question;
  base::Json remembered(const std::string& question, const base::Json& key, const std::function<base::Json()>& ask,
                        const std::function<std::string(const base::Json&)>& state);
  base::Json ask(const Question& question);
  base::Json start(const Question& question);

  RunnerPlace place_;
  std::optional<std::filesystem::path> cache_;
  std::string runner_hash_;
};

// Digest of everything that tells one state of a folder (or file) from another without reading it, links followed; empty when it does not
// exist.
std::string tree_digest(const std::filesystem::path& root);

}  // namespace clb::launch
