// A data set of vectors, made from a formula, that states orders of its classes and of its domains.
#include <clb/sdk/dataset.hpp>
#include <cstring>

namespace {

constexpr int64_t kClasses = 4, kDomains = 3, kDim = 8;

class Stated final : public clb::Dataset {
 public:
  static constexpr clb::DatasetAbout about{.id = "stated",
                                           .version = "1.0.0",
                                           .citation = "none: a test",
                                           .licence = "none",
                                           .classes = "ant|bee|cat|dog",
                                           .domains = "photo|sketch|cartoon",
                                           .modality = clb::Modality::kFeatures};

  void open(const clb::Path&) override {}
  int64_t feature_dim() const override { return kDim; }
  std::vector<clb::NamedOrder> class_orders() const override { return {{"paper", {2, 0, 3, 1}}}; }
  std::vector<clb::NamedOrder> domain_orders() const override { return {{"paper", {1, 2, 0}}, {"reverse", {2, 1, 0}}}; }

  clb::Index index(clb::Split split) const override {
    clb::Index index;
    for (int64_t i = 0; i < count(split); ++i) {
      index.labels.push_back(i % kClasses);
      index.domains.push_back(i / kClasses % kDomains);
    }
    return index;
  }

  clb::Sample read(clb::Split split, int64_t i) const override {
    std::vector<float> values(kDim);
    for (int64_t j = 0; j < kDim; ++j)
      values[static_cast<size_t>(j)] = static_cast<float>((j == i % kClasses) + 0.01 * double((i * 7 + j) % 13));
    values[0] += split == clb::Split::kTest ? 0.01F : 0;
    std::vector<uint8_t> bytes(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return clb::Sample::features(std::move(bytes));
  }

 private:
  static int64_t count(clb::Split split) { return kClasses * kDomains * (split == clb::Split::kTrain ? 5 : 2); }
};

}  // namespace

CLB_DATASET(Stated)
