#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <signal.h>
#include <sys/stat.h>
#include <torch/types.h>
#include <torch/utils.h>
#include <unistd.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <clb/sdk/error.hpp>
#include <clb/session/globals.hpp>
#include <clocale>
#include <cstdlib>
#include <fstream>
#include <locale>
#include <string_view>

namespace clb::session {
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

int64_t float32_precisions() {
  const auto& c = at::globalContext();
  auto all = static_cast<int64_t>(c.float32Precision(at::Float32Backend::GENERIC, at::Float32Op::ALL));
  for (const auto backend : {at::Float32Backend::CUDA, at::Float32Backend::MKLDNN})
    for (const auto op : {at::Float32Op::ALL, at::Float32Op::CONV, at::Float32Op::RNN, at::Float32Op::MATMUL})
      all = all * 4 + static_cast<int64_t>(c.float32Precision(backend, op));
  return all;
}

// LibTorch throws when a plugin has mixed its older and newer switches.
int64_t tf32() try {
  const auto& c = at::globalContext();
  return c.allowTF32CuBLAS() | c.allowTF32CuDNN() << 1 | static_cast<int64_t>(c.float32MatmulPrecision()) << 2;
} catch (const c10::Error&) {
  return -1;
}

int64_t determinism() {
  const auto& c = at::globalContext();
  return c.deterministicAlgorithms() | c.deterministicAlgorithmsWarnOnly() << 1 | c.deterministicCuDNN() << 2 |
         c.deterministicMkldnn() << 3 | c.benchmarkCuDNN() << 4 | c.deterministicFillUninitializedMemory() << 5;
}

int64_t backends() {
  const auto& c = at::globalContext();
  return c.userEnabledCuDNN() | c.userEnabledMkldnn() << 1 | c.userEnabledNNPACK() << 2 | c.userEnabledFlashSDP() << 3 |
         c.userEnabledMemEfficientSDP() << 4 | c.userEnabledMathSDP() << 5 | c.userEnabledCuDNNSDP() << 6 |
         c.allowFP16BF16ReductionMathSDP() << 7 | c.allowFP16ReductionCPU() << 8 | c.allowFP16AccumulationCuBLAS() << 9;
}

int64_t autocast() { return at::autocast::is_autocast_enabled(at::kCPU) | at::autocast::is_autocast_enabled(at::kCUDA) << 1; }

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

std::string from_to(int64_t before, int64_t now) { return " from " + std::to_string(before) + " to " + std::to_string(now); }
std::string to_dtype(int64_t, int64_t) { return " to " + std::string(torch::get_default_dtype().name()); }
std::string nothing(int64_t, int64_t) { return ""; }

struct Global {
  const char* name;
  unsigned look;  // the one bit under which it is looked at
  int64_t (*value)();
  std::string (*change)(int64_t before, int64_t now) = nothing;
};

constexpr Global kGlobals[] = {
    {"the floating-point rounding mode", Globals::kThread, [] { return int64_t{fegetround()}; }},
    {"the floating-point environment (denormal numbers, precision or trapped exceptions)", Globals::kThread, float_control},
    {"LibTorch's default dtype", Globals::kProcess, [] { return static_cast<int64_t>(torch::get_default_dtype().toScalarType()); },
     to_dtype},
    {"LibTorch's thread count", Globals::kProcess, [] { return int64_t{torch::get_num_threads()}; }, from_to},
    {"LibTorch's float32 precision", Globals::kProcess, float32_precisions},
    {"LibTorch's use of TF32", Globals::kProcess, tf32},
    {"LibTorch's choice of deterministic algorithms", Globals::kProcess, determinism},
    {"LibTorch's choice of backends", Globals::kProcess, backends},
    {"LibTorch's gradient mode", Globals::kThread, [] { return int64_t{torch::GradMode::is_enabled()}; }},
    {"LibTorch's inference mode", Globals::kThread, [] { return int64_t{c10::InferenceMode::is_enabled()}; }},
    {"LibTorch's autocast", Globals::kThread, autocast},
    {"the seed of LibTorch's generator", Globals::kSession,
     [] { return static_cast<int64_t>(at::detail::getDefaultCPUGenerator().current_seed()); }},
    {"the locale", Globals::kSlow, [] { return number_of(std::setlocale(LC_ALL, nullptr)); }},
    {"C++'s global locale", Globals::kSlow, [] { return number_of(std::locale().name()); }},
    {"the working folder", Globals::kSlow, working_folder},
    {"the mask of new files (umask)", Globals::kSlow, creation_mask},
    {"what signals do", Globals::kSlow, signals},
    {"where stdout, stderr or the launcher's events go", Globals::kSlow, descriptors},
};

thread_local const Globals* innermost = nullptr;

}  // namespace

Globals::Globals(std::string call, unsigned look) : call_(std::move(call)), look_(look), outer_(innermost) {
  values_.reserve(std::size(kGlobals));
  for (const Global& global : kGlobals) values_.push_back((global.look & look_) != 0 ? global.value() : 0);
  innermost = this;
}

Globals::~Globals() { innermost = outer_; }

void Globals::expect_unchanged() const {
  for (size_t k = 0; k < values_.size(); ++k) {
    if ((kGlobals[k].look & look_) == 0) continue;
    if (const int64_t now = kGlobals[k].value(); now != values_[k])
      throw PluginError(CLB_E_INVALID,
                        call_ + " changed " + kGlobals[k].name + kGlobals[k].change(values_[k], now) + "; a plugin sets no global", "", 0);
  }
}

void Globals::expect_unchanged_in_call() {
  if (innermost != nullptr) innermost->expect_unchanged();
}

}  // namespace clb::session
