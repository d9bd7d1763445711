// Tensors across the ABI: every one is freed exactly once, whatever happens to it, and arrives with its type, strides and offset.
#include <gtest/gtest.h>

#include <clb/sdk/context.hpp>
#include <clb/sdk/tensor.hpp>
#include <memory>

namespace {

using clb::from_dlpack;
using clb::to_dlpack;

// A tensor as a foreign library would hand it over: its own memory, a counting deleter.
struct Foreign {
  DLManagedTensorVersioned managed{};
  std::vector<int64_t> shape, strides;
  std::vector<uint8_t> memory;
  int* freed;

  static DLManagedTensorVersioned* make(int* freed, DLDataType type, std::vector<int64_t> shape, std::vector<int64_t> strides,
                                        uint64_t byte_offset, std::vector<uint8_t> memory) {
    auto* f =
        new Foreign{.managed = {}, .shape = std::move(shape), .strides = std::move(strides), .memory = std::move(memory), .freed = freed};
    f->managed.version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
    f->managed.manager_ctx = f;
    f->managed.deleter = [](DLManagedTensorVersioned* self) {
      auto* foreign = static_cast<Foreign*>(self->manager_ctx);
      ++*foreign->freed;
      delete foreign;
    };
    f->managed.dl_tensor = {.data = f->memory.data(),
                            .device = {kDLCPU, 0},
                            .ndim = static_cast<int32_t>(f->shape.size()),
                            .dtype = type,
                            .shape = f->shape.data(),
                            .strides = f->strides.empty() ? nullptr : f->strides.data(),
                            .byte_offset = byte_offset};
    return &f->managed;
  }
};

struct TypeCase {
  torch::ScalarType type;
  DLDataType dl;
};

class EveryType : public ::testing::TestWithParam<TypeCase> {};

TEST_P(EveryType, CrossesBothWaysAndIsFreedOnce) {
  const auto [type, dl] = GetParam();
  int freed = 0;
  const int64_t n = 12, bytes = n * static_cast<int64_t>(c10::elementSize(type));
  auto* memory = new uint8_t[static_cast<size_t>(bytes)];
  for (int64_t i = 0; i < bytes; ++i) memory[i] = static_cast<uint8_t>(i * 37 % 120);
  auto source = torch::from_blob(
      memory, {3, 4}, [&](void* p) { delete[] static_cast<uint8_t*>(p), ++freed; }, torch::dtype(type));
  const auto copy = source.clone();

  DLManagedTensorVersioned* crossing = to_dlpack(source.t());  // strides (1, 4)
  EXPECT_EQ(crossing->dl_tensor.dtype.code, dl.code);
  EXPECT_EQ(crossing->dl_tensor.dtype.bits, dl.bits);
  EXPECT_EQ(crossing->dl_tensor.strides[0], 1);
  EXPECT_EQ(crossing->dl_tensor.strides[1], 4);
  source = torch::Tensor();
  auto received = from_dlpack(crossing);
  EXPECT_EQ(freed, 0);
  EXPECT_TRUE(torch::equal(received, copy.t()));
  auto view = received.select(0, 1);  // outlives the tensor it was cut from
  received = torch::Tensor();
  EXPECT_EQ(freed, 0);
  EXPECT_TRUE(torch::equal(view, copy.t().select(0, 1)));
  view = torch::Tensor();
  EXPECT_EQ(freed, 1);
}

INSTANTIATE_TEST_SUITE_P(Dlpack, EveryType,
                         ::testing::Values(TypeCase{torch::kFloat32, {kDLFloat, 32, 1}}, TypeCase{torch::kBFloat16, {kDLBfloat, 16, 1}},
                                           TypeCase{torch::kFloat16, {kDLFloat, 16, 1}}, TypeCase{torch::kFloat64, {kDLFloat, 64, 1}},
                                           TypeCase{torch::kInt64, {kDLInt, 64, 1}}, TypeCase{torch::kUInt8, {kDLUInt, 8, 1}}),
                         [](const auto& info) { return std::string(c10::toString(info.param.type)); });

TEST(Dlpack, ForeignStridesAndByteOffsetAreHonoured) {
  int freed = 0;
  std::vector<uint8_t> memory(32);
  for (uint8_t i = 0; i < 32; ++i) memory[i] = i;
  {
    const auto t = from_dlpack(Foreign::make(&freed, {kDLUInt, 8, 1}, {2, 3}, {10, 2}, 5, memory));
    EXPECT_TRUE(torch::equal(t, torch::tensor({{5, 7, 9}, {15, 17, 19}}, torch::kUInt8)));
    EXPECT_EQ(freed, 0);
  }
  EXPECT_EQ(freed, 1);
}

TEST(Dlpack, ATensorNobodyCanReadIsFreedOnceAndReported) {
  int freed = 0;
  EXPECT_THROW(from_dlpack(Foreign::make(&freed, {kDLOpaqueHandle, 64, 1}, {1}, {}, 0, std::vector<uint8_t>(8))), clb::PluginError);
  EXPECT_EQ(freed, 1);
  auto* old = Foreign::make(&freed, {kDLUInt, 8, 1}, {1}, {}, 0, std::vector<uint8_t>(8));
  old->version.major = DLPACK_MAJOR_VERSION + 1;
  EXPECT_THROW(from_dlpack(old), clb::PluginError);
  EXPECT_EQ(freed, 2);
}

TEST(Dlpack, NullIsAnUndefinedTensor) { EXPECT_FALSE(from_dlpack(nullptr).defined()); }

TEST(Dlpack, ABatchFreesAllItsTensorsWhenOneIsBad) {
  int freed = 0;
  const auto good = [&] { return Foreign::make(&freed, {kDLInt, 64, 1}, {1}, {}, 0, std::vector<uint8_t>(8)); };
  const auto bad = Foreign::make(&freed, {kDLOpaqueHandle, 64, 1}, {1}, {}, 0, std::vector<uint8_t>(8));
  const clb_part parts[] = {{sizeof(clb_part), 0, "images", good()},
                            {sizeof(clb_part), 0, "labels", bad},
                            {sizeof(clb_part), 0, "of a later version", good()},
                            {sizeof(clb_part), 0, "main:cls", good()}};
  const clb_batch raw{sizeof(clb_batch), 4, parts, sizeof(clb_part), 1, 0, 0};
  EXPECT_THROW(clb::Batch{raw}, clb::PluginError);
  EXPECT_EQ(freed, 4);
}

TEST(Dlpack, AKeptBatchOutlivesItsNeighbours) {
  int freed = 0;
  torch::Tensor kept;
  {
    const clb_part parts[] = {
        {sizeof(clb_part), 0, "labels", Foreign::make(&freed, {kDLInt, 64, 1}, {1}, {}, 0, std::vector<uint8_t>(8, 1))},
        {sizeof(clb_part), 0, "sample_ids", Foreign::make(&freed, {kDLInt, 64, 1}, {1}, {}, 0, std::vector<uint8_t>(8, 2))}};
    const clb_batch raw{sizeof(clb_batch), 2, parts, sizeof(clb_part), 1, 0, 0};
    const clb::Batch batch(raw);
    kept = batch.labels;
  }
  EXPECT_EQ(freed, 1);
  EXPECT_EQ(kept.item<int64_t>(), 0x0101010101010101);
  kept = torch::Tensor();
  EXPECT_EQ(freed, 2);
}

}  // namespace
