#include <fenv.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <clb/loader/globals.hpp>
#include <clb/sdk/error.hpp>
#include <clocale>
#include <cstdlib>
#include <fstream>
#include <locale>
#include <string_view>

namespace clb::loader {
namespace {

int64_t number_of(std::string_view text) { return static_cast<int64_t>(std::hash<std::string_view>()(text)); }

// Rounding, trapped exceptions, precision, denormals; not the flags of exceptions that have happened.
int64_t float_control() {
#ifdef __x86_64__
  uint16_t x87 = 0;
  asm volatile("fnstcw %0" : "=m"(x87));
  return static_cast<int64_t>(_mm_getcsr() & ~0x3fu) << 16 | x87;
#else
  return fegetround();
#endif
}

int64_t signals() {
  std::string all;
  const auto append = [&](const void* bytes, size_t count) { all.append(static_cast<const char*>(bytes), count); };
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) == 0) append(&action.sa_handler, sizeof action.sa_handler);
  }
  sigset_t blocked;
  sigemptyset(&blocked);
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  append(&blocked, NSIG / 8);
  return number_of(all);
}

int64_t working_folder() {
  char* folder = getcwd(nullptr, 0);
  const int64_t number = folder != nullptr ? number_of(folder) : 0;
  free(folder);
  return number;
}

// Without setting it for a moment, in which another thread might make a file.
int64_t creation_mask() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("Umask:")) return number_of(line);
  return 0;
}

// Where stdout, stderr and the launcher's events go.
int64_t descriptors() {
  const char* events = std::getenv("CLB_EVENT_FD");
  std::string all;
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO, events != nullptr ? std::atoi(events) : STDOUT_FILENO}) {
    struct stat status {};
    if (fstat(fd, &status) == 0) all += std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
    all += ";";
  }
  return number_of(all);
}

const Global kOfProcess[] = {
    {"the floating-point rounding mode", Globals::kThread, [] { return int64_t{fegetround()}; }},
    {"the floating-point environment (denormal numbers, precision or trapped exceptions)", Globals::kThread, float_control},
    {"the locale", Globals::kSlow, [] { return number_of(std::setlocale(LC_ALL, nullptr)); }},
    {"C++'s global locale", Globals::kSlow, [] { return number_of(std::locale().name()); }},
    {"the working folder", Globals::kSlow, working_folder},
    {"the mask of new files (umask)", Globals::kSlow, creation_mask},
    {"what signals do", Globals::kSlow, signals},
    {"where stdout, stderr or the launcher's events go", Globals::kSlow, descriptors},
};

std::vector<Global>& watched() {
  static std::vector<Global> all(std::begin(kOfProcess), std::end(kOfProcess));
  return all;
}

thread_local const Globals* innermost = nullptr;

}  // namespace

void Globals::watch(std::span<const Global> more) { watched().insert(watched().begin(), more.begin(), more.end()); }

Globals::Globals(std::string call, unsigned look) : call_(std::move(call)), look_(look), outer_(innermost) {
  values_.reserve(watched().size());
  for (const Global& global : watched()) values_.push_back((global.look & look_) != 0 ? global.value() : 0);
  innermost = this;
}

Globals::~Globals() { innermost = outer_; }

void Globals::expect_unchanged() const {
  for (size_t k = 0; k < values_.size(); ++k) {
    const Global& global = watched()[k];
    if ((global.look & look_) == 0) continue;
    if (const int64_t now = global.value(); now != values_[k])
      throw PluginError(CLB_E_INVALID, call_ + " changed " + global.name + global.change(values_[k], now) + "; a plugin sets no global", "",
                        0);
  }
}

void Globals::expect_unchanged_in_call() {
  if (innermost != nullptr) innermost->expect_unchanged();
}

}  // namespace clb::loader
