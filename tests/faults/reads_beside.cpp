// Tells classes by their names alone, those to come as well, and reads everything that there is beside the stream of tasks: the images of a
// second role, and another data set as an auxiliary stream.
#include <clb/sdk/method.hpp>

namespace {

class ReadsBeside final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "reads_beside", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kZeroShot | clb::kTextTower | clb::kBitwise};
  static constexpr const char* roles[] = {"main", "clip"};
  static constexpr const char* assets[] = {"reference"};

  clb::Inputs inputs() const override { return clb::Inputs::images().with("images:clip"); }

  void train_task() override {
    auto batches = ctx().aux("reference").part("images:clip").train_view().shuffled().epochs(0).batches(4);
    clb::Batch batch;
    int64_t images = 0;
    for (int64_t step = 0; step < 5; ++step) {
      batches.next(batch);
      images += batch.n;
      brightness_ += batch.part("images:clip").mean().item<double>() / 5;
    }
    ctx().metric("reference_images", 0, static_cast<double>(images));
    ctx().metric("clip_side", 0, static_cast<double>(batch.part("images:clip").size(2)));
  }

  torch::Tensor predict(const clb::Batch& b) override {
    std::vector<double> of_names;
    for (const int64_t column : b.columns) {
      int64_t sum = 0;
      for (const char letter : std::string(ctx().class_name(column))) sum += letter;
      of_names.push_back(static_cast<double>(sum % 97) / 97);
    }
    const auto mean = [&](const char* part) { return b.part(part).to(torch::kFloat64).mean(std::vector<int64_t>{1, 2, 3}).unsqueeze(1); };
    const auto names = torch::tensor(of_names, torch::kFloat64);
    return -(mean("images") + 0.1 * mean("images:clip") + brightness_ - names).square().to(torch::kFloat32);  // [n, columns]
  }

  void state(clb::Archive& a) override { a("brightness", brightness_); }

 private:
  double brightness_ = 0;
};

}  // namespace

CLB_METHOD(ReadsBeside)
