// One class of grey images; how light they are is a parameter, so one folder gives several data sets.
#include <clb/sdk/dataset.hpp>

namespace {

class Grey final : public clb::Dataset {
 public:
  static constexpr clb::DatasetAbout about{.id = "grey", .version = "0.1", .citation = "nobody", .licence = "none", .geometry = {2, 2, 1}};

  static void params(clb::Params<Grey>& p) { p.integer("light", &Grey::light_, {0, 255}, "value of each pixel").neutral(0); }

  void open(const clb::Path&) override { pixels_.assign(4, static_cast<uint8_t>(light_)); }
  clb::Index index(clb::Split) const override { return {{0, 0}, {}}; }
  clb::Sample read(clb::Split, int64_t) const override { return clb::Sample::grey(pixels_, 2, 2); }
  std::vector<std::string> class_names() const override { return {"grey"}; }

 private:
  int64_t light_ = 0;
  std::vector<uint8_t> pixels_;
};

}  // namespace

CLB_DATASET(Grey)
