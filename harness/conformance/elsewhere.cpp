#include "elsewhere.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <clb/base/file.hpp>
#include <clb/session/python.hpp>
#include <cstring>
#include <thread>

#include <c10/util/StringUtil.h>

extern char** environ;

namespace clb::conformance {
namespace {

std::string bytes_of(const torch::Tensor& t) { return {static_cast<const char*>(t.const_data_ptr()), t.nbytes()}; }

torch::Tensor tensor_of(const std::string& bytes, at::IntArrayRef shape) {
  auto t = torch::empty(shape, torch::kFloat32);
  if (bytes.size() != t.nbytes()) throw Failure{"the other process wrote logits of another size"};
  std::memcpy(t.mutable_data_ptr(), bytes.data(), bytes.size());
  return t;
}

// Nothing of this process's environment but what the loader and sanitizers need; the padding moves the stack.
std::vector<std::string> scrubbed_environment(const base::fs::path& place) {
  std::vector<std::string> kept{"HOME=" + (place / "home").string(),
                                "TMPDIR=" + (place / "tmp").string(),
                                "CLB_LAUNCHER_PID=" + std::to_string(getpid()),  // the new process dies with this one
                                "TZ=UTC-5",
                                "MALLOC_PERTURB_=90",
                                "PADDING=" + std::string(1 + static_cast<size_t>(getpid()) % 4000, 'x')};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry, name = text.substr(0, text.find('='));
    if (name == "LD_LIBRARY_PATH" || name == "OMP_WAIT_POLICY" || name == "GOMP_SPINCOUNT" || name.starts_with("PYTHON") ||
        name.ends_with("SAN_OPTIONS"))
      kept.push_back(text);
  }
  return kept;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// Runs the program in the folder `place`/work; its wait status.
int run(std::vector<std::string> words, const base::fs::path& place) {
  std::vector<std::string> environment = scrubbed_environment(place);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, (place / "work").c_str());
  pid_t pid = 0;
  int status = 0;
  const int error = posix_spawn(&pid, words[0].c_str(), &actions, nullptr, pointers(words).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0 || waitpid(pid, &status, 0) != pid) throw Failure{"a second process cannot be started"};
  return status;
}

void expect_empty(const base::fs::path& folder, const char* what) {
  for (const auto& entry : base::fs::directory_iterator(folder))
    throw Failure{c10::str("the method left ", entry.path().filename().string(), " in ", what, "; its memory is its state")};
}

// Blocks of an arbitrary size, so that what is loaded and allocated from now on lies elsewhere even where the system does not see to it.
void move_addresses() {
  const auto odd = static_cast<size_t>(getpid());
  mmap(nullptr, (1 + odd % 251) << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  static void* volatile kept = std::malloc(1 + odd % 65537);
  static_cast<void>(kept);
}

}  // namespace

Result elsewhere(const Subject& subject, const Saved& saved, Errand errand, at::IntArrayRef shape) {
  const TemporaryFolder folder;
  const base::fs::path& place = folder.path();
  for (const char* name : {"home", "tmp", "work"}) base::fs::create_directory(place / name);
  errand.memory = saved.memory;
  base::write_file_atomic(place / "state", saved.state);
  base::write_file_atomic(place / "errand", base::canonical(errand.to_json()));
  std::vector<std::string> words = session::own_command();
  words.insert(words.end(), {"check", subject.file, "--elsewhere", place.string(), "--seed", std::to_string(subject.seed), "--params",
                             base::canonical(subject.params)});
  const int status = run(std::move(words), place);
  const std::string whose = errand.after < 0 ? "the same run in a new process " : "a new process with the saved state ";
  if (WIFSIGNALED(status)) throw Failure{c10::str(whose, "ended with signal ", WTERMSIG(status))};
  if (WEXITSTATUS(status) != 0) {
    const base::fs::path error = place / "error";
    throw Failure{c10::str(whose, "failed: ", base::fs::exists(error) ? base::read_file(error) : "it gave no reason")};
  }
  if (!base::fs::exists(place / "logits")) throw Failure{whose + "ended without an answer"};
  expect_empty(place / "home", "the home folder");
  expect_empty(place / "work", "the working folder");
  expect_empty(place / "tmp", "the folder for temporary files");
  return {tensor_of(base::read_file(place / "logits"), shape), base::read_file(place / "state after")};
}

void run_errand(const Subject& subject, const std::string& folder) {
  const base::fs::path place(folder);
  try {
    const auto errand = Errand::from_json(base::parse_json(base::read_file(place / "errand"), "errand"));
    move_addresses();
    if (errand.after < 0) std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // the clock's second is another one
    Rig rig(subject);
    if (errand.after < 0) {
      rig.learn_all();
    } else {
      rig.load(base::read_file(place / "state"), errand.after, errand.step, errand.memory);
      if (errand.learn) rig.learn(errand.after + 1);
    }
    const std::string logits = bytes_of(rig.logits());
    base::write_file_atomic(place / "state after", rig.state());
    base::write_file_atomic(place / "logits", logits);
  } catch (const std::exception& e) {
    base::write_file_atomic(place / "error", e.what());
    throw;
  }
}

}  // namespace clb::conformance
