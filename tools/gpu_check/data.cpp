// The images of tools/gpu_check.sh as image_folder reads them, 20 training and 10 test images a class: a made set, or a cut of CIFAR-100.
//
//   gpu_check_data synthetic TO            30 classes
//   gpu_check_data cifar100 FROM TO        the first images of each of 100 classes; FROM: the binary version, plain, gzip or xz
#include <array>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/sdk/packed_file.hpp>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "support/png.hpp"

namespace {

namespace fs = std::filesystem;

constexpr int kSide = 32, kPlane = kSide * kSide, kTrain = 20, kTest = 10, kMade = 30, kCifar = 100;

struct Part {
  const char* folder;
  const char* cifar_file;
  int per_class;
};
constexpr std::array<Part, 2> kSplits{Part{"train", "train.bin", kTrain}, Part{"test", "test.bin", kTest}};

// `pixel(y, x, channel)` is a byte.
template <class Pixel>
void write_image(const fs::path& split, int label, int number, const Pixel& pixel) {
  std::string rows;
  for (int y = 0; y < kSide; ++y) {
    rows.push_back('\0');
    for (int x = 0; x < kSide; ++x)
      for (int c = 0; c < 3; ++c) rows.push_back(static_cast<char>(pixel(y, x, c)));
  }
  char name[32];
  std::snprintf(name, sizeof name, "%03d", label);
  const fs::path folder = split / name;
  fs::create_directories(folder);
  std::snprintf(name, sizeof name, "%02d.png", number);
  clb::base::write_file_atomic(folder / name, clb::testing::png(kSide, kSide, 8, 2, rows));
}

// Each class is a bright bar of its own place, slope and colour.
void write_synthetic(const fs::path& to) {
  for (const Part& split : kSplits) {
    std::mt19937 noise(static_cast<unsigned>(split.per_class));
    for (int label = 0; label < kMade; ++label)
      for (int number = 0; number < split.per_class; ++number)
        write_image(to / split.folder, label, number, [&](int y, int x, int c) {
          const int bar = (x + (label / 10 - 1) * y / 2 + kSide) % kSide;
          const int bright = bar / 3 == label % 10 && c == label % 3 ? 60 : 0;
          return 30 + bright + static_cast<int>(noise() >> 25);
        });
  }
}

void write_cifar100(const fs::path& from, const fs::path& to) {
  for (const Part& split : kSplits) {
    clb::PackedFile file(from / split.cifar_file);
    std::array<int, kCifar> written{};
    std::array<uint8_t, 2 + 3 * kPlane> record;  // coarse label, fine label, 1024 red, 1024 green, 1024 blue bytes
    for (int missing = kCifar * split.per_class; missing > 0;) {
      file.read_exactly(record, "a record");
      const int label = record[1];
      if (label >= kCifar) file.fail("fine label " + std::to_string(label) + " is not below 100", file.offset());
      if (written[static_cast<size_t>(label)] == split.per_class) continue;
      write_image(to / split.folder, label, written[static_cast<size_t>(label)]++,
                  [&](int y, int x, int c) { return record[static_cast<size_t>(2 + c * kPlane + y * kSide + x)]; });
      --missing;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() > 1 && fs::exists(words.back()) && !fs::is_empty(words.back()))
      throw clb::base::Error(words.back() + ": is not empty; give a new folder");
    if (words.size() == 2 && words[0] == "synthetic")
      write_synthetic(words[1]);
    else if (words.size() == 3 && words[0] == "cifar100")
      write_cifar100(words[1], words[2]);
    else
      throw clb::base::Error("usage: gpu_check_data synthetic TO | cifar100 FROM TO");
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "gpu_check_data: %s\n", e.what());
    return static_cast<int>(clb::base::Exit::kUserMistake);
  }
}
