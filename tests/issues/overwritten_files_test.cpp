// A file that clbench did not write was replaced by what it writes: the rule, then the verbs that follow it.
#include <fcntl.h>
#include <sys/stat.h>

#include <clb/base/output.hpp>
#include <clb/report/leaderboard.hpp>
#include <thread>

#include "e2e/cli.hpp"
#include "support/errors.hpp"
#include "unit/compare_fixture.hpp"

namespace clb::testing {
namespace {

using base::Error;
using base::Output;
using base::OutputRule;

class OutputRules : public ::testing::Test {
 protected:
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  static OutputRule rule(std::vector<fs::path> inputs = {}, bool force = false) {
    return {"a text of ours", [](std::string_view ends) { return ends.starts_with("ours"); }, std::move(inputs), force};
  }
  std::string refused(const fs::path& file, const OutputRule& rule) const {
    return error_of<Error>([&] { base::write_output(file, "ours, new", rule); });
  }
  void written(const fs::path& file, const OutputRule& rule) const {
    base::write_output(file, "ours, new", rule);
    EXPECT_EQ(base::read_file(file), "ours, new");
  }
  TempFolder folder_;
};

TEST_F(OutputRules, a_foreign_file_stays_unless_forced) {
  const fs::path file = folder_.write("thesis.txt", "mine");
  EXPECT_TRUE(contains(refused(file, rule()), "thesis.txt: exists and is not a text of ours; give another name, or --force"));
  EXPECT_EQ(base::read_file(file), "mine");
  written(file, rule({}, true));
  written(file, rule());  // it carries the mark now
  written(folder_.write("empty", ""), rule());
  written(at("fresh"), rule());
}

TEST_F(OutputRules, an_input_is_never_written_over_whatever_its_name) {
  const fs::path input = folder_.write("input", "ours, old");
  fs::create_hard_link(input, at("hard"));
  fs::create_symlink("input", at("soft"));
  fs::create_directory_symlink(".", at("here"));
  for (const fs::path& name : {input, at("hard"), at("soft"), at("here") / "input", at(".") / "." / "input"})
    EXPECT_TRUE(contains(refused(name, rule({input}, true)), "this command itself needs")) << name;
  EXPECT_TRUE(contains(refused(at("here") / "to_come", rule({at("to_come")}, true)), "itself needs"));
  EXPECT_EQ(base::read_file(input), "ours, old");
}

TEST_F(OutputRules, a_link_is_written_through_also_when_nothing_is_there_yet) {
  fs::create_directory(at("disk"));
  fs::create_symlink("disk/target", at("link"));
  fs::create_symlink("link", at("link_to_link"));
  written(at("link_to_link"), rule());
  EXPECT_TRUE(fs::is_symlink(at("link")) && fs::is_symlink(at("link_to_link")));
  EXPECT_EQ(base::read_file(at("disk/target")), "ours, new");
  fs::create_symlink("nowhere/target", at("far"));
  EXPECT_TRUE(contains(refused(at("far"), rule()), "there is no folder"));
  fs::create_symlink("circle", at("circle"));
  EXPECT_TRUE(contains(refused(at("circle"), rule()), "leads in a circle"));
}

TEST_F(OutputRules, what_is_no_file_is_not_replaced_by_one) {
  EXPECT_TRUE(contains(refused(folder_.path(), rule({}, true)), "is a folder"));
  base::write_output("/dev/null", "ours", rule());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  ASSERT_EQ(mkfifo(at("pipe").c_str(), 0600), 0);
  std::string got(9, '\0');
  std::thread reader([&] {
    const int fd = open(at("pipe").c_str(), O_RDONLY);
    for (size_t n = 0; n < got.size();) n += static_cast<size_t>(std::max<ssize_t>(0, read(fd, got.data() + n, got.size() - n)));
    close(fd);
  });
  base::write_output(at("pipe"), "ours, new", rule());
  reader.join();
  EXPECT_EQ(got, "ours, new");
  EXPECT_TRUE(fs::is_fifo(at("pipe")));
}

TEST_F(OutputRules, an_open_descriptor_goes_on_where_it_is) {
  const fs::path file = folder_.write("log", "mine\n");
  const int fd = open(file.c_str(), O_WRONLY | O_APPEND);
  base::write_output("/dev/fd/" + std::to_string(fd), "ours, new", rule());
  close(fd);
  EXPECT_EQ(base::read_file(file), "mine\nours, new");
}

TEST_F(OutputRules, what_is_replaced_keeps_its_permissions) {
  const fs::path file = folder_.write("private", "");
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  written(file, rule());
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(OutputRules, a_lock_is_not_taken_on_a_file_of_somebody_else) {
  const fs::path foreign = folder_.write("Cargo.lock", "[[package]]\nname = \"mine\"\n");
  EXPECT_TRUE(contains(error_of<Error>([&] { base::FileLock::try_lock(foreign); }), "exists and is none"));
  EXPECT_EQ(base::read_file(foreign), "[[package]]\nname = \"mine\"\n");
  EXPECT_TRUE(base::FileLock::try_lock(folder_.write("old.lock", "4711\n")));
}

// The verbs themselves, on a database with three runs.
class Overwriting : public results_test::ResultsTest {
 protected:
  Overwriting() {
    auto store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) results_test::make_attempt(store, results_test::frozen_spec(seed), {.wrong = {1, 1}});
  }
  Ended clbench(std::vector<std::string> words) const {
    words.insert(words.begin(), (fs::path(CLB_BINARY_DIR) / "bin/clbench").string());
    return run_program(folder_, words, {"CLB_CACHE=" + (folder_ / "cache").string()});
  }
  std::string write(const std::string& name, const std::string& text) const {
    fs::create_directories(file(name).parent_path());
    std::ofstream(file(name), std::ios::binary) << text;
    return file(name).string();
  }
  void refused(const Ended& ended, const std::string& text) const {
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_TRUE(contains(ended.err, text)) << ended.err;
  }
};

TEST_F(Overwriting, export_keeps_the_database_and_what_is_not_its_own) {
  const std::string db = file().string(), thesis = write("thesis.json", "{\"mine\": 1}"), before = base::read_file(file());
  fs::create_hard_link(file(), file("same.sqlite"));
  for (const std::string& out : {db, file("same.sqlite").string(), db + "-wal", db + ".lock"})
    refused(clbench({"export", "--db", db, "--out", out, "--force"}), "itself needs");
  EXPECT_EQ(base::read_file(file()), before);
  refused(clbench({"export", "--db", db, "--out", thesis}), "is not an export of clbench");
  EXPECT_EQ(base::read_file(thesis), "{\"mine\": 1}");
  EXPECT_EQ(clbench({"export", "--db", db, "--out", thesis, "--force"}).code, 0);
  EXPECT_EQ(clbench({"export", "--db", db, "--out", thesis}).code, 0) << "its own";

  const std::string csv = file("metrics.csv").string(), table = write("table.csv", "run_key,grade\na,1\n");
  for (int again = 0; again < 2; ++again) EXPECT_EQ(clbench({"export", "metrics", "--format", "csv", "--db", db, "--out", csv}).code, 0);
  refused(clbench({"export", "metrics", "--format", "csv", "--db", db, "--out", table}), "is not an export");
  const Ended streamed = clbench({"export", "metrics", "--format", "csv", "--db", db, "--out", "/dev/stdout"});
  EXPECT_EQ(streamed.out, base::read_file(csv)) << streamed.err;
}

TEST_F(Overwriting, leaderboard_keeps_another_site) {
  const fs::path out = file("site");
  const auto site = [&](const fs::path& to, bool force = false, bool all = true) {
    report::LeaderboardOptions options;
    options.out = to;
    options.force = force;
    options.inputs = {file()};
    options.templates = fs::path(CLB_BINARY_DIR) / "share/clbench/leaderboard";
    options.all_pages = all;
    return report::write_leaderboard(reader(), options);
  };
  const auto kept = [&](const fs::path& to, bool force = false, bool all = true) { return error_of<Error>([&] { site(to, force, all); }); };
  write("site/index.html", "<!DOCTYPE html><title>my home page</title>");
  const std::string notes = write("site/notes.txt", "mine");
  for (const bool all : {true, false})
    EXPECT_TRUE(contains(kept(out, false, all), "index.html: exists and is not of a site that clbench wrote"));
  EXPECT_EQ(std::distance(fs::directory_iterator(out), {}), 2) << "nothing is written before all names were looked at";

  const size_t pages = site(out, true);
  EXPECT_EQ(site(out), pages) << "its own site";
  EXPECT_EQ(base::read_file(notes), "mine");
  const std::string page = fs::directory_iterator(out / "run")->path();
  write(fs::relative(page, folder_).string(), "<title>mine</title>");
  EXPECT_TRUE(contains(kept(out), page));
  for (const char* name : {"style.css", "leaderboard.js", "data.json", "data.csv", "changes.json"}) {
    write("other-" + std::string(name) + "/" + name, "mine");
    EXPECT_TRUE(contains(kept(file("other-" + std::string(name)), false, false), name));
  }
  fs::create_directory(file("by"));
  fs::create_hard_link(file(), file("by/data.json"));
  EXPECT_TRUE(contains(kept(file("by"), true), "itself needs"));

  // One that was written before there were marks.
  write("old/index.html", "<title>t</title>\n<p>Made by <code>clbench leaderboard</code> from stored counts and predictions. All</p>");
  write("old/style.css", base::read_file(fs::path(CLB_SOURCE_DIR) / "share/leaderboard/style.css"));
  write("old/data.json", "{\"version\": 1, \"metrics\": [{\"formula\":\"f\"}], \"rows\": []}\n");
  EXPECT_GT(site(file("old")), 1u);
}

TEST_F(Overwriting, a_database_is_made_where_a_link_leads_to) {
  fs::create_directory(file("disk"));
  fs::create_symlink("disk/far.sqlite", file("link.sqlite"));
  const std::string rows = fs::path(CLB_SOURCE_DIR) / "tests/fuzz/seeds/import/two_rows";
  const Ended ended = clbench({"import", rows, "--db", file("link.sqlite")});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(fs::is_symlink(file("link.sqlite")));
  EXPECT_TRUE(fs::is_regular_file(file("disk/far.sqlite")));
  EXPECT_TRUE(fs::exists(file("disk/far.sqlite.lock")));
  EXPECT_FALSE(fs::exists(file("link.sqlite.lock")));

  fs::create_symlink("disk/all.sqlite", file("all.sqlite"));
  EXPECT_EQ(clbench({"merge", file("all.sqlite"), file()}).code, 0);
  EXPECT_TRUE(fs::is_symlink(file("all.sqlite")) && fs::is_regular_file(file("disk/all.sqlite")));
}

TEST_F(Overwriting, merge_and_a_new_database_remove_nothing_beside_them) {
  const std::vector<std::string> names{"all.sqlite.new", "all.sqlite.merge", "all.sqlite.merge-copy", "all.sqlite.new-wal"};
  for (const std::string& name : names) write(name, "mine");
  EXPECT_EQ(clbench({"merge", file("all.sqlite"), file()}).code, 0);
  EXPECT_EQ(clbench({"merge", file("all.sqlite"), file("all.sqlite"), file()}).code, 0) << "what is written may be one of the files";
  for (const std::string& name : names) EXPECT_EQ(base::read_file(file(name)), "mine") << name;
  refused(clbench({"merge", write("thesis.txt", std::string(5000, 'x')), file()}), "thesis.txt");
  EXPECT_EQ(base::read_file(file("thesis.txt")), std::string(5000, 'x'));
  write("empty.sqlite", "");
  EXPECT_EQ(clbench({"merge", file("empty.sqlite"), file()}).code, 0);
}

TEST_F(Overwriting, a_lock_or_an_old_copy_of_somebody_else_is_kept) {
  const std::string lock = write("Cargo.lock", "[[package]]\n");
  refused(clbench({"merge", file("Cargo"), file()}), "Cargo.lock: is needed as a lock");
  EXPECT_EQ(base::read_file(lock), "[[package]]\n");
}

}  // namespace
}  // namespace clb::testing
