#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/foreign_format.hpp>
#include <clb/base/safetensors.hpp>

#include "damage.hpp"
#include "errors.hpp"

namespace clb::base {
namespace {

using testing::contains;
using testing::error_of;

SafetensorsHeader header_of(const std::string& bytes) {
  // A heap copy of exact size, so that the address sanitizer sees a read past the end.
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  return parse_safetensors(exact, "w.safetensors");
}

std::string with_header(const std::string& json, size_t data) {
  std::string bytes;
  for (size_t i = 0; i < 8; ++i) bytes += static_cast<char>(json.size() >> (8 * i) & 0xff);
  return bytes + json + std::string(data, 'd');
}

std::string good_file() {
  return safetensors_header({{"b.weight", {"F32", {2, 3}, 0, 0}}, {"a", {"I64", {}, 0, 0}}, {"none", {"BF16", {0, 7}, 0, 0}}},
                            {{"format", "pt"}}) +
         std::string(24 + 8, 'd');
}

TEST(Safetensors, HeaderRoundTrip) {
  const std::string file = good_file();
  const SafetensorsHeader header = header_of(file);
  ASSERT_EQ(header.tensors.size(), 3u);
  const TensorEntry& a = header.tensors.at("a");
  const TensorEntry& b = header.tensors.at("b.weight");
  EXPECT_EQ(a.dtype, "I64");
  EXPECT_TRUE(a.shape.empty());
  EXPECT_EQ(b.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(a.begin % 8, 0u);
  EXPECT_EQ(a.end, b.begin);
  EXPECT_EQ(b.end, file.size());
  EXPECT_EQ(header.metadata.at("format"), "pt");
}

TEST(Safetensors, EveryTruncationIsAnError) {
  testing::for_each_truncation(good_file(), [](const std::string& bytes, size_t size) {
    EXPECT_TRUE(error_of<Error>([&] { header_of(bytes); }).starts_with("w.safetensors: ")) << size;
  });
}

TEST(Safetensors, EveryBitFlipInTheHeaderParsesOrIsAnError) {
  const std::string file = good_file();
  size_t parsed = 0, refused = 0;
  testing::for_each_bit_flip(file, 0, file.size() - 32, [&](const std::string& bytes, size_t, int) {
    try {
      header_of(bytes);
      ++parsed;  // a letter of a tensor's name, of the metadata or a space
    } catch (const Error& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("w.safetensors: "));
      ++refused;
    }
  });
  EXPECT_GT(refused, 3 * parsed);
}

TEST(Safetensors, EveryRuleHasItsSentence) {
  const auto refused = [](const std::string& json, size_t data, const std::string& part) {
    const std::string text = error_of<Error>([&] { header_of(with_header(json, data)); });
    EXPECT_TRUE(contains(text, part)) << text;
  };
  refused(R"([1])", 0, "does not begin with {");
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x)", 4, "not valid JSON");
  refused(R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4, "unknown dtype");
  refused(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "shape[0]");
  refused(R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, "shape[0]");
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 4, "outside the 4 bytes");
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "outside");
  refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "has 4 bytes, but");
  refused(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, "has 0 bytes, but");
  refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})", 3, "leave a gap");
  refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3, "overlap");
  refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 2, "the file at");
  refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1, "twice");
  refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1, "exactly");
  refused(R"({"__metadata__":{"a":1}})", 0, "must be a string");
}

TEST(Safetensors, HeaderLengthIsBounded) {
  EXPECT_TRUE(contains(error_of<Error>([] { header_of(std::string(8, '\xff')); }), "header length"));
  EXPECT_TRUE(contains(error_of<Error>([] { header_of(std::string("\x10\0\0\0\0\0\0\0{}", 10)); }), "header length at offset 0 is 16"));
}

// The length of a header begins as a pickle, a bitmap and others do.
TEST(Safetensors, AreNotTakenForAnotherFormatByTheirHeadersLength) {
  for (const uint64_t length : {0x0280u, 0x0480u, 0x4d42u, 0x8b1fu}) {
    std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
    header.resize(length, ' ');
    std::string file(8, '\0');
    for (size_t k = 0; k < 8; ++k) file[k] = static_cast<char>(length >> 8 * k & 255);
    file += header + "x";
    EXPECT_EQ(foreign_format({reinterpret_cast<const uint8_t*>(file.data()), file.size()}), "") << length;
    EXPECT_EQ(header_of(file).tensors.size(), 1u) << length;
  }
  const std::string pickle("\x80\x04\x95\x10\0\0\0\0\0\0\0}", 12);
  EXPECT_TRUE(contains(foreign_format({reinterpret_cast<const uint8_t*>(pickle.data()), pickle.size()}), "pickle"));
}

TEST(Safetensors, ReadsTheRealBackbone) {
  const fs::path file = fs::path(CLB_SOURCE_DIR) / "../shared/data/deit_tiny/deit_tiny_patch16_224.safetensors";
  if (!fs::exists(file)) GTEST_SKIP() << file << " is not there";
  const MappedFile mapped(file);
  const SafetensorsHeader header = parse_safetensors(mapped.bytes(), file.string());
  EXPECT_EQ(header.tensors.size(), 152u);
  EXPECT_EQ(header.tensors.at("blocks.11.attn.qkv.weight").shape, (std::vector<int64_t>{576, 192}));
}

}  // namespace
}  // namespace clb::base
