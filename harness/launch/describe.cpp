#include <clb/launch/describe.hpp>

#include <fmt/format.h>
#include <signal.h>

#include <clb/base/cache.hpp>
#include <clb/base/content_sample.hpp>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/path_text.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/base/sha256.hpp>
#include <fstream>
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

std::string checksum(const Json& answer) { return base::hex(base::sha256(base::canonical(answer))); }
// The kernel kills who needs more memory than there is; within a limit (ulimit -v) the loader or an allocation fails.
bool memory_ran_out(const Captured& ended) {
  if (ended.signal == SIGKILL && !ended.timed_out) return true;
  for (const char* said : {"bad_alloc", "out of memory", "annot allocate memory", "failed to map segment", "not enough memory"})
    if (ended.err.find(said) != std::string::npos) return true;
  return false;
}

// The error sentence of a describe that did not end well.
Error failure(const Captured& ended, const std::string& subject, const std::string& root = "") {
  constexpr int kNotLoadable = 127;  // exit code of the dynamic linker
  constexpr std::string_view kSpeaker = "clb-runner: ";
  std::string said = last_line(ended.err);
  if (said.starts_with(kSpeaker)) said.erase(0, kSpeaker.size());
  if (memory_ran_out(ended)) {
    return Error(
        fmt::format("{}: memory ran out while clb-runner described it{}; close other programs or raise the limit (ulimit -v, the "
                    "container's or the job's)",
                    root.empty() ? subject : root, said.empty() ? "" : " (" + said.substr(said.find_first_not_of(" \t")) + ")"));
  }
  if (ended.exit_code == static_cast<int>(Exit::kUserMistake) && !said.empty()) return Error(said);
  if (ended.timed_out) return Error(fmt::format("{}: gave no description in time and was stopped", subject), Exit::kInternal);
  if (ended.exit_code == kNotLoadable) {
    return Error(fmt::format("clb-runner cannot be loaded ({}); set CLB_LIBTORCH to the folder of LibTorch that holds lib/", said));
  }
  std::string how = ended.signal ? "crashed with " + signal_name(ended.signal) : fmt::format("left with exit code {}", ended.exit_code);
  if (!said.empty()) how += ": " + said;
  return Error(fmt::format("{}: clb-runner {}", subject, how), ended.signal ? Exit::kUserMistake : Exit::kInternal);
}

std::vector<std::string> sources_of(const Json& answer) {
  std::vector<std::string> sources;
  for (const Json& source : answer.value("sources", Json::array())) sources.push_back(base::path_bytes(source.get<std::string>()));
  return sources;
}

}  // namespace

struct Describer::Question {
  fs::path file;
  bool open = false;
  std::string root;
  Json params = Json::object();
};

Describer::Describer(RunnerPlace place, std::optional<fs::path> cache) : place_(std::move(place)), cache_(std::move(cache)) {}

const std::string& Describer::sha256(const fs::path& file) {
  std::string& hash = hashes_[file];
  if (hash.empty()) hash = base::hex(base::sha256_file(file));
  return hash;
}

std::string Describer::identity(const fs::path& file, const std::vector<std::string>& sources) {
  std::vector<std::string> hashes;
  for (const std::string& source : sources) hashes.push_back(base::hex(base::sha256_file(source)));
  return base::plugin_identity(sha256(file), hashes);
}

std::string Describer::method_hash(const base::RunSpec& run) { return identity(run.method.file, run.execution.method_sources); }

std::string Describer::file_sha256(const fs::path& file) {
  return cache_ ? base::sha256_file_cached(file, *cache_) : base::hex(base::sha256_file(file));
}

const std::string& Describer::runner_hash() {
  std::error_code error;
  if (!fs::exists(place_.program, error)) {
    throw Error(fmt::format("{} is missing; install clbench again, or run the clbench beside it", place_.program.string()),
                Exit::kInternal);
  }
  return sha256(place_.program);
}

std::string Describer::runner_hash_of_itself() {
  char begin[2] = {};
  std::ifstream(place_.program, std::ios::binary).read(begin, sizeof begin);
  return std::string_view(begin, sizeof begin) == "#!" ? "" : runner_hash();
}

