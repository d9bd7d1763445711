#include "domainnet.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

const std::vector<std::string> kTwo{"aircraft_carrier", "zebra"};
const std::string kWhole = "{clipart|infograph|painting|quickdraw|real|sketch}/{aircraft_carrier|zebra}/{1..3}.jpg";

TEST(DomainNet, EveryFormOfIt) {
  std::map<std::string, std::string> official;
  std::string train, test;
  for (const std::string domain : {"clipart", "infograph", "painting", "quickdraw", "real", "sketch"}) {
    official[domain + "_train.txt"] =
        domain + "/aircraft_carrier/1.jpg 0\n" + domain + "/zebra/1.jpg 344\n" + domain + "/zebra/3.jpg 344\n";
    official[domain + "_test.txt"] = domain + "/aircraft_carrier/2.jpg 0\n" + domain + "/zebra/2.jpg 344\n";
    train += domain + "/aircraft_carrier/1.jpg\n" + domain + "/zebra/1.jpg\n";
    test += domain + "/aircraft_carrier/2.jpg\n" + domain + "/zebra/2.jpg\n";
  }
  expect_read({"official", {kWhole}, official, "DOMAIN/CLASS/FILE, the publisher's archive", kTwo, 18, 12});
  expect_read({"coda",
               {kWhole},
               {{"splits/domainnet_coda_train.txt", train}, {"splits/domainnet_coda_test.txt", test}},
               "DOMAIN/CLASS/FILE",
               kTwo,
               12,
               12});
  expect_read(
      {"folders", {"{clipart|real}/{train|test}/{aircraft_carrier|zebra}/{1..2}.jpg"}, {}, "DOMAIN/{train,test}/CLASS/FILE", kTwo, 8, 8});
}

TEST(DomainNet, TheListsOfCodaPromptLeaveADomainOut) {
  const MadeTree tree;
  tree.put(kWhole);
  std::string train = "data:\n", test = "data:\n";
  for (const std::string domain : {"clipart", "infograph", "painting", "real", "sketch"})
    for (const std::string& name : kTwo) {
      train += "- data/DomainNet/" + domain + "/" + name + "/1.jpg\n";
      test += "- data/DomainNet/" + domain + "/" + name + "/2.jpg\n";
    }
  tree.write("splits/domainnet_train.yaml", train);
  tree.write("splits/domainnet_test.yaml", test);
  const OpenedTree opened(tree, "coda");
  EXPECT_EQ(opened.domains(), (std::vector<std::string>{"clipart", "infograph", "painting", "real", "sketch"}));
  EXPECT_EQ(opened.count(CLB_SPLIT_TRAIN), 10);
}

TEST(DomainNet, AMissingListIsNamedWithItsSource) {
  const MadeTree tree;
  tree.put(kWhole);
  EXPECT_TRUE(
      refusal(tree).starts_with("clipart_train.txt: is missing; the split \"official\" is made from it (also as .gz or .xz), or else "
                                "from splits/domainnet_official_{train,test}.txt; clbench data get domainnet"))
      << refusal(tree);
  for (const std::string domain : {"clipart", "infograph", "painting", "quickdraw", "real", "sketch"})
    for (const std::string which : {"_train.txt", "_test.txt"})
      tree.write(domain + which, domain + (which == "_train.txt" ? "/zebra/1.jpg 344\n" : "/zebra/2.jpg 344\n"));
  tree.erase("real_test.txt");
  EXPECT_TRUE(refusal(tree).starts_with("real_test.txt: is missing")) << refusal(tree);
}

}  // namespace
