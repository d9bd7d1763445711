#include "notmnist.cpp"

#include "digits_in_idx.hpp"

namespace {

TEST(NotMnist, ReadsItsFilesAndKnowsItsClasses) { clb::testing::expect_ten_classes_in_idx(clb_dataset_v0(), "A"); }
TEST(NotMnist, AnotherLabelIsRefused) { clb::testing::expect_an_eleventh_label_is_refused(clb_dataset_v0()); }

}  // namespace
