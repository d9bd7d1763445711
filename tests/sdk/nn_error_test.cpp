// The table from what nn and LibTorch throw to statuses, at the border of a plugin and on the host's side.
#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <clb/sdk/error_sink.hpp>
#include <clb/sdk/guard.hpp>
#include <clb/sdk/nn_error.hpp>
#include <functional>

namespace {

using clb::ErrorSink;
using clb::nn::Error;
using clb::nn::ErrorKind;

clb::PluginError crossed(const std::function<void()>& body, bool of_host = false) {
  clb_host host = ErrorSink::minimal_host();
  if (of_host) host.set_error = &ErrorSink::set_error_of_host;
  ErrorSink::clear();
  return ErrorSink::take(clb::detail::guarded(&host, [&] { clb::with_statuses(body); }), "the call failed");
}

TEST(NnError, EachKindHasItsStatusAndKeepsItsSentence) {
  const std::pair<ErrorKind, clb_status> kinds[] = {{ErrorKind::kInvalid, CLB_E_INVALID}, {ErrorKind::kUnsupported, CLB_E_UNSUPPORTED},
                                                    {ErrorKind::kNumeric, CLB_E_NUMERIC}, {ErrorKind::kIo, CLB_E_IO},
                                                    {ErrorKind::kState, CLB_E_STATE},     {ErrorKind::kInternal, CLB_E_INTERNAL}};
  for (const auto& [kind, status] : kinds) {
    const auto error = crossed([kind = kind] { throw Error(kind, "a sentence"); });
    EXPECT_EQ(error.status(), status);
    EXPECT_STREQ(error.what(), "a sentence");
    EXPECT_TRUE(error.told_by_plugin());
  }
  EXPECT_FALSE(crossed([] { throw Error(ErrorKind::kInvalid, "of the host"); }, true).told_by_plugin());
}

TEST(NnError, BaseAndLibTorchToo) {
  EXPECT_EQ(crossed([] { throw clb::base::Error("a damaged file"); }).status(), CLB_E_IO);
  EXPECT_EQ(crossed([] { throw clb::base::Error("a bug", clb::base::Exit::kInternal); }).status(), CLB_E_INTERNAL);
  EXPECT_EQ(crossed([] { at::linalg_cholesky(torch::full({2, 2}, -1.0)); }).status(), CLB_E_NUMERIC);
  const auto error = crossed([] { torch::zeros(2).add(torch::zeros(3)); });
  EXPECT_EQ(error.status(), CLB_E_INTERNAL);
  EXPECT_EQ(std::string(error.what()).find("frame #"), std::string::npos) << "no stack trace";
}

}  // namespace
