// The runner: executes one run, describes one plugin file, or carries out one check of `clbench validate`.
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <clb/runner.h>
#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/streams.hpp>
#include <clb/base/temporary.hpp>
#include <clb/base/text.hpp>
#include <clb/conformance/run_check.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/describe.hpp>
#include <clb/session/python.hpp>
#include <clb/session/run.hpp>
#include <clb/session/second_look.hpp>
#include <clb/session/torch_globals.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "serve.hpp"

// As tools/python/clbench/_abi.py has them.
static_assert(sizeof(clb_python) == 72 && sizeof(clb_python_file) == 24);

namespace {

using namespace clb;
using runner::die_with_launcher;
using runner::serve;

constexpr rlim_t kCheckSeconds = 300;             // of processor time, so that a busy machine fails nothing
constexpr rlim_t kCheckMemory = rlim_t{4} << 30;  // a check works on a few hundred images of 32 x 32 pixels

constexpr const char* kUsage =
    "clb-runner: runs one experiment of clbench in a process of its own\n\n"
    "  clb-runner run FILE.json                                   one run, as `clbench run --dry-run --json` prints it\n"
    "  clb-runner resume FILE.json                                the same, after the newest checkpoint of its folder\n"
    "  clb-runner features FILE.json                              only the features that it shares with others, into its cache\n"
    "  clb-runner look FILE.json                                  some test samples again, from a run's saved state (second look)\n"
    "  clb-runner describe PLUGIN.so [--root DIR | --default-root] [--params JSON] [--cache DIR|off] [--store-limit BYTES]\n"
    "                                                             parameters of a method; classes and fingerprint of a dataset\n"
    "  clb-runner check PLUGIN.so --list | --name CHECK [--seed N] [--params JSON] [--root DIR]\n"
    "                                                             one check of `clbench validate`, as JSON\n"
    "  clb-runner serve                                           waits, loaded, and forks for each run that clbench hands over\n"
    "  clb-runner version                                         LibTorch, devices and processor, as JSON\n";

// Of a run's folder. The launcher holds the lock of the database, which stands above its runs: what another host left of a run that goes on
// is then known to be over. By hand nobody knows.
base::FileLock lock_of(const base::fs::path& folder) {
  base::fs::create_directories(folder);
  const bool launched = std::getenv("CLB_LAUNCHER_PID") != nullptr;
  return base::FileLock::own(folder / "lock", "the run folder " + folder.string(), "wait until it ends",
                             launched ? base::FileSystem{} : base::file_system_of(folder));
}

base::RunSpec spec_of(const std::string& file) {
  auto json = base::parse_json(base::read_file(file, uint64_t{64} << 20), file);
  if (json.is_array() && json.size() == 1) json = json[0];
  return base::RunSpec::from_json(json, file);
}

int run(const std::string& file, bool resume) {
  die_with_launcher();
  session::install_cancel_handler();
  const auto spec = spec_of(file);
  std::optional<base::FileLock> lock;
  if (!spec.execution.run_dir.empty()) {
    lock = lock_of(spec.execution.run_dir);
    base::remove_stale_temporaries(spec.execution.run_dir, "checkpoint");  // of a runner that was killed while it wrote one
  }
  const char* fd = std::getenv("CLB_EVENT_FD");
  session::Emitter emitter(fd != nullptr ? std::atoi(fd) : STDOUT_FILENO);
  return session::run(spec, resume, emitter);
}

int features(const std::string& file) {
  die_with_launcher();
  session::install_cancel_handler();
  const char* fd = std::getenv("CLB_EVENT_FD");
  session::Emitter emitter(fd != nullptr ? std::atoi(fd) : STDOUT_FILENO);
  return session::features(spec_of(file), emitter);
}

// A request to stop ends it at once: there is nothing to keep.
int look(const std::string& file) {
  die_with_launcher();
  const char* fd = std::getenv("CLB_EVENT_FD");
  session::Emitter emitter(fd != nullptr ? std::atoi(fd) : STDOUT_FILENO);
  for (const char* name : {"CLB_EVENT_FD", "CLB_LAUNCHER_PID"}) unsetenv(name);
  return session::look(file, emitter);
}

// stdout is for the answer of this process alone: what the plugin prints goes to stderr, and a child that it forks and that comes back here
// says nothing.
class Answer {
 public:
  Answer() : pid_(getpid()), fd_(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) { dup2(STDERR_FILENO, STDOUT_FILENO); }
  Answer(const Answer&) = delete;

