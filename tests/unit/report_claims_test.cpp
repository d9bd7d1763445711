// Claims of the literature, judged on runs whose answer is known.
#include <clb/reference/claims.hpp>
#include <clb/report/table.hpp>

#include "report_fixture.hpp"

namespace clb::results_test {
namespace {

class ReportClaims : public ReportTest {
 protected:
  base::Json findings(int64_t least = 2, const std::string& metric = "acc.last.sample") {
    report::TableOptions options;
    options.format = report::Format::kJson;
    options.claims = {{"A beats B", "Somebody 2024", metric, least, {"A", {"a", "aa"}}, {"B", {"b", "bb"}}}};
    return base::parse_json(render_table(reader(), options), "table").at("/tables/0/claims"_json_pointer);
  }

  // A unit of skill is 3 of the 60 images that the last evaluation of add_tasks counts.
  void add(Store& store, const std::string& method, const std::vector<int64_t>& skills, double lr = 0.1, uint64_t capabilities = 0) {
    for (size_t seed = 0; seed < skills.size(); ++seed) {
      base::RunSpec spec = sample_spec(static_cast<int64_t>(seed), method);
      spec.method.params = {{"lr", lr}};
      spec.method.capabilities = capabilities;
      finish(store, spec, skills[seed]);
    }
  }
};

TEST_F(ReportClaims, MethodsCountOnceAndSeedsArePaired) {
  Store store = writer();
  add(store, "a", {1, 2, 3});
  add(store, "a", {3, 4, 5}, 0.2);  // with the row above 2, 3, 4
  add(store, "aa", {2, 3, 4});
  add(store, "b", {-1, 0, 1});
  add(store, "bb", {1, 2, 3, 5});  // its fourth seed has no pair
  const base::Json found = findings().at(0);
  EXPECT_EQ(found.at("verdict"), "holds");
  EXPECT_EQ(found.at("pairs"), 3);
  EXPECT_NEAR(found.at("difference").get<double>(), 2 * 3.0 / 60, 1e-12);
  EXPECT_NE(
      found.at("why").get<std::string>().find("+10.00 points [+10.00, +10.00] of acc.last.sample, mean of a, aa against mean of b, bb"),
      std::string::npos)
      << found;
}

TEST_F(ReportClaims, TheOtherWayRoundAndUndecided) {
  {
    Store store = writer();
    for (const char* method : {"a", "aa"}) add(store, method, {0, 1, 0});
    for (const char* method : {"b", "bb"}) add(store, method, {3, 4, 4});
  }
  EXPECT_EQ(findings().at(0).at("verdict"), "does not hold");
  {
    Store store = writer();
    for (const char* method : {"b", "bb"}) add(store, method, {0, 4, -3}, 0.5);
  }
  EXPECT_EQ(findings().at(0).at("verdict"), "cannot tell") << "the interval holds 0";
}

TEST_F(ReportClaims, TooFewMethodsOrSeedsCannotTell) {
  Store store = writer();
  for (const char* method : {"a", "aa"}) add(store, method, {4, 5});
  EXPECT_TRUE(findings().empty()) << "nothing of B was run";
  add(store, "b", {0, 1});
  add(store, "bb", {0, 1}, 0.1, CLB_CAP_BATCH_DEPENDENT);  // stands apart from the ranked rows
  EXPECT_EQ(findings().at(0).at("why"), "only 1 B method (b) ranked here, 2 are needed");
  EXPECT_EQ(findings(1).at(0).at("why"), "2 seeds with different results that all of these methods have, three are needed");
  EXPECT_TRUE(findings(1, "bwt").empty()) << "the table does not show the metric";
  report::TableOptions options;
  options.claims = reference::read_claims(fs::path(CLB_SOURCE_DIR) / "results/reference/claims.toml");
  ASSERT_FALSE(options.claims.empty());
  options.claims[0].first.methods = {"a"};
  options.claims[0].second.methods = {"b"};
  const std::string text = render_table(reader(), options);
  EXPECT_NE(
      text.find("\"representation-based beats prompt-based\" (Zhou et al.: Continual Learning with Pre-Trained Models: A Survey. IJCAI "
                "2024, Table 1): cannot tell whether it holds here: only 1 representation-based method (a) ranked here, 3 are needed"),
      std::string::npos)
      << text;
}

// Method a loses 3 images of 60 where the classes come in three tasks in place of two, b loses 9; the last table has other data.
TEST_F(ReportClaims, TheChangeWithTheNumberOfTasks) {
  {
    Store store = writer();
    const auto add_stream = [&](const std::vector<int64_t>& sizes, int64_t train_per_class, const std::string& method, double lr,
                                int64_t skill) {
      for (int64_t seed = 0; seed < 3; ++seed) {
        base::RunSpec spec = sample_spec(seed, method);
        spec.protocol.split = std::to_string(sizes.size());
        spec.protocol.task_sizes = sizes;
        spec.dataset.train_per_class = train_per_class;
        spec.method.params = {{"lr", lr}};
        finish(store, spec, skill + seed);
      }
    };
    const std::vector<int64_t> two{4, 2}, three{2, 2, 2};
    add_stream(two, 50, "a", 0.1, 3);
    add_stream(two, 50, "b", 0.1, 3);
    add_stream(two, 50, "b", 0.2, 0);
    add_stream(three, 50, "a", 0.1, 2);
    add_stream(three, 50, "b", 0.1, 0);
    add_stream(three, 50, "b", 0.2, 0);
    add_stream(three, 5, "a", 0.1, 0);
    add_stream(three, 5, "b", 0.1, 0);
  }
  const auto claim = [](const std::string& lr, const std::vector<int64_t>& tasks) {
    return reference::Claim{"A loses less", "Somebody 2024", "acc.last.sample", 1, {"A", {"a"}}, {"B", {"b"}, {{"lr", lr}}}, tasks};
  };
  report::TableOptions options;
  options.format = report::Format::kJson;
  options.claims = {claim("0.1", {2, 3}), claim("0.2", {2, 3}), claim("0.1", {2, 4}), claim("0.3", {2, 3})};
  base::Json found = base::Json::array();
  const base::Json report = base::parse_json(render_table(reader(), options), "table");
  for (const base::Json& table : report.at("tables"))
    for (const base::Json& one : table.at("claims")) found.push_back(one);
  ASSERT_EQ(found.size(), 2u) << found;
  EXPECT_EQ(found[0].at("verdict"), "holds");
  EXPECT_NEAR(found[0].at("difference").get<double>(), 2 * 3.0 / 60, 1e-12);
  const std::string why = found[0].at("why");
  EXPECT_NE(why.find("of acc.last.sample in its change from 2 to 3 tasks, mean of a against mean of b (lr=0.1)"), std::string::npos) << why;
  EXPECT_EQ(found[1].at("verdict"), "does not hold") << "b with the other rate loses nothing";
}

TEST_F(ReportClaims, MistakesInTheFileAreNamed) {
  const std::string good =
      "[[claim]]\nname = \"A beats B\"\ncitation = \"X\"\nmetric = \"acc.last.sample\"\nleast = 3\n"
      "first = { name = \"A\", methods = [\"a\"] }\nsecond = { name = \"B\", methods = [\"b\"] }\n";
  const auto read = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    std::ofstream(file("claims.toml")) << text;
    return sentence([&] { reference::read_claims(file("claims.toml")); });
  };
  EXPECT_NE(read("acc.last.sample", "acc.lost.sample").find("claims.toml:4:10: there is no metric \"acc.lost.sample\""), std::string::npos);
  EXPECT_NE(read("least = 3", "least = 0").find("claims.toml:5:9: "), std::string::npos);
  EXPECT_NE(read("methods = [\"b\"]", "methods = []").find("must not be an empty list"), std::string::npos);
  EXPECT_NE(read("least = 3", "tasks = [5, 5]").find("claims.toml:5:9: claim.tasks must be two numbers of tasks: [5, 20]"),
            std::string::npos);
  EXPECT_NE(read("methods = [\"b\"]", "methods = [\"b\"], params = 3").find("claims.toml:7:"), std::string::npos);
  EXPECT_NE(read("citation", "citaton").find("did you mean \"citation\"?"), std::string::npos);
}

}  // namespace
}  // namespace clb::results_test
