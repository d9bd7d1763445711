#include "cars.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"
#include "mat_bytes.hpp"

namespace {

using namespace clb::testing;

const std::vector<std::string> kTwo{"AM General Hummer SUV 2000", "smart fortwo Convertible 2012"};

std::string meta() { return mat_file(mat_array(1, {1, 2}, "class_names", mat_text(kTwo[0]) + mat_text(kTwo[1]))); }

// Images 00001.jpg, 00002.jpg, ... of the given classes, with a box as the publisher's files have one.
std::string annotations(const std::vector<uint8_t>& classes) {
  std::string body = mat_element(5, le32(8)), elements;
  for (const std::string name : {"bbox_x1", "class", "fname"}) elements += name + std::string(8 - name.size(), '\0');
  body += mat_element(1, elements);
  for (size_t i = 0; i < classes.size(); ++i)
    body += mat_number(9) + mat_number(classes[i]) + mat_text("0000" + std::to_string(i + 1) + ".jpg");
  return mat_file(mat_packed(mat_array(2, {1, static_cast<uint32_t>(classes.size())}, "annotations", body)));
}

TEST(Cars, EveryFormOfIt) {
  const std::string folders = "{train|test}/{" + kTwo[0] + "|" + kTwo[1] + "}/{1..2}.jpg";
  expect_read({"pilot", {folders}, {}, "{train,test}/CLASS/FILE, as re-packed", kTwo, 4, 4});
  expect_read({"pilot", {"cars/" + folders}, {}, "cars/{train,test}/CLASS/FILE", kTwo, 4, 4});
  for (const std::string before : {"", "devkit/"})
    expect_read({"official",
                 {"cars_train/0000{1..3}.jpg", "cars_test/0000{1..2}.jpg"},
                 {{"devkit/cars_meta.mat", meta()},
                  {"devkit/cars_train_annos.mat", annotations({2, 1, 2})},
                  {before + "cars_test_annos_withlabels.mat", annotations({1, 2})}},
                 "{cars_train,cars_test}/FILE, the publisher's archives",
                 kTwo,
                 3,
                 2});
}

TEST(Cars, AnnotationsAreHeldAgainstClassesAndFiles) {
  const MadeTree tree;
  tree.put("cars_{train|test}/0000{1..2}.jpg");
  tree.write("devkit/cars_meta.mat", meta());
  tree.write("cars_test_annos_withlabels.mat", annotations({1, 2}));
  const auto said = [&](const std::vector<uint8_t>& train) {
    tree.write("devkit/cars_train_annos.mat", annotations(train));
    return refusal(tree, "official");
  };
  EXPECT_TRUE(contains(said({1, 3}), "cars_train_annos.mat: gives image 2 a class that cars_meta.mat does not name"));
  EXPECT_TRUE(contains(said({1, 2, 2}), "\"cars_train/00003.jpg\" is not there, but listed in devkit/cars_train_annos.mat:3"));
  EXPECT_TRUE(contains(said({1, 1}), "has no training samples; every class needs both"));
  tree.erase("cars_test_annos_withlabels.mat");
  EXPECT_TRUE(contains(said({1, 2}), "cars_test_annos_withlabels.mat: is missing")) << said({1, 2});
}

}  // namespace
