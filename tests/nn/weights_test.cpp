#include <clb/base/error.hpp>
#include <clb/nn/weights.hpp>
#include <vector>

#include "golden/golden.hpp"

namespace clb::nn {
namespace {

std::span<const uint8_t> bytes_of(const std::string& file) { return {reinterpret_cast<const uint8_t*>(file.data()), file.size()}; }

TensorMap one_of_each_type() {
  TensorMap tensors;
  const torch::Tensor x = torch::randn({3, 5}) * 50;
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16, torch::kInt64, torch::kInt32, torch::kInt16,
                          torch::kInt8, torch::kUInt8, torch::kBool}) {
    tensors[std::string("t.") + c10::toString(type)] = (type == torch::kBool ? x.gt(0) : x.abs().to(type));
  }
  tensors["scalar"] = torch::tensor(2.5);
  tensors["empty"] = torch::zeros({0, 4});
  tensors["strided"] = torch::arange(6).reshape({2, 3}).t();
  return tensors;
}

TEST(Safetensors, RoundTripOfAllTypes) {
  const TensorMap tensors = one_of_each_type();
  const std::string file = write_safetensors(tensors, {{"fixture", "round trip"}});
  EXPECT_EQ(read_safetensors_metadata(bytes_of(file), "f"), (Metadata{{"fixture", "round trip"}}));
  const TensorMap back = read_safetensors(bytes_of(file), "f");
  ASSERT_EQ(back.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(back.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(torch::equal(back.at(name), tensor)) << name;
  }
  EXPECT_EQ(write_safetensors(back, {{"fixture", "round trip"}}), file);
}

TEST(Safetensors, BytesThatAreNotAlignedAreCopied) {
  const TensorMap tensors = one_of_each_type();
  const std::string file = write_safetensors(tensors);
  for (size_t shift = 0; shift < 8; ++shift) {
    std::vector<uint8_t> moved(file.size() + shift);
    std::copy(file.begin(), file.end(), moved.begin() + shift);
    const TensorMap back = read_safetensors(std::span<const uint8_t>(moved).subspan(shift), "f");
    for (const auto& [name, tensor] : tensors) EXPECT_TRUE(torch::equal(back.at(name), tensor)) << name << " shifted by " << shift;
  }
}

TEST(Safetensors, ViewsKeepTheirOwner) {
  auto file = std::make_shared<std::string>(write_safetensors({{"a", torch::ones({1000})}}));
  std::weak_ptr<std::string> watch = file;
  TensorMap tensors = read_safetensors(bytes_of(*file), "f", file);
  file.reset();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(tensors["a"].sum().item<double>(), 1000);
  tensors.clear();
  EXPECT_TRUE(watch.expired());
}

TEST(Safetensors, BoolBytesBecomeZeroOrOne) {
  std::string file = write_safetensors({{"b", torch::ones({4}, torch::kBool)}});
  file.back() = '\x7f';
  const torch::Tensor b = read_safetensors(bytes_of(file), "f")["b"];
  EXPECT_EQ(static_cast<const uint8_t*>(b.const_data_ptr())[3], 1);
}

// Every truncation, and every changed byte of the header, is either refused with the file's name or still a consistent file.
TEST(Safetensors, DamagedFilesAreRefused) {
  const std::string file = write_safetensors({{"alpha", torch::ones({2, 3})}, {"beta", torch::zeros({4}, torch::kInt64)}}, {{"k", "v"}});
  const auto refused = [](const std::string& damaged) {
    try {
      for (const auto& [name, tensor] : read_safetensors(bytes_of(damaged), "w.safetensors")) (void)tensor.sum();
    } catch (const base::Error& error) {
      EXPECT_EQ(std::string(error.what()).rfind("w.safetensors", 0), 0) << error.what();
      return true;
    }
    return false;
  };
  EXPECT_FALSE(refused(file));
  for (size_t length = 0; length < file.size(); ++length) EXPECT_TRUE(refused(file.substr(0, length))) << "cut to " << length;
  EXPECT_TRUE(refused(file + "x"));
  const size_t data = 2 * 3 * 4 + 4 * 8;
  int refusals = 0;
  for (size_t at = 0; at < file.size() - data; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      refusals += refused(damaged);
    }
  }
  EXPECT_GT(refusals, 100);
}

TEST(Safetensors, NamesTheTensorOfAnUnknownType) {
  const std::string json = R"({"odd":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})";
  std::string file(8, '\0');
  file[0] = static_cast<char>(json.size());
  file += json + "ab";
  try {
    read_safetensors(bytes_of(file), "w.safetensors");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("tensor 'odd' has element type F8_E4M3"), std::string::npos) << error.what();
  }
}

TEST(Safetensors, RefusesSidesThatOverflow) {
  const std::string json = R"({"e":{"dtype":"F32","shape":[0,4611686018427387903,4611686018427387903],"data_offsets":[0,0]}})";
  std::string file(8, '\0');
  file[0] = static_cast<char>(json.size());
  file += json;
  EXPECT_THROW(read_safetensors(bytes_of(file), "w"), base::Error);
}

}  // namespace
}  // namespace clb::nn
