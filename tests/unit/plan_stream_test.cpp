// Streams that an experiment describes: task sizes as a list, a subset and an order of domains, official orders, sequences of data sets.
#include "plan_fixture.hpp"

namespace clb::plan::testing {
namespace {

using Ids = std::vector<int64_t>;

class PlanStreamTest : public PlanTest {
 protected:
  // An experiment on feature vectors, which needs neither weights nor transforms.
  static std::string on(const std::string& dataset, const std::string& protocol) {
    return "[dataset]\n" + dataset + "\n[protocol]\n" + protocol + "\n[[method]]\nid = \"simplecil\"\n";
  }
  static std::string domains(const std::string& protocol) { return on("id = \"vectors\"", "kind = \"domain\"\n" + protocol); }
  base::RunSpec run(const std::string& text) { return plan(text).runs.at(0); }
};

TEST_F(PlanStreamTest, TaskSizesAreAList) {
  const auto with = [](const std::string& split) { return on("id = \"vectors\"", "split = " + split + "\norder = \"identity\""); };
  const base::RunSpec list = run(with("[5, 2, 3]"));
  EXPECT_EQ(list.protocol.task_sizes, (Ids{5, 2, 3}));
  EXPECT_EQ(list.protocol.split, "[5, 2, 3]");
  EXPECT_EQ(run(with("[4, 3, 3]")).key(), run(with("\"B4-Inc3\"")).key()) << "the same stream";
  EXPECT_NE(list.comparability_json(), run(with("[5, 3, 2]")).comparability_json());
  EXPECT_EQ(mistake(with("[5, 2, 2]")),
            "good.toml:4:9: protocol.split lists 3 tasks of 9 classes together, dataset vectors has 10; every class belongs to one task");
  EXPECT_EQ(mistake(with("[5, 9]")),
            "good.toml:4:9: protocol.split lists 2 tasks of more than 10 classes together, dataset vectors has 10; "
            "every class belongs to one task");
  EXPECT_EQ(mistake(with("[10, 0]")),
            "good.toml:4:14: each element of protocol.split must be an integer from 1 to 10, found the integer 0");
  EXPECT_NE(mistake(with("[]")), "");
  EXPECT_EQ(mistake(with("\"datasets\"")),
            "good.toml:4:9: protocol.split = \"datasets\" is for a sequence of data sets, and vectors is one; "
            "split looks like \"B0-Inc10\"");
}

TEST_F(PlanStreamTest, DomainsAreASubsetAndAnOrder) {
  const base::ProtocolSpec listed = run(domains("domains = [\"cartoon\", 0]")).protocol;
  EXPECT_EQ(listed.domain_order, (Ids{2, 0}));
  EXPECT_EQ(listed.domain_subset, (Ids{0, 2}));
  EXPECT_EQ(listed.order, "list");
  EXPECT_EQ(listed.task_sizes, (Ids{10, 10}));
  // All of them is what an order says.
  EXPECT_EQ(run(domains("domains = [2, 0, 1]")).key(), run(domains("order = [2, 0, 1]")).key());
  // With an order the list is a set.
  EXPECT_EQ(run(domains("domains = [2, 0]\norder = \"seed\"")).key(), run(domains("domains = [0, 2]\norder = \"seed\"")).key());
  EXPECT_EQ(run(domains("domains = [2, 0]\norder = \"identity\"")).protocol.domain_order, (Ids{0, 2}));
  EXPECT_EQ(plan(domains("domains = [2, 0]\norder = \"seed\"\norder_seed = [0, 1, 2]")).runs.size(), 3u);
  EXPECT_EQ(run(domains("domains = [\"photo\"]")).protocol.task_sizes.size(), 1u);
}

TEST_F(PlanStreamTest, SubsetsDoNotShareATable) {
  const auto comparability = [&](const std::string& text) { return run(domains(text)).comparability_json(); };
  EXPECT_NE(comparability("domains = [0, 1]\norder = \"seed\""), comparability("domains = [0, 2]\norder = \"seed\""));
  EXPECT_NE(comparability("domains = [0, 1]"), comparability("domains = [1, 0]"));
  EXPECT_FALSE(comparability("order = \"seed\"").contains("domain_subset")) << "keys of before stay";
}

TEST_F(PlanStreamTest, MistakesInDomains) {
  EXPECT_EQ(mistake(domains("domains = [\"skech\"]")), "good.toml:5:12: dataset vectors has no domain \"skech\"; did you mean \"sketch\"?");
  EXPECT_EQ(mistake(domains("domains = [0, \"photo\"]")), "good.toml:5:15: protocol.domains lists domain 0 (photo) twice");
  EXPECT_EQ(mistake(domains("domains = [3]")),
            "good.toml:5:12: each of protocol.domains must be an integer from 0 to 2, found the integer 3");
  EXPECT_EQ(mistake(domains("domains = []")),
            "good.toml:5:11: protocol.domains must be a list of domains, names or numbers, for example [\"photo\", \"sketch\"]");
  EXPECT_EQ(
      mistake(domains("domains = [0, 1]\norder = [1, 0]")),
      "good.toml:6:9: protocol.domains lists the domains in order already; leave protocol.order out, or name an order to sort them by");
  EXPECT_EQ(mistake(on("id = \"vectors\"", "split = \"B0-Inc5\"\ndomains = [0]\norder = \"identity\"")),
            "good.toml:5:11: protocol.domains is for domain-incremental streams (kind = \"domain\")");
}

TEST_F(PlanStreamTest, OfficialOrdersOfDomains) {
  const base::ProtocolSpec protocol = run(domains("order = \"official\"")).protocol;
  EXPECT_EQ(protocol.order, "official:usual");
  EXPECT_EQ(protocol.domain_order, (Ids{1, 2, 0}));
  EXPECT_EQ(run(domains("order = \"official:usual\"\ndomains = [0, 2]")).protocol.domain_order, (Ids{2, 0}));
  EXPECT_EQ(mistake(domains("order = \"official:usul\"")),
            "good.toml:5:9: dataset vectors has no official domain order \"usul\"; did you mean \"usual\"?");
}

TEST_F(PlanStreamTest, ADescriptionOfADataSetStatesOrders) {
  write("share/datasets/vectors.toml",
        "plugin = \"vectors\"\nclasses = 10\nget = \"ask\"\n[domain_orders]\npaper = [\"sketch\", \"photo\", \"cartoon\"]\n");
  EXPECT_EQ(run(domains("order = \"official:paper\"")).protocol.domain_order, (Ids{1, 0, 2}));
  write("share/datasets/vectors.toml",
        "plugin = \"vectors\"\nclasses = 10\nget = \"ask\"\n[domain_orders]\npaper = [\"sketch\", \"phto\"]\n");
  EXPECT_NE(mistake(domains("order = \"official:paper\"")).find("domain_orders: the data set has no \"phto\"; did you mean \"photo\"?"),
            std::string::npos);
}

TEST_F(PlanStreamTest, ASequenceOfDataSets) {
  const auto with = [](const std::string& parts, const std::string& protocol) { return on("sequence = " + parts, protocol); };
  const base::RunSpec two = run(with("[\"vectors\", { id = \"vectors\", train_per_class = 3 }]", "order = \"pilot\""));
  ASSERT_EQ(two.dataset.sequence.size(), 2u);
  EXPECT_EQ(two.dataset.id, "vectors+vectors");
  EXPECT_EQ(two.dataset.class_count, 20);
  EXPECT_EQ(two.dataset.sequence[1].train_per_class, 3);
  EXPECT_EQ(two.protocol.split, "datasets");
  EXPECT_EQ(two.protocol.task_sizes, (Ids{10, 10}));
  for (int64_t k = 0; k < 10; ++k)
    EXPECT_EQ(two.protocol.class_order[static_cast<size_t>(k)] + 10, two.protocol.class_order[static_cast<size_t>(k + 10)]);
  EXPECT_EQ(base::RunSpec::from_json(two.to_json(), "run").key(), two.key());

  EXPECT_EQ(run(with("[\"vectors\", \"vectors\"]", "split = \"B4-Inc3\"\norder = \"seed\"")).protocol.task_sizes, (Ids{4, 3, 3, 4, 3, 3}));
  EXPECT_EQ(run(with("[\"vectors\", \"vectors\"]", "split = [10, 10]\norder = \"pilot\"")).key(),
            run(with("[\"vectors\", \"vectors\"]", "order = \"pilot\"")).key());
  EXPECT_EQ(run(with("[\"vectors\", \"vectors\"]", "order = \"official\"")).protocol.order, "official:reading");
}

TEST_F(PlanStreamTest, SubsetsOfASequence) {
  const auto with = [](const std::string& keys) { return on(keys, "order = \"pilot\""); };
  const base::RunSpec whole = run(with("sequence = [\"vectors\", \"vectors\"]"));
  const base::RunSpec all = run(with("train_per_class = 3\nsequence = [\"vectors\", \"vectors\"]"));
  const base::RunSpec each = run(with("sequence = [{ id = \"vectors\", train_per_class = 3 }, { id = \"vectors\", train_per_class = 3 }]"));
  const base::RunSpec one = run(with("sequence = [{ id = \"vectors\", train_per_class = 3 }, \"vectors\"]"));
  EXPECT_EQ(all.key(), each.key());
  EXPECT_EQ(all.dataset.fingerprint, whole.dataset.fingerprint);
  EXPECT_NE(one.comparability_json(), all.comparability_json());
  EXPECT_NE(one.comparability_json(), whole.comparability_json());
}

TEST_F(PlanStreamTest, MistakesInSequences) {
  const std::string protocol = "order = \"pilot\"";
  EXPECT_EQ(
      mistake(on("sequence = [\"vectors\"]", protocol)),
      "good.toml:2:12: dataset.sequence must be a list of at least two data sets, for example [\"cifar100\", { id = \"image_folder\", root "
      "= \"birds\" }]");
  EXPECT_EQ(mistake(on("id = \"vectors\"\nsequence = [\"vectors\", \"vectors\"]", protocol)),
            "good.toml:2:6: dataset.id beside dataset.sequence: each data set of the sequence has its own");
  EXPECT_EQ(
      mistake(on("sequence = [\"vectors\", \"fashion_mnist\"]", protocol)),
      "good.toml:2:12: dataset.sequence: vectors holds feature vectors of 64 numbers and fashion_mnist holds images, which cannot be one "
      "stream");
  EXPECT_NE(mistake(on("sequence = [\"vectors\", \"vektors\"]", protocol)).find("no dataset \"vektors\" is installed; did you mean"),
            std::string::npos);
  EXPECT_NE(mistake(on("sequence = [\"vectors\", { id = \"vectors\", path = \"x\" }]", protocol))
                .find("unknown key \"path\" in [dataset.sequence]"),
            std::string::npos);
  EXPECT_NE(mistake(on("sequence = [\"vectors\", \"vectors\"]", "kind = \"domain\"\norder = \"seed\"")).find("has classes of its own"),
            std::string::npos);
  EXPECT_NE(mistake(on("sequence = [\"vectors\", { id = \"vectors\", root = \"nowhere\" }]", protocol))
                .find("give another with --set dataset.sequence.vectors.root=DIR"),
            std::string::npos);
}

TEST_F(PlanStreamTest, UnseenClassesNeedAMethodThatCanNameThem) {
  EXPECT_EQ(mistake(on("id = \"vectors\"", "split = \"B0-Inc5\"\norder = \"pilot\"\neval_unseen = true")),
            "good.toml:6:15: method simplecil cannot name classes that it has not learned (it does not claim zero-shot), which "
            "protocol.eval_unseen needs; leave eval_unseen out, or choose a method that can");
  EXPECT_EQ(
      mistake(domains("order = \"seed\"\neval_unseen = true")),
      "good.toml:6:15: protocol.eval_unseen is about classes to come, of which a domain-incremental stream has none; eval_on = \"all\" "
      "evaluates domains to come");
}

}  // namespace
}  // namespace clb::plan::testing
