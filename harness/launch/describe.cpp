#include <clb/launch/describe.hpp>

#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <clb/base/cache.hpp>
#include <clb/base/content_sample.hpp>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/path_text.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/base/sha256.hpp>
#include <clb/launch/interpreter.hpp>
#include <clb/launch/lines.hpp>
#include <clb/launch/stop.hpp>
#include <clb/python/header.hpp>
#include <fstream>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "fork_server.hpp"

namespace clb::launch {

namespace fs = std::filesystem;
using base::Error;
using base::Exit;
using base::Json;

namespace {

constexpr double kLoadTimeout = 300;    // loading a plugin and printing what it is
constexpr double kOpenTimeout = 86400;  // reading every sample of a dataset for its fingerprint

// The state of the files that an answer is about; "": there are none.
std::string state(const base::FileTree& tree) {
  return tree.entries().empty() ? "" : tree.digest() + " " + base::hex(base::sha256(base::ContentSample(tree).text()));
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

Describer::Describer(RunnerPlace place, std::optional<fs::path> cache, Progress progress)
    : place_(std::move(place)), cache_(std::move(cache)), progress_(std::move(progress)) {}

const std::string& Describer::sha256(const fs::path& file) {
  std::string& hash = hashes_[file];
  if (hash.empty()) hash = base::hex(base::sha256_file(file));
  return hash;
}

std::string Describer::identity(const fs::path& file, const std::vector<std::string>& sources) {
  std::vector<std::string> hashes;
  for (const std::string& source : sources) hashes.push_back(base::hex(base::sha256_file(source)));
  return base::plugin_identity(sha256(file), hashes, python::is_python(file) ? interpreter(place_).versions : "");
}

std::string Describer::plugin_hash(const fs::path& file) {
  return python::read_meta(file).kind == "method" ? identity(file, method(file).sources) : sha256(file);
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
  return sha256(place_.code.empty() ? place_.program : place_.code);
}

std::string Describer::runner_hash_of_itself() {
  char begin[2] = {};
  std::ifstream(place_.program, std::ios::binary).read(begin, sizeof begin);
  return std::string_view(begin, sizeof begin) == "#!" ? "" : runner_hash();
}

// A method in Python says everything in its header; the Python that will run it is not asked.
base::MethodInfo Describer::method_in_python(const fs::path& file) {
  const python::Header header = python::read_header(file);
  base::MethodInfo info = header.info;
  info.sources = python::source_paths(header);
  std::vector<std::string> hashes;
  for (const std::string& source : info.sources) hashes.push_back(base::hex(base::sha256_file(source)));
  info.hash = base::plugin_identity(sha256(file), hashes);
  return info;
}

base::MethodInfo Describer::method(const fs::path& file) {
  if (python::is_python(file)) return method_in_python(file);
  return base::MethodInfo::from_json(ask({file, false, "", Json::object()}), file.string());
}

base::DatasetInfo Describer::dataset(const fs::path& file) {
  return base::DatasetInfo::from_json(ask({file, false, "", Json::object()}), file.string());
}

base::DatasetInfo Describer::opened_dataset(const fs::path& file, const std::string& root, const Json& params) {
  return base::DatasetInfo::from_json(ask({file, true, root, params}), file.string());
}

Json Describer::version() {
  const Captured ended = capture(to_start(place_, {"version"}), kLoadTimeout);
  if (ended.exit_code != 0) throw failure(ended, place_.program.string());
  return base::parse_json(ended.out, place_.program.string() + " version");
}

Json Describer::start(const Question& question) {
  if (when_asking_) servers_ = std::exchange(when_asking_, nullptr)();
  Spawn what = to_start(place_, {"describe", question.file.string()});
  if (question.open && question.root.empty()) what.arguments.push_back("--default-root");
  if (question.open && !question.root.empty()) what.arguments.insert(what.arguments.end(), {"--root", question.root});
  if (!question.params.empty()) what.arguments.insert(what.arguments.end(), {"--params", base::canonical(question.params)});
  what.arguments.insert(what.arguments.end(), {"--cache", cache_ ? cache_->string() : "off"});
  if (question.open) what.arguments.insert(what.arguments.end(), {"--store-limit", std::to_string(store_limit_)});
  LineCutter lines;
  const auto event = [&](std::string_view bytes) {
    try {
      lines.feed(bytes, [&](std::string_view line) {
        const base::Event told = base::decode(line);
        if (const auto* progress = std::get_if<base::Progress>(&told); progress && progress_) progress_(question.root, *progress);
      });
    } catch (const Error&) {  // a plugin wrote to the pipe; the answer comes another way
    }
  };
  what.own_group = servers_ != nullptr;  // as all that is forked
  const Captured ended = capture(what, question.open ? kOpenTimeout : kLoadTimeout, event,
                                 [&](const Spawn& one) { return servers_ ? servers_->spawn(one) : spawn(one); });
  if (ended.exit_code != 0) throw failure(ended, question.file.string(), question.root);
  if (ended.out.empty()) {
    throw Error(fmt::format("{}: ended clb-runner with exit code 0 before it was described; a plugin must not call exit()",
                            question.file.string()));
  }
  Json answer = base::parse_json(ended.out, question.file.string() + ": its description");
  libtorch_ = answer.value("libtorch", "");
  answer.erase("libtorch");  // not the plugin's
  return answer;
}

// One process asks a question at a time; the others find its answer. nullopt: the folder takes no lock.
std::optional<base::FileLock> Describer::lock(const fs::path& entry, const std::string& root) {
  const fs::path file = entry.string() + ".lock";
  std::error_code unwritable;
  fs::create_directories(entry.parent_path(), unwritable);
  for (;;) {
    try {
      if (auto lock = base::FileLock::try_lock(file)) return lock;
    } catch (const Error&) {
      return std::nullopt;
    }
    expect_not_put_off();
    if (progress_) progress_(root, {"describe", -1, 0, 0, "the same data are read by " + base::FileLock::holder(file) + ", waiting"});
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

// The answer of an entry whose key is the same as when it was given, and so are the files that `files` says it is about ("": none). Files
// that were written just before are not believed to show the next change.
std::optional<Json> Describer::kept(const fs::path& entry, const Json& key, const std::function<fs::path(const Json&)>& files) {
  std::error_code ignored;
  if (!fs::exists(entry, ignored)) return std::nullopt;
  try {
    const Json kept = base::parse_json(base::read_file(entry, 64u << 20), entry.string());
    const Json& answer = kept.at("answer");
    if (kept.at("settled") == true && kept.at("key") == key && kept.at("checksum") == checksum(answer) &&
        kept.at("state") == state(base::FileTree(files(answer))))
      return answer;
  } catch (const std::exception&) {  // a damaged entry is asked for again
  }
  return std::nullopt;
}

// The question names the entry, so a changed plugin or dataset replaces its old description instead of adding one. `root`: of the data set
// that has to be read for the answer.
Json Describer::remembered(const std::string& question, const Json& key, const std::function<Json()>& ask,
                           const std::function<fs::path(const Json&)>& files, const std::optional<std::string>& root) {
  if (!cache_) return ask();
  const fs::path entry = *cache_ / "describe" / (base::hex(base::sha256(question)).substr(0, 32) + ".json");
  if (auto answer = kept(entry, key, files)) return *answer;
  const auto alone = root ? lock(entry, *root) : std::nullopt;
  if (alone)
    if (auto answer = kept(entry, key, files)) return *answer;
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
  const std::string text = (question.open ? "open\n" : "load\n") + question.file.string() + '\n' + question.root + with;
  const auto with_its_sources = [&](Json answer) {  // what is remembered is about the file alone
    const auto sources = sources_of(answer);
    return sources.empty() || answer.at("hash") == identity(question.file, sources) ? answer : start_checked();
  };
  if (!question.open) return with_its_sources(remembered(text, key, start_checked, [](const Json&) { return ""; }));
  if (const auto known = answers_.find(text); known != answers_.end()) return known->second;
  const auto files = [](const Json& answer) { return base::path_bytes(answer.at("root").get<std::string>()); };
  return answers_[text] = with_its_sources(remembered(text, key, start_checked, files, question.root));
}

std::string Describer::libtorch() {
  const Json answer = remembered(
      "version\n" + place_.program.string(), {{"runner", runner_hash()}},
      [&] {
        return libtorch_.empty() ? version() : Json{{"libtorch", libtorch_}};
      },
      [&](const Json&) { return place_.libtorch / "lib" / "libtorch_cpu.so"; });
  return answer.at("libtorch").get<std::string>();
}

}  // namespace clb::launch
