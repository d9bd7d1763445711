// Truncated and bit-flipped files: an Error that names the file, or the stored numbers; never a crash, never a guess.
#include <SQLiteCpp/SQLiteCpp.h>

#include <fstream>
#include <random>

#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using store::Store;

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const fs::path& file, const std::string& bytes) { std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes; }

class StoreDamage : public ResultsTest {
 protected:
  StoreDamage() {
    Store store = writer();
    for (int64_t seed = 0; seed < 4; ++seed) {
      const int64_t attempt = store.begin_attempt(sample_spec(seed), sample_start());
      store.add_hello(attempt, {});
      store.add_targets(attempt, {"test", {0, 1, 2, 3, 4, 5}});
      for (int64_t task = 0; task < 3; ++task) store.add_task(attempt, sample_task(task, {20, 20, 20}, {15, 14, 13}));
      store.add_status(attempt, {"ok", "", "", ""});
    }
  }
  void SetUp() override { good_ = bytes_of(file()); }

  // Reads everything there is. True when that worked, false when it was an Error with exit code 2 that names the file.
  bool read_all(const fs::path& path, Store::Mode mode) {
    try {
      Store store = Store::open(path, mode);
      for (const store::RunRow& run : store.runs()) {
        if (run.attempt_id == 0) continue;
        for (const store::EvalRow& row : store.evals(run.attempt_id)) store.prediction(run.attempt_id, row.after_task);
        store.targets(run.attempt_id);
        store.logit_hashes(run.attempt_id);
        store.metrics(run.attempt_id);
        store.spans(run.attempt_id);
        store.resources(run.attempt_id);
      }
      return true;
    } catch (const base::Error& error) {
      const std::string said = error.what();
      EXPECT_TRUE(said.starts_with(path.string())) << said;
      EXPECT_EQ(said.find('\n'), std::string::npos) << said;
      EXPECT_EQ(error.exit(), base::Exit::kUserMistake) << said;
      return false;
    }
  }

  // What SQLite itself says of the file.
  bool intact(const fs::path& path) {
    try {
      SQLite::Database db(path.string());
      return db.execAndGet("PRAGMA integrity_check").getString() == "ok";
    } catch (const SQLite::Exception&) {
      return false;
    }
  }

  std::string good_;
};

TEST_F(StoreDamage, a_truncated_file_is_an_error) {
  const fs::path cut = file("cut.sqlite");
  int errors = 0, tried = 0;
  auto check = [&](size_t size) {
    put(cut, good_.substr(0, size));
    ++tried;
    errors += !read_all(cut, tried % 2 ? Store::Mode::kRead : Store::Mode::kWrite);
  };
  for (size_t size : {0u, 1u, 15u, 16u, 50u, 99u, 100u, 101u, 511u, 512u, 4095u, 4096u, 4097u}) check(size);
  for (size_t size = 8192; size < good_.size(); size += 4096 * 5 + 1000) check(size);
  check(good_.size() - 1);
  check(good_.size() - 4096);
  EXPECT_EQ(errors, tried);
}

TEST_F(StoreDamage, flipped_bits_in_the_header_pages_never_crash) {
  const fs::path bad = file("bad.sqlite");
  int errors = 0;
  for (size_t byte = 0; byte < 300; ++byte) {
    std::string bytes = good_;
    bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << byte % 8));
    put(bad, bytes);
    const bool was_intact = intact(bad);
    const bool readable = read_all(bad, Store::Mode::kRead);
    errors += !readable;
    EXPECT_TRUE(was_intact || !readable) << "integrity_check finds byte " << byte;
  }
  EXPECT_GT(errors, 30);
}

TEST_F(StoreDamage, what_integrity_check_finds_anywhere_is_an_error) {
  const fs::path bad = file("bad.sqlite");
  std::mt19937 random(11);
  int found = 0;
  for (int round = 0; round < 250; ++round) {
    std::string bytes = good_;
    for (int flips = 0; flips < 1 + round % 3; ++flips) bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    put(bad, bytes);
    const bool was_intact = intact(bad);
    found += !was_intact;
    const bool readable = read_all(bad, round % 2 ? Store::Mode::kRead : Store::Mode::kWrite);
    EXPECT_TRUE(was_intact || !readable) << "round " << round;
    for (const char* beside : {"-wal", "-shm"}) fs::remove(bad.string() + beside);
  }
  EXPECT_GT(found, 20);
}

TEST_F(StoreDamage, a_page_of_zeros_is_an_error) {
  const fs::path bad = file("bad.sqlite");
  int found = 0, pages = 0;
  for (size_t page = 0; page + 4096 <= good_.size(); page += 4096, ++pages) {
    std::string bytes = good_;
    bytes.replace(page, 4096, 4096, '\0');
    put(bad, bytes);
    if (!intact(bad)) {
      ++found;
      EXPECT_FALSE(read_all(bad, Store::Mode::kRead)) << "page " << page / 4096;
    }
  }
  EXPECT_GT(found, pages * 3 / 4);
}

TEST_F(StoreDamage, text_is_no_database) {
  put(file("notes.txt"), std::string(10'000, 'x'));
  EXPECT_NE(sentence([&] { Store::open(file("notes.txt"), Store::Mode::kRead); }).find("is not a results database"), std::string::npos);
  EXPECT_FALSE(read_all(file("notes.txt"), Store::Mode::kWrite));
  EXPECT_EQ(bytes_of(file("notes.txt")), std::string(10'000, 'x'));
}

}  // namespace
}  // namespace clb::results_test
