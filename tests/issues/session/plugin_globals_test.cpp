// A plugin that leaves the process other than it was: each global is found, and what the host computes meanwhile is computed without it.
#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <cfenv>
#include <clb/loader/globals.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/host.hpp>
#include <clocale>
#include <functional>
#include <locale>

#include "session/made_session.hpp"
#include "support/errors.hpp"

namespace {

using namespace clb;
using clb::testing::contains;
using clb::testing::said_by;
using data::Split;
using loader::Globals;

struct Change {
  const char* what;
  std::function<void()> make, undo;
};

void expect_found(const Change& change, unsigned look) {
  SCOPED_TRACE(change.what);
  const Globals before("train_task", look);
  change.make();
  const auto said = said_by<PluginError>([&] { before.expect_unchanged(); });
  change.undo();
  EXPECT_TRUE(contains(said, std::string("train_task changed ") + change.what)) << said;
  EXPECT_TRUE(contains(said, "a plugin sets no global")) << said;
  EXPECT_EQ(said_by<PluginError>([&] { before.expect_unchanged(); }), "") << "undone";
}

at::Context& torch_globals() { return at::globalContext(); }

TEST(PluginGlobals, ThoseOfATransientCall) {
  const std::vector<Change> changes = {
      {"the floating-point rounding mode", [] { fesetround(FE_UPWARD); }, [] { fesetround(FE_TONEAREST); }},
      {"the floating-point environment", [] { torch_globals().setFlushDenormal(true); }, [] { torch_globals().setFlushDenormal(false); }},
      {"the floating-point environment", [] { feenableexcept(FE_DIVBYZERO); }, [] { fedisableexcept(FE_DIVBYZERO); }},
      {"LibTorch's default dtype to double", [] { torch::set_default_dtype(caffe2::TypeMeta::Make<double>()); },
       [] { torch::set_default_dtype(caffe2::TypeMeta::Make<float>()); }},
      {"LibTorch's choice of deterministic algorithms", [] { torch_globals().setDeterministicAlgorithms(true, false); },
       [] { torch_globals().setDeterministicAlgorithms(false, false); }},
      {"LibTorch's choice of backends", [] { torch_globals().setUserEnabledMkldnn(false); },
       [] { torch_globals().setUserEnabledMkldnn(true); }},
      {"LibTorch's float32 precision",
       [] { torch_globals().setFloat32Precision(at::Float32Backend::MKLDNN, at::Float32Op::MATMUL, at::Float32Precision::BF16); },
       [] { torch_globals().setFloat32Precision(at::Float32Backend::MKLDNN, at::Float32Op::MATMUL, at::Float32Precision::NONE); }},
      {"LibTorch's gradient mode", [] { torch::GradMode::set_enabled(false); }, [] { torch::GradMode::set_enabled(true); }},
      {"LibTorch's autocast", [] { at::autocast::set_autocast_enabled(at::kCPU, true); },
       [] { at::autocast::set_autocast_enabled(at::kCPU, false); }},
      {"the seed of LibTorch's generator", [] { torch::manual_seed(1); }, [] { torch::manual_seed(7); }},
  };
  torch::manual_seed(7);
  for (const auto& change : changes) expect_found(change, Globals::kEach);
}

TEST(PluginGlobals, ThoseThatAreLookedAtSeldom) {
  static char folder[4096];
  ASSERT_NE(getcwd(folder, sizeof folder), nullptr);
  static mode_t mask;
  static int error;
  const std::vector<Change> changes = {
      {"the locale", [] { std::setlocale(LC_ALL, "C.UTF-8"); }, [] { std::setlocale(LC_ALL, "C"); }},
      {"C++'s global locale", [] { std::locale::global(std::locale(std::locale(), new std::numpunct<char>)); },
       [] { std::locale::global(std::locale::classic()); }},
      {"the working folder", [] { ASSERT_EQ(chdir("/"), 0); }, [] { ASSERT_EQ(chdir(folder), 0); }},
      {"the mask of new files", [] { mask = umask(0777); }, [] { umask(mask); }},
      {"what signals do", [] { signal(SIGTERM, SIG_IGN); }, [] { signal(SIGTERM, SIG_DFL); }},
      {"where stdout, stderr", [] { error = dup(2), dup2(::open("/dev/null", O_WRONLY), 2); }, [] { dup2(error, 2); }},
  };
  for (const auto& change : changes) expect_found(change, Globals::kAll);
}

TEST(PluginGlobals, WhatHappensInAnOrdinaryCallIsNoChange) {
  const Globals before("train_task", Globals::kAll);
  torch::rand({64, 64}).matmul(torch::rand({64, 64})).sum();
  EXPECT_TRUE(std::isinf(1.0 / torch::zeros({1}).item<double>())) << "sets a flag of the floating-point environment";
  EXPECT_NO_THROW(before.expect_unchanged());
}

class HostSurroundings : public clb::testing::MadeSession {};

// Others are served what the host computes inside a plugin's call.
TEST_F(HostSurroundings, FeaturesAreComputedInTheHostsOwnSurroundings) {
  spec_.weights = {{.role = "main", .sha256 = "made", .random = {.image = 32, .patch = 16, .dim = 32, .depth = 2, .heads = 2}}};
  const auto features = [&](const std::function<void()>& before_open, const std::function<void()>& after_open) {
    const auto s = open(0);
    const session::Host host(*s);
    const char* kinds[] = {"main:cls"};
    auto r = request(100);
    r.view = CLB_VIEW_EVAL;
    ask(r, kinds);
    clb_stream* stream = nullptr;
    before_open();
    const clb_status status = host.table()->stream_open(host.table()->self, &r, &stream);
    after_open();
    EXPECT_EQ(status, CLB_OK);
    return s->features.gather("main:cls", Split::kTrain, s->protocol.train(0));
  };
  const auto want = features([] {}, [] {});
  const auto upward = features([] { fesetround(FE_UPWARD); },
                               [] {
                                 EXPECT_EQ(fegetround(), FE_UPWARD) << "the plugin's own is given back";
                                 fesetround(FE_TONEAREST);
                               });
  EXPECT_TRUE(torch::equal(upward, want));
  const auto cast = features([] { at::autocast::set_autocast_enabled(at::kCPU, true); },
                             [] {
                               EXPECT_TRUE(at::autocast::is_autocast_enabled(at::kCPU));
                               at::autocast::set_autocast_enabled(at::kCPU, false);
                             });
  EXPECT_TRUE(torch::equal(cast, want));
}

TEST_F(HostSurroundings, NoFeaturesAreComputedUnderAChangedGlobalOfTheProcess) {
  spec_.weights = {{.role = "main", .sha256 = "made", .random = {.image = 32, .patch = 16, .dim = 8, .depth = 1, .heads = 2}}};
  const auto s = open(0);
  const Globals call("train_task", Globals::kEach);
  torch_globals().setDeterministicAlgorithms(true, false);
  const auto said = said_by<PluginError>([&] { s->features.ensure("main:cls", Split::kTrain, {0, 1}); });
  torch_globals().setDeterministicAlgorithms(false, false);
  EXPECT_TRUE(contains(said, "train_task changed LibTorch's choice of deterministic algorithms")) << said;
}

}  // namespace