base::MethodInfo Describer::method(const fs::path& file) { return base::MethodInfo::from_json(ask({.file = file}), file.string()); }

base::DatasetInfo Describer::dataset(const fs::path& file) { return base::DatasetInfo::from_json(ask({.file = file}), file.string()); }

base::DatasetInfo Describer::opened_dataset(const fs::path& file, const std::string& root, const Json& params) {
  return base::DatasetInfo::from_json(ask({file, true, root, params}), file.string());
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
  if (!question.params.empty()) what.arguments.insert(what.arguments.end(), {"--params", base::canonical(question.params)});
  what.arguments.insert(what.arguments.end(), {"--cache", cache_ ? cache_->string() : "off"});
  const Captured ended = capture(what, question.open ? kOpenTimeout : kLoadTimeout);
  if (ended.exit_code != 0) throw failure(ended, question.file.string(), question.root);
  if (ended.out.empty()) {
    throw Error(fmt::format("{}: ended clb-runner with exit code 0 before it was described; a plugin must not call exit()",
                            question.file.string()));
  }
  return base::parse_json(ended.out, question.file.string() + ": its description");
}

// The question names the entry, so a changed plugin or dataset replaces its old description instead of adding one. `key` has to be the
// same as when the answer was given, and so have the files that `files` says the answer is about ("": none). Files that were written just
// before are not believed to show the next change.
Json Describer::remembered(const std::string& question, const Json& key, const std::function<Json()>& ask,
                           const std::function<fs::path(const Json&)>& files) {
  if (!cache_) return ask();
  const auto state = [](const base::FileTree& tree) {
    return tree.entries().empty() ? "" : tree.digest() + " " + base::hex(base::sha256(base::ContentSample(tree).text()));
  };
  const fs::path entry = *cache_ / "describe" / (base::hex(base::sha256(question)).substr(0, 32) + ".json");
  std::error_code ignored;
  if (fs::exists(entry, ignored)) {
    try {
      const Json kept = base::parse_json(base::read_file(entry, 64u << 20), entry.string());
      const Json& answer = kept.at("answer");
      if (kept.at("settled") == true && kept.at("key") == key && kept.at("checksum") == checksum(answer) &&
          kept.at("state") == state(base::FileTree(files(answer))))
        return answer;
    } catch (const std::exception&) {  // a damaged entry is asked for again
    }
  }
  const base::Moment moment = base::now();
  Json answer = ask();
  const base::FileTree tree(files(answer));
  try {
    base::prepare_cache(*cache_);
    fs::create_directories(entry.parent_path());
    base::write_file_atomic(
        entry,
        base::canonical(
            {{"key", key}, {"state", state(tree)}, {"settled", tree.settled(moment)}, {"checksum", checksum(answer)}, {"answer", answer}}));
  } catch (const std::exception&) {  // a cache that cannot be written costs the time of the next question
  }
  return answer;
}

Json Describer::ask(const Question& question) {
  const Json key{{"plugin", sha256(question.file)}, {"runner", runner_hash()}};
  const auto start_checked = [&] {
    Json answer = start(question);
    if (answer.at("hash") != identity(question.file, sources_of(answer)))
      throw Error(fmt::format("{}: the plugin was replaced while it was described; start again", question.file.string()));
    return answer;
  };
  const std::string with = question.params.empty() ? "" : '\n' + base::canonical(question.params);
  const Json answer =
      remembered((question.open ? "open\n" : "load\n") + question.file.string() + '\n' + question.root + with, key, start_checked,
                 [&](const Json& answer) { return question.open ? base::path_bytes(answer.at("root").get<std::string>()) : ""; });
  const auto sources = sources_of(answer);  // what is remembered is about the file alone
  return sources.empty() || answer.at("hash") == identity(question.file, sources) ? answer : start_checked();
}

std::string Describer::libtorch() {
  const Json answer = remembered(
      "version\n" + place_.program.string(), {{"runner", runner_hash()}}, [&] { return version(); },
      [&](const Json&) { return place_.libtorch / "lib" / "libtorch_cpu.so"; });
  return answer.at("libtorch").get<std::string>();
}

}  // namespace clb::launch