  int give(const std::string& text) const {
    if (getpid() != pid_) return static_cast<int>(base::Exit::kInternal);
    const std::string line = text + "\n";
    for (size_t done = 0; done < line.size();) {
      const ssize_t n = write(fd_, line.data() + done, line.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw base::Error(std::string("stdout cannot be written: ") + std::strerror(errno), base::Exit::kInternal);
      done += static_cast<size_t>(n);
    }
    return 0;
  }

 private:
  pid_t pid_;
  int fd_;
};

int describe(const std::vector<std::string>& args) {
  die_with_launcher();
  session::DescribeOptions options;
  options.file = args.at(0);
  for (size_t k = 1; k < args.size(); ++k) {
    if (args[k] == "--default-root")
      options.open = true;
    else if (args[k] == "--root" && k + 1 < args.size()) {
      options.open = true;
      options.root = args[++k];
    } else if (args[k] == "--params" && k + 1 < args.size())
      options.params = base::parse_json(args[++k], "--params");
    else if (args[k] == "--cache" && k + 1 < args.size())
      options.cache_dir = args[++k] == "off" ? "" : args[k];
    else if (args[k] == "--store-limit" && k + 1 < args.size())
      options.store_limit = std::stoll(args[++k]);
    else
      throw base::Error("unknown argument \"" + args[k] + "\"; clb-runner --help lists them");
  }
  std::optional<session::Emitter> emitter;
  if (const char* fd = std::getenv("CLB_EVENT_FD")) emitter.emplace(std::atoi(fd));
  options.progress = [&](const std::string& what, int64_t done, int64_t total) {
    if (emitter) emitter->progress({.phase = "describe", .task = -1, .done = done, .total = total, .what = what});
  };
  const Answer answer;
  base::Json description = session::describe(options);
  description["libtorch"] = session::libtorch_version();  // known here: nobody need load it again to ask
  return answer.give(base::canonical(description));       // a folder's name may be no UTF-8
}

int check(const std::vector<std::string>& args) {
  const Answer answer;
  die_with_launcher();
  const rlimit seconds{kCheckSeconds, kCheckSeconds + 10};
  setrlimit(RLIMIT_CPU, &seconds);
#ifndef __SANITIZE_ADDRESS__  // its shadow memory alone is more than any limit
  const rlimit memory{kCheckMemory, kCheckMemory};
  setrlimit(RLIMIT_DATA, &memory);
#endif
  conformance::CheckRequest request{.file = args.at(0), .root = {}, .name = {}, .seed = 0, .params = base::Json::object()};
  std::string folder;
  bool list = false;
  for (size_t k = 1; k < args.size(); ++k) {
    if (args[k] == "--list") {
      list = true;
      continue;
    }
    if (k + 1 == args.size()) throw base::Error(args[k] + " needs a value");
    const std::string& option = args[k];
    const std::string& value = args[++k];
    if (option == "--name") {
      request.name = value;
    } else if (option == "--root") {
      request.root = value;
    } else if (option == "--seed") {
      request.seed = std::stoll(value);
    } else if (option == "--params") {
      request.params = base::parse_json(value, "--params");
    } else if (option == "--elsewhere") {
      folder = value;
    } else {
      throw base::Error("unknown argument \"" + option + "\"; clb-runner --help lists them");
    }
  }
  if (!folder.empty()) {
    conformance::run_elsewhere(request, folder);
    return 0;
  }
  const std::string text = base::canonical(list ? conformance::list_checks(request) : conformance::run_check(request));
  return answer.give(text);
}

int dispatch(const std::vector<std::string>& args) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    std::fputs(kUsage, stdout);
    return args.empty() ? static_cast<int>(base::Exit::kUserMistake) : 0;
  }
  if (args[0] == "serve" && args.size() == 1) {
    const std::optional<std::vector<std::string>> work = serve();
    return work ? dispatch(*work) : 0;
  }
  if (args[0] == "run" && args.size() == 2) return run(args[1], false);
  if (args[0] == "resume" && args.size() == 2) return run(args[1], true);
  if (args[0] == "features" && args.size() == 2) return features(args[1]);
  if (args[0] == "look" && args.size() == 2) return look(args[1]);
  if (args[0] == "check" && args.size() >= 3) return check({args.begin() + 1, args.end()});
  if (args[0] == "describe" && args.size() >= 2) return describe({args.begin() + 1, args.end()});
  if (args[0] == "version" && args.size() == 1) {
    std::puts(session::describe_runner().dump().c_str());
    return 0;
  }
  throw base::Error("clb-runner does not know \"" + args[0] + "\" with " + std::to_string(args.size() - 1) +
                    " argument(s); clb-runner --help lists its commands");
}

// What a training step frees it takes again in the next one. Given back to the system in between, every page would be cleared anew, which
// takes a tenth of the step. Blocks above the threshold (glibc allows no higher one) are given back.
void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace

int clb_runner_main(int argc, const char* const* argv, const clb_python* python) {
  base::guard_streams();
  keep_freed_memory();
  session::watch_libtorch();
  session::set_python(python);
  int code = static_cast<int>(base::Exit::kInternal);
  try {
    code = dispatch({argv + 1, argv + argc});
    if (code != static_cast<int>(base::Exit::kUserMistake)) base::finish_output();
  } catch (const base::Error& e) {
    std::fprintf(stderr, "clb-runner: %s\n", base::printable(e.what()).c_str());
    code = static_cast<int>(e.exit());
  } catch (const PluginError& e) {
    std::fprintf(stderr, "clb-runner: %s\n", base::printable(e.what()).c_str());
    code = static_cast<int>(base::Exit::kUserMistake);
  } catch (const std::filesystem::filesystem_error& e) {
    std::fprintf(stderr, "clb-runner: %s: %s\n", base::printable(e.path1().string()).c_str(), e.code().message().c_str());
    code = static_cast<int>(base::Exit::kUserMistake);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "clb-runner: out of memory; close other programs, or raise the limit (ulimit -v, the container's)\n");
    code = static_cast<int>(base::Exit::kUserMistake);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "clb-runner: %s\n", base::printable(e.what()).c_str());
  }
  std::fflush(nullptr);
  return code;
}
