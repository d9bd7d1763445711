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

TEST(DomainNet, AMissingListIsNamedWithItsSource) {
  const MadeTree tree;
  tree.put(kWhole);
  tree.write("clipart_train.txt", "clipart/zebra/1.jpg 344\n");
  EXPECT_TRUE(contains(refusal(tree), "DOMAIN_train.txt and DOMAIN_test.txt of ai.bu.edu/M3SDA")) << refusal(tree);
}

}  // namespace
