// A data set of grey images in four IDX files, as MNIST is published: a class derived from this states what it is, and no more.
#pragma once

#include <clb/sdk/dataset.hpp>
#include <clb/sdk/idx.hpp>

namespace clb {

// D: the data set's class, with `about`. Its images have the sides of about.geometry.
template <class D>
class IdxImages : public Dataset {
 public:
  void open(const Path& root) override {
    constexpr Geometry sides = D::about.geometry;
    for (const Split split : kSplits) {
      const std::string stem = split == Split::kTrain ? "train" : "t10k";
      images_[split] = read_idx<uint8_t, 3>(root / (stem + "-images-idx3-ubyte"));  // [n, height, width]
      labels_[split] = read_idx<uint8_t, 1>(root / (stem + "-labels-idx1-ubyte"));  // [n]
      require_sides(images_[split], {sides.height, sides.width});
      require_same_length(images_[split], labels_[split]);
      require_labels(labels_[split], static_cast<int64_t>(split_names(D::about.classes).size()));
    }
  }

  Index index(Split split) const override { return Index::from_labels(labels_[split]); }
  Sample read(Split split, int64_t i) const override {
    return Sample::grey(images_[split][i], D::about.geometry.height, D::about.geometry.width);
  }

 private:
  PerSplit<IdxArray<uint8_t, 3>> images_;
  PerSplit<IdxArray<uint8_t, 1>> labels_;
};

}  // namespace clb
