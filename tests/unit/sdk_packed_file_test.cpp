#include <gtest/gtest.h>

#include <clb/sdk/packed_file.hpp>

#include "damage.hpp"
#include "errors.hpp"
#include "pack.hpp"
#include "temp_folder.hpp"

namespace clb {
namespace {

using testing::contains;
using testing::error_of;
using testing::TempFolder;

constexpr uint64_t kLimit = 1 << 20;

std::string unpacked(const Path& file, uint64_t limit = kLimit) {
  const auto bytes = read_packed(file, limit);
  return {bytes.begin(), bytes.end()};
}

std::string sample_text() {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "line " + std::to_string(i * i) + "\n";
  return text;
}

TEST(PackedFile, PlainGzipAndXzGiveTheSameBytes) {
  const TempFolder folder;
  const std::string text = sample_text();
  EXPECT_EQ(unpacked(folder.write("plain", text)), text);
  EXPECT_EQ(unpacked(folder.write("by_magic", testing::gzip(text))), text);
  EXPECT_EQ(unpacked(folder.write("by_magic_too", testing::xz(text))), text);
  for (lzma_check check : {LZMA_CHECK_NONE, LZMA_CHECK_CRC32, LZMA_CHECK_SHA256}) {
    EXPECT_EQ(unpacked(folder.write("a.xz", testing::xz(text, check))), text);
  }
}

TEST(PackedFile, EmptyContentsAreEmpty) {
  const TempFolder folder;
  EXPECT_EQ(unpacked(folder.write("a", "")), "");
  EXPECT_EQ(unpacked(folder.write("b.gz", testing::gzip(""))), "");
  EXPECT_EQ(unpacked(folder.write("c.xz", testing::xz(""))), "");
}

TEST(PackedFile, SuffixIsTriedWhenThePlainNameIsMissing) {
  const TempFolder folder;
  folder.write("a.xz", testing::xz("xz"));
  EXPECT_EQ(PackedFile(folder.path() / "a").path(), folder.path() / "a.xz");
  folder.write("a.gz", testing::gzip("gz"));
  EXPECT_EQ(unpacked(folder.path() / "a"), "gz");
  folder.write("a", "plain");
  EXPECT_EQ(unpacked(folder.path() / "a"), "plain");
  EXPECT_TRUE(contains(error_of<PluginError>([&] { PackedFile(folder.path() / "b"); }), "b: is missing"));
  EXPECT_THROW(unpacked(folder.path()), PluginError) << "a folder";
}

TEST(PackedFile, ConcatenatedMembersAreOneStream) {
  const TempFolder folder;
  EXPECT_EQ(unpacked(folder.write("a.gz", testing::gzip("one ") + testing::gzip("two"))), "one two");
  EXPECT_EQ(unpacked(folder.write("a.xz", testing::xz("one ") + testing::xz("two"))), "one two");
  EXPECT_THROW(unpacked(folder.write("b.gz", testing::gzip("one") + "rest")), PluginError);
  EXPECT_THROW(unpacked(folder.write("b.xz", testing::xz("one") + "rest")), PluginError);
}

TEST(PackedFile, EveryTruncationIsAnErrorThatNamesTheFile) {
  const TempFolder folder;
  const std::string text = sample_text();
  for (const auto& [name, packed] : {std::pair("a.gz", testing::gzip(text)), std::pair("a.xz", testing::xz(text))}) {
    testing::for_each_truncation(packed, [&](const std::string& bytes, size_t size) {
      const Path file = folder.write(name, bytes);
      const std::string said = error_of<PluginError>([&] { unpacked(file); });
      EXPECT_TRUE(said.starts_with(file.string() + ": ") && contains(said, "at byte ")) << size << ": " << said;
    });
  }
}

TEST(PackedFile, EveryBitFlipIsFoundOrHarmless) {
  const TempFolder folder;
  const std::string text = sample_text().substr(0, 60);
  for (const auto& [name, packed] : {std::pair("a.gz", testing::gzip(text)), std::pair("a.xz", testing::xz(text))}) {
    size_t harmless = 0;
    testing::for_each_bit_flip(packed, 0, packed.size(), [&](const std::string& bytes, size_t at, int bit) {
      try {
        EXPECT_EQ(unpacked(folder.write(name, bytes)), text) << name << " " << at << "." << bit;
        ++harmless;
      } catch (const PluginError& error) {
        EXPECT_EQ(error.status(), CLB_E_IO);
      }
    });
    // Time stamp, compression level, system and text flag of a gzip header are covered by no checksum and decide nothing; nor do the bits
    // that fill up the last byte of deflate.
    EXPECT_LE(harmless, std::string(name) == "a.gz" ? 6u * 8 + 1 + 7 : 0u) << name;
  }
}

TEST(PackedFile, ABombIsStoppedAtTheLimit) {
  const TempFolder folder;
  const std::string zeros(64 << 20, '\0');
  const Path file = folder.write("bomb.gz", testing::gzip(zeros));
  EXPECT_TRUE(contains(error_of<PluginError>([&] { unpacked(file, 1000); }), "goes on after its last expected byte (offset 1000"));
  EXPECT_EQ(unpacked(file, zeros.size()), zeros);
}

TEST(PackedFile, ExactReadsNameWhatIsMissing) {
  const TempFolder folder;
  PackedFile file(folder.write("a.gz", testing::gzip("12345678")));
  std::vector<uint8_t> bytes(6);
  file.read_exactly(bytes, "the header");
  EXPECT_EQ(file.offset(), 6u);
  const std::string said = error_of<PluginError>([&] { file.read_exactly(bytes, "record 1"); });
  EXPECT_TRUE(contains(said, "ends inside record 1, which needs 6 bytes from offset 6 (offset 8")) << said;
}

TEST(PackedFile, CanBeMoved) {
  const TempFolder folder;
  PackedFile first(folder.write("a.xz", testing::xz("12345678")));
  std::vector<uint8_t> bytes(4);
  first.read_exactly(bytes, "x");
  PackedFile second(std::move(first));
  second.read_exactly(bytes, "x");
  second.expect_end();
  EXPECT_EQ(bytes[3], '8');
}

}  // namespace
}  // namespace clb
