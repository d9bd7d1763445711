#include <clb/launch/describe.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <clb/base/cache.hpp>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/sha256.hpp>
#include <set>
#include <utility>
#include <vector>

namespace clb::launch {

namespace fs = std::filesystem;
using base::Error;
using base::Exit;
using base::Json;

namespace {

constexpr double kLoadTimeout = 300;    // loading a plugin and printing what it is
constexpr double kOpenTimeout = 86400;  // reading every sample of a dataset for its fingerprint

std::string last_line(const std::string& text) {
  const size_t end = text.find_last_not_of(" \r\n\t");
  if (end == std::string::npos) return "";
  const size_t begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1, begin == std::string::npos ? end + 1 : end - begin);
}

// The error sentence of a describe that did not end well.
Error failure(const Captured& ended, const std::string& subject) {
  constexpr int kNotLoadable = 127;  // exit code of the dynamic linker
  constexpr std::string_view kSpeaker = "clb-runner: ";
  std::string said = last_line(ended.err);
  if (said.starts_with(kSpeaker)) said.erase(0, kSpeaker.size());
  if (ended.exit_code == static_cast<int>(Exit::kUserMistake) && !said.empty()) return Error(said);
  if (ended.timed_out) return Error(fmt::format("{}: gave no description in time and was stopped", subject), Exit::kInternal);
  if (ended.exit_code == kNotLoadable) {
    return Error(fmt::format("clb-runner cannot be loaded ({}); set CLB_LIBTORCH to the folder of LibTorch that holds lib/", said));
  }
  std::string how = ended.signal ? "crashed with " + signal_name(ended.signal) : fmt::format("left with exit code {}", ended.exit_code);
  if (!said.empty()) how += ": " + said;
  return Error(fmt::format("{}: clb-runner {}", subject, how), ended.signal ? Exit::kUserMistake : Exit::kInternal);
}

}  // namespace

struct Describer::Question {
  fs::path file;
  bool open = false;
  std::string root;
};

Describer::Describer(RunnerPlace place, std::optional<fs::path> cache) : place_(std::move(place)), cache_(std::move(cache)) {}

std::string Describer::sha256(const fs::path& file) {
  if (!cache_) return base::hex(base::sha256_file(file));
  return base::sha256_file_cached(file, *cache_);
}

const std::string& Describer::runner_hash() {
  std::error_code error;
  if (!fs::exists(place_.program, error)) {
    throw Error(fmt::format("{} is missing; install clbench again, or run the clbench beside it", place_.program.string()),
                Exit::kInternal);
  }
  if (runner_hash_.empty()) runner_hash_ = sha256(place_.program);
  return runner_hash_;
}

base::MethodInfo Describer::method(const fs::path& file) { return base::MethodInfo::from_json(ask({file, false, ""}), file.string()); }

base::DatasetInfo Describer::dataset(const fs::path& file) { return base::DatasetInfo::from_json(ask({file, false, ""}), file.string()); }

base::DatasetInfo Describer::opened_dataset(const fs::path& file, const std::string& root) {
  return base::DatasetInfo::from_json(ask({file, true, root}), file.string());
}

Json Describer::version() {
  const Captured ended =
      capture({.program = place_.program, .arguments = {"version"}, .environment = runner_environment(place_)}, kLoadTimeout);
  if (ended.exit_code != 0) throw failure(ended, place_.program.string());
  return base::parse_json(ended.out, place_.program.string() + " version");
}

Json Describer::start(const Question& question) {
  Spawn what{.program = place_.program, .arguments = {"describe", question.file.string()}, .environment = runner_environment(place_)};
  if (question.open && question.root.empty()) what.arguments.push_back("--default-root");
  if (question.open && !question.root.empty()) what.arguments.insert(what.arguments.end(), {"--root", question.root});
  what.arguments.insert(what.arguments.end(), {"--cache", cache_ ? cache_->string() : "off"});
  const Captured ended = capture(what, question.open ? kOpenTimeout : kLoadTimeout);
  if (ended.exit_code != 0) throw failure(ended, question.file.string());
  return base::parse_json(ended.out, question.file.string() + ": its description");
}

// The question names the entry, so a changed plugin or dataset replaces its old description instead of adding one. `key` has to be the
// same as when the answer was given, and so has what `state` says of the answer.
Json Describer::remembered(const std::string& question, const Json& key, const std::function<Json()>& ask,
                           const std::function<std::string(const Json&)>& state) {
  if (!cache_) return ask();
  const fs::path entry = *cache_ / "describe" / (base::hex(base::sha256(question)).substr(0, 32) + ".json");
  std::error_code ignored;
  if (fs::exists(entry, ignored)) {
    try {
      const Json kept = base::parse_json(base::read_file(entry, 64u << 20), entry.string());
      if (kept.at("key") == key && kept.at("state") == state(kept.at("answer"))) return kept.at("answer");
    } catch (const std::exception&) {  // a damaged entry is asked for again
    }
  }
  Json answer = ask();
  base::prepare_cache(*cache_);
  fs::create_directories(entry.parent_path());
  base::write_file_atomic(entry, base::canonical({{"key", key}, {"state", state(answer)}, {"answer", answer}}));
  return answer;
}

Json Describer::ask(const Question& question) {
  const auto state = [&](const Json& answer) { return question.open ? tree_digest(answer.at("root").get<std::string>()) : ""; };
  return remembered((question.open ? "open\n" : "load\n") + question.file.string() + '\n' + question.root,
                    {{"plugin", sha256(question.file)}, {"runner", runner_hash()}}, [&] { return start(question); }, state);
}

std::string Describer::libtorch() {
  const Json key{{"runner", runner_hash()}, {"libtorch", tree_digest(place_.libtorch / "lib" / "libtorch_cpu.so")}};
  const Json answer = remembered(
      "version\n" + place_.program.string(), key, [&] { return version(); }, [](const Json&) { return ""; });
  return answer.at("libtorch").get<std::string>();
}

namespace {

// Everything below a path, through links and in an order that the file system does not decide. A folder is entered once, so that a loop of
// links ends.
class Tree {
 public:
  using Files = std::vector<std::pair<std::string, struct stat>>;

  explicit Tree(const fs::path& root) { add(root); }
  const Files& files() const { return files_; }

 private:
  void add(const fs::path& path) {
    struct stat status;
    if (stat(path.c_str(), &status) != 0) return;
    files_.emplace_back(path.string(), status);
    if (!S_ISDIR(status.st_mode) || !entered_.emplace(status.st_dev, status.st_ino).second) return;
    std::vector<fs::path> entries;
    std::error_code error;
    for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) entries.push_back(entry->path());
    std::sort(entries.begin(), entries.end());
    for (const fs::path& entry : entries) add(entry);
  }

  Files files_;
  std::set<std::pair<dev_t, ino_t>> entered_;
};

}  // namespace

std::string tree_digest(const fs::path& root) {
  const Tree::Files files = Tree(root).files();
  if (files.empty()) return "";
  base::Sha256 hash;
  for (const auto& [path, status] : files) {
    hash.update(path).update_u64(path.size()).update_u64(static_cast<uint64_t>(status.st_size)).update_u64(status.st_ino);
    hash.update_u64(static_cast<uint64_t>(status.st_mtim.tv_sec)).update_u64(static_cast<uint64_t>(status.st_mtim.tv_nsec));
  }
  return base::hex(hash.finish());
}

}  // namespace clb::launch
