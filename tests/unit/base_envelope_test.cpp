#include <gtest/gtest.h>

#include <clb/base/envelope.hpp>
#include <clb/base/error.hpp>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace clb::base {
namespace {

using clb::testing::contains;
using clb::testing::error_of;

std::string written(const fs::path& file) {
  EnvelopeWriter out(file, {{"task", 3}});
  out.write("first ");
  out.write("second");
  out.finish();
  return read_file(file);
}

Envelope parsed(const std::string& bytes) {
  return parse_envelope({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "state");
}

TEST(Envelope, KeepsHeaderAndPayload) {
  const clb::testing::TempFolder folder;
  const std::string bytes = written(folder.path() / "state");
  const Envelope envelope = parsed(bytes);
  EXPECT_EQ(envelope.header.at("task"), 3);
  EXPECT_EQ(std::string(envelope.payload.begin(), envelope.payload.end()), "first second");
}

TEST(Envelope, EveryTruncationAndEveryFlippedBitIsAnError) {
  const clb::testing::TempFolder folder;
  const std::string bytes = written(folder.path() / "state");
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_THROW(parsed(bytes.substr(0, size)), Error) << size;
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    EXPECT_THROW(parsed(flipped), Error) << at;
  }
  EXPECT_TRUE(contains(error_of<Error>([&] { parsed(std::string(100, 'x')); }), "no saved state of clbench"));
}

TEST(Envelope, IsNotThereBeforeItIsFinished) {
  const clb::testing::TempFolder folder;
  {
    EnvelopeWriter out(folder.path() / "state", Json::object());
    out.write("half");
    EXPECT_FALSE(fs::exists(folder.path() / "state"));
  }
  EXPECT_TRUE(fs::is_empty(folder.path())) << "nothing is left behind";
}

}  // namespace
}  // namespace clb::base
