// clb-runner: executes one run, or describes one plugin file. Started by clbench; for a debugger, `clb-runner run FILE.json` takes what
// `clbench run --dry-run --json` prints.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/describe.hpp>
#include <clb/session/run.hpp>
#include <clb/session/run_check.hpp>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace clb;

constexpr rlim_t kCheckSeconds = 300;             // of processor time, so that a busy machine fails nothing
constexpr rlim_t kCheckMemory = rlim_t{4} << 30;  // a check works on a few hundred images of 32 x 32 pixels

constexpr const char* kUsage =
    "clb-runner: runs one experiment of clbench in a process of its own\n\n"
    "  clb-runner run FILE.json                                   one run, as `clbench run --dry-run --json` prints it\n"
    "  clb-runner resume FILE.json                                the same, after the newest checkpoint of its folder\n"
    "  clb-runner describe PLUGIN.so [--root DIR | --default-root] [--cache DIR|off]\n"
    "                                                             parameters of a method; classes and fingerprint of a dataset\n"
    "  clb-runner check PLUGIN.so --list | --name CHECK [--seed N] [--params JSON] [--root DIR]\n"
    "                                                             one check of `clbench validate`, as JSON\n"
    "  clb-runner version                                         LibTorch, devices and processor, as JSON\n";

// The runner dies with its launcher: by signal, and when the launcher was gone before the signal was set.
void die_with_launcher() {
  const char* launcher = std::getenv("CLB_LAUNCHER_PID");
  if (launcher == nullptr) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != std::atol(launcher)) _exit(static_cast<int>(base::Exit::kInternal));
}

int run(const std::string& file, bool resume) {
  die_with_launcher();
  session::install_cancel_handler();
  auto json = base::parse_json(base::read_file(file, uint64_t{64} << 20), file);
  if (json.is_array() && json.size() == 1) json = json[0];
  const auto spec = base::RunSpec::from_json(json, file);
  std::optional<base::FileLock> lock;
  if (!spec.execution.run_dir.empty()) {
    base::fs::create_directories(spec.execution.run_dir);
    const auto lock_file = base::fs::path(spec.execution.run_dir) / "lock";
    lock = base::FileLock::try_lock(lock_file);
    if (!lock)
      throw base::Error("the run folder " + spec.execution.run_dir + " is in use by process " +
                        std::to_string(base::FileLock::holder(lock_file)) + "; wait until it ends");
  }
  const char* fd = std::getenv("CLB_EVENT_FD");
  session::Emitter emitter(fd != nullptr ? std::atoi(fd) : STDOUT_FILENO);
  return session::run(spec, resume, emitter);
}

int describe(const std::vector<std::string>& args) {
  session::DescribeOptions options;
  options.file = args.at(0);
  for (size_t k = 1; k < args.size(); ++k) {
    if (args[k] == "--default-root")
      options.open = true;
    else if (args[k] == "--root" && k + 1 < args.size())
      options.open = true, options.root = args[++k];
    else if (args[k] == "--cache" && k + 1 < args.size())
      options.cache_dir = args[++k] == "off" ? "" : args[k];
    else
      throw base::Error("unknown argument \"" + args[k] + "\"; clb-runner --help lists them");
  }
  std::puts(base::canonical(session::describe(options)).c_str());  // a folder's name may be no UTF-8
  return 0;
}

// The plugin may print: what it prints goes to stderr, stdout is for the answer.
int check(const std::vector<std::string>& args) {
  const int answer = dup(STDOUT_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  die_with_launcher();
  const rlimit seconds{kCheckSeconds, kCheckSeconds + 10};
  setrlimit(RLIMIT_CPU, &seconds);
#ifndef __SANITIZE_ADDRESS__  // its shadow memory alone is more than any limit
  const rlimit memory{kCheckMemory, kCheckMemory};
  setrlimit(RLIMIT_DATA, &memory);
#endif
  session::conformance::CheckRequest request{.file = args.at(0), .root = {}, .name = {}, .seed = 0, .params = base::Json::object()};
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
  if (!folder.empty()) return session::conformance::run_elsewhere(request, folder), 0;
  const std::string text = (list ? session::conformance::list_checks(request) : session::conformance::run_check(request)).dump() + "\n";
  return write(answer, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : static_cast<int>(base::Exit::kInternal);
}

int dispatch(const std::vector<std::string>& args) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    std::fputs(kUsage, stdout);
    return args.empty() ? static_cast<int>(base::Exit::kUserMistake) : 0;
  }
  if (args[0] == "run" && args.size() == 2) return run(args[1], false);
  if (args[0] == "resume" && args.size() == 2) return run(args[1], true);
  if (args[0] == "check" && args.size() >= 3) return check({args.begin() + 1, args.end()});
  if (args[0] == "describe" && args.size() >= 2) return describe({args.begin() + 1, args.end()});
  if (args[0] == "version" && args.size() == 1) {
    std::puts(session::describe_runner().dump().c_str());
    return 0;
  }
  throw base::Error("clb-runner does not know \"" + args[0] + "\" with " + std::to_string(args.size() - 1) +
                    " argument(s); clb-runner --help lists its commands");
}

}  // namespace

// Leaves with _exit: unloading LibTorch code at exit is a known source of crashes.
int main(int argc, char** argv) {
  int code = static_cast<int>(base::Exit::kInternal);
  try {
    code = dispatch({argv + 1, argv + argc});
  } catch (const base::Error& e) {
    std::fprintf(stderr, "clb-runner: %s\n", e.what());
    code = static_cast<int>(e.exit());
  } catch (const PluginError& e) {
    std::fprintf(stderr, "clb-runner: %s\n", e.what());
    code = static_cast<int>(base::Exit::kUserMistake);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "clb-runner: %s\n", e.what());
  }
  std::fflush(nullptr);
  _exit(code);
}
