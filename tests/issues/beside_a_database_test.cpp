// A note that happened to be called like what SQLite keeps beside a database was taken for SQLite's own, and removed.
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/store/store.hpp>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace {

using namespace clb;
using clb::testing::contains;
using clb::testing::error_of;

TEST(BesideADatabase, NothingIsTakenThatSqliteDidNotMake) {
  for (const bool there : {false, true}) {
    for (const char* suffix : {"-wal", "-shm", "-journal"}) {
      const clb::testing::TempFolder folder;
      const auto file = folder.path() / "r.sqlite";
      if (there) store::Store::open(file, store::Store::Mode::kWrite);
      const auto note = folder.write(std::string("r.sqlite") + suffix, "mine");
      const std::string said = error_of<base::Error>([&] { store::Store::open(file, store::Store::Mode::kWrite); });
      EXPECT_TRUE(contains(said, note.string()) && contains(said, "move it away")) << said;
      EXPECT_EQ(base::read_file(note), "mine") << suffix;
    }
  }
}

TEST(BesideADatabase, WhatAKilledWriterLeftIsTakenUp) {
  const clb::testing::TempFolder folder;
  const auto file = folder.path() / "r.sqlite";
  {
    const auto store = store::Store::open(file, store::Store::Mode::kWrite);
    for (const char* suffix : {"", "-wal", "-shm"})
      if (std::filesystem::exists(file.string() + suffix))
        std::filesystem::copy_file(file.string() + suffix, folder.path() / (std::string("copy.sqlite") + suffix));
  }
  EXPECT_NO_THROW(store::Store::open(folder.path() / "copy.sqlite", store::Store::Mode::kWrite));
}

}  // namespace
