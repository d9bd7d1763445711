// A session over a small made data set of images: 10 classes, kTrain and kTest images of each, three tasks.
#pragma once

#include <clb/meta.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <clb/session/describe.hpp>
#include <clb/session/session.hpp>
#include <clb/session/stream.hpp>
#include <clb/session/torch_globals.hpp>
#include <fstream>
#include <memory>

#include "support/temp_folder.hpp"

namespace clb::testing {

inline const bool libtorch_watched = [] {
  session::watch_libtorch();
  return true;
}();

inline constexpr int kTrain = 6, kTest = 2;  // images per class

// An IDX file: magic number and dimensions big-endian, then the bytes.
inline void write_idx(const std::filesystem::path& file, std::initializer_list<uint32_t> header, const std::vector<char>& bytes) {
  std::ofstream out(file, std::ios::binary);
  for (uint32_t value : header)
    for (int shift = 24; shift >= 0; shift -= 8) out.put(static_cast<char>(value >> shift));
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline void write_split(const TempFolder& folder, const std::string& stem, uint32_t per_class) {
  const uint32_t n = 10 * per_class, pixels = 28 * 28;
  std::vector<char> labels(n), images(size_t{n} * pixels);
  for (uint32_t i = 0; i < n; ++i) {
    labels[i] = static_cast<char>(i * 7 % 10);  // records go round the classes in another order
    for (uint32_t k = 0; k < pixels; ++k) images[size_t{i} * pixels + k] = static_cast<char>(i * 31 + k * 7);
  }
  write_idx(folder.path() / (stem + "-images-idx3-ubyte"), {0x803, n, 28, 28}, images);
  write_idx(folder.path() / (stem + "-labels-idx1-ubyte"), {0x801, n}, labels);
}

class MadeSession : public ::testing::Test {
 protected:
  MadeSession() {
    write_split(folder_, "train", kTrain);
    write_split(folder_, "t10k", kTest);
    const auto info =
        base::DatasetInfo::from_json(session::describe({.file = std::string(CLB_BINARY_DIR) + "/lib/clbench/datasets/fashion_mnist.so",
                                                        .open = true,
                                                        .root = folder_.path().string()}),
                                     "describe");
    spec_.dataset.file = info.file;
    spec_.dataset.root = info.root;
    spec_.dataset.fingerprint = info.fingerprint;
    spec_.dataset.class_count = 10;
    spec_.protocol.class_order = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
    spec_.protocol.task_sizes = {4, 3, 3};
    spec_.protocol.eval_transform.resize = 32;
    spec_.method.train_transform.random_resized_crop = 32;
    spec_.method.train_transform.flip = 0.5;
    spec_.threads = 1;
  }

  static constexpr const char* kNumbers[] = {CLB_PART_LABELS, CLB_PART_SAMPLE_IDS, CLB_PART_TASK_IDS};
  static constexpr const char* kWithImages[] = {CLB_PART_LABELS, CLB_PART_SAMPLE_IDS, CLB_PART_TASK_IDS, CLB_PART_IMAGES};
  template <size_t N>
  static void ask(clb_stream_request& request, const char* const (&parts)[N]) {
    request.parts = parts;
    request.part_count = N;
  }

  // One epoch of the task's images as they are trained on.
  static clb_stream_request request(int64_t batch_size) {
    clb_stream_request r{};
    r.struct_size = sizeof r;
    r.sources = CLB_SOURCE_TRAIN;
    r.view = CLB_VIEW_TRAIN;
    r.parts = kWithImages;
    r.part_count = std::size(kWithImages);
    r.batch_size = batch_size;
    r.epochs = 1;
    return r;
  }

  std::unique_ptr<session::Session> open(int64_t task) {
    auto s = std::make_unique<session::Session>(spec_, torch::kCPU, "test", emitter_, spans_);
    s->task = task;
    return s;
  }

  TempFolder folder_;
  base::RunSpec spec_;
  session::Emitter emitter_{::open("/dev/null", O_WRONLY)};
  base::Spans spans_;
};

}  // namespace clb::testing
