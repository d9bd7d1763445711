#include "cifar100.cpp"

#include <gtest/gtest.h>

#include <clb/sdk/call_dataset.hpp>

#include "damage.hpp"
#include "errors.hpp"
#include "pack.hpp"
#include "temp_folder.hpp"

namespace {

using clb::testing::contains;
using clb::testing::error_of;
using clb::testing::TempFolder;

// `count` records; plane c of record i holds (7 i + 100 c + position) mod 256.
std::string records(int count) {
  std::string file;
  for (int i = 0; i < count; ++i) {
    file += static_cast<char>(i % kCoarse);
    file += static_cast<char>((i * 37) % kFine);
    for (int c = 0; c < 3; ++c) {
      for (int p = 0; p < Records::kPlane; ++p) file += static_cast<char>(7 * i + 100 * c + p);
    }
  }
  return file;
}

std::string refusal(const clb::Path& file, int64_t count) {
  return error_of<clb::PluginError>([&] { read_records(file, count); });
}

TEST(Cifar100, PlainGzipAndXzReadAndPlanesBecomeChannelsLast) {
  const TempFolder folder;
  folder.write("a.bin", records(4));
  folder.write("b.bin.gz", clb::testing::gzip(records(4)));
  folder.write("c.bin.xz", clb::testing::xz(records(4)));
  for (const char* name : {"a.bin", "b.bin", "c.bin"}) {
    const Records read = read_records(folder.path() / name, 4);
    EXPECT_EQ(read.labels, (std::vector<uint8_t>{0, 37, 74, 11}));
    for (int c = 0; c < 3; ++c) EXPECT_EQ(read.image(2)[5 * 3 + c], (7 * 2 + 100 * c + 5) % 256) << name;
  }
}

TEST(Cifar100, TruncationsNameFileAndOffset) {
  const TempFolder folder;
  const std::string file = records(3);
  for (size_t size = 0; size < file.size(); size += size < 16 ? 1 : 97) {
    const std::string said = refusal(folder.write("train.bin", file.substr(0, size)), 3);
    EXPECT_TRUE(contains(said, "train.bin: ends inside record " + std::to_string(size / 3074))) << said;
    EXPECT_TRUE(contains(said, "(offset " + std::to_string(size) + " ")) << said;
  }
  EXPECT_TRUE(contains(refusal(folder.write("train.bin", file + "x"), 3), "goes on after its last expected byte (offset 9222"));
}

TEST(Cifar100, DamagedContainersNameTheFile) {
  const TempFolder folder;
  const std::string good = records(2);
  for (const auto& [name, packed] : {std::pair("a.bin.xz", clb::testing::xz(good)), std::pair("a.bin.gz", clb::testing::gzip(good))}) {
    for (size_t size = 0; size < packed.size(); size += 13) {
      EXPECT_TRUE(contains(refusal(folder.write(name, packed.substr(0, size)), 2), name)) << size;
    }
    for (size_t back = 1; back <= packed.size() && back <= 24; ++back) {  // checks, lengths and footers stand at the end
      std::string flipped = packed;
      flipped[flipped.size() - back] = static_cast<char>(flipped[flipped.size() - back] ^ 0x10);
      EXPECT_TRUE(contains(refusal(folder.write(name, flipped), 2), name)) << back;
    }
  }
}

TEST(Cifar100, EveryFlippedLabelBitIsFoundOrAnotherLabel) {
  const TempFolder folder;
  const std::string file = records(2);
  clb::testing::for_each_bit_flip(file, 3074, 3076, [&](const std::string& bytes, size_t at, int bit) {
    const bool fine = at == 3075;
    const int64_t label = static_cast<uint8_t>(bytes[at]), count = fine ? kFine : kCoarse;
    const clb::Path path = folder.write("train.bin", bytes);
    if (label < count) {
      EXPECT_EQ(read_records(path, 2).labels[1], static_cast<uint8_t>(bytes[3075]));
      return;
    }
    const std::string what = std::string(fine ? "fine" : "coarse") + " label " + std::to_string(label) + " is not below " +
                             std::to_string(count) + " (offset " + std::to_string(at) + " ";
    EXPECT_TRUE(contains(refusal(path, 2), "train.bin: " + what)) << at << "." << bit << " " << refusal(path, 2);
  });
}

TEST(Cifar100, NamesBesideTheRecordsMustAgree) {
  const TempFolder folder;
  const auto names = clb::split_names(Cifar100::about.classes);
  ASSERT_EQ(names.size(), 100u);
  std::string good;
  for (const std::string& name : names) good += name + "\n";
  const clb::Path file = folder.path() / "fine_label_names.txt";
  EXPECT_NO_THROW(clb::require_cifar_names(file, names)) << "the file is optional";
  EXPECT_NO_THROW(clb::require_cifar_names(folder.write("fine_label_names.txt", good), names));
  EXPECT_NO_THROW(clb::require_cifar_names(folder.write("fine_label_names.txt", good + "\n"), names))
      << "the original distribution ends so";
  const auto said = [&](const std::string& text) {
    folder.write("fine_label_names.txt", text);
    return error_of<clb::PluginError>([&] { clb::require_cifar_names(file, names); });
  };
  EXPECT_TRUE(contains(said(good + "more\n"), "fine_label_names.txt:101: class \"more\", wanted the end"));
  EXPECT_TRUE(contains(said("ant" + good), "fine_label_names.txt:1: class \"antapple\", wanted \"apple\""));
  EXPECT_TRUE(contains(said("apple\n"), "has 1 names, wanted 100"));
  EXPECT_TRUE(contains(said(std::string(70'000, 'x')), "goes on after"));
}

TEST(Cifar100, WholeFilesAreExpected) {
  const TempFolder folder;
  folder.write("train.bin", records(2));
  folder.write("test.bin", records(2));
  const clb_host host = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin(clb_dataset_v0(), &host);
  const std::string said = error_of<clb::PluginError>([&] { plugin.open(folder.path().string()); });
  EXPECT_TRUE(contains(said, "train.bin: ends inside record 2 of 50000")) << said;
}

}  // namespace
