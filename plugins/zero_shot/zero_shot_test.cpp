// CLIP as it is against its reference (fixture "clip"), and what follows from nothing being learned.
#include "zero_shot.cpp"

#include <clb/nn/clip.hpp>

#include "golden/golden.hpp"
#include "support/method_bench.hpp"

namespace {

using clb::golden::Golden;
using clb::testing::BenchText;
using clb::testing::choice;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::value;
using Bench = clb::testing::MethodBench<ZeroShot>;

// Texts [templates, classes, d] by the number that stands for a template's sentence: "0 {}", "1 {}", ...
BenchText text_of(const Tensor& texts) {
  BenchText text{.templates = {}};
  for (int64_t t = 0; t < texts.size(0); ++t) text.templates.push_back(std::to_string(t) + " {}");
  text.class_rows = [texts](const std::string& sentence, const std::vector<int64_t>& classes) {
    return texts[std::stoll(sentence)].index_select(0, torch::tensor(classes, torch::kInt64));
  };
  return text;
}

clb::testing::BenchWeights scale(double log) { return {.tensors = {{"logit_scale", torch::tensor(log, torch::kFloat32)}}}; }

struct Made {
  Tensor texts = at::randn({3, 5, 8}, at::detail::createCPUGenerator(1)), images = at::randn({20, 8}, at::detail::createCPUGenerator(2)),
         labels = torch::arange(20) % 5;
  Samples samples() const { return {.features = images, .labels = labels, .kind = "main:image"}; }
  Samples of(const std::vector<int64_t>& classes) const {
    std::vector<int64_t> rows;
    for (int64_t k = 0; k < 20; ++k)
      if (std::count(classes.begin(), classes.end(), labels[k].item<int64_t>()) > 0) rows.push_back(k);
    return samples().rows(torch::tensor(rows, torch::kInt64));
  }
};

TEST(ZeroShot, EqualsTheReference) {
  CLB_GOLDEN(g, "clip");
  for (const std::string act : {"quick", "gelu"}) {
    const Tensor texts = g[act + ".text_features"].unsqueeze(0);
    Bench bench({}, scale(g["param.logit_scale"].item<double>()), text_of(texts));
    const Samples samples{
        .features = g[act + ".image_features"], .labels = torch::zeros(g["images"].size(0), torch::kInt64), .kind = "main:image"};
    bench.train(samples, texts.size(1));
    g.close(act + ".logits_per_image", bench.predict(samples), 3e-5);
  }
}

TEST(ZeroShot, TemplatesAreAveragedByLengthOneEach) {
  const Made made;
  const auto unit = [](const Tensor& x) { return x / x.norm(2, -1, true); };
  const auto logits = [&](const Settings& settings) {
    Bench bench(settings, scale(0), text_of(made.texts));
    bench.train(made.samples(), 5);
    return bench.predict(made.samples());
  };
  const Tensor images = unit(made.images);
  EXPECT_TRUE(torch::allclose(logits({}), images.matmul(unit(unit(made.texts).mean(0)).t()), 1e-5, 1e-6));
  const auto of = [&](int64_t t) { return images.matmul(unit(made.texts[t]).t()); };
  EXPECT_TRUE(torch::allclose(logits({{"templates", choice("first")}}), of(0), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(logits({{"template", value(int64_t{2})}}), of(2), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(logits({{"prompt", clb::testing::text("1 {}")}}), of(1), 1e-5, 1e-6));
  EXPECT_THROW(logits({{"template", value(int64_t{3})}}), clb::PluginError);
  EXPECT_THROW(logits({{"prompt", clb::testing::text("nothing")}}), clb::PluginError);
}

TEST(ZeroShot, ClassesToComeAreNamedAndLeaveNothingBehind) {
  const Made made;
  Bench bench({}, scale(1), text_of(made.texts));
  bench.train(made.of({0, 1}), 2);
  const std::string before = bench.save();
  const Tensor all = bench.predict(made.samples(), {0, 1, 2, 3, 4}), some = bench.predict(made.samples(), {1, 3});
  EXPECT_EQ(bench.save(), before);
  EXPECT_TRUE(torch::allclose(some, all.index_select(1, torch::tensor({1, 3}))));
  EXPECT_TRUE(torch::allclose(bench.predict(made.samples()), all.narrow(1, 0, 2)));
  bench.train(made.of({2, 3, 4}), 5);
  EXPECT_TRUE(torch::allclose(bench.predict(made.samples()), all)) << "nothing was learned";
}

TEST(ZeroShot, GoesOnFromWhatItSaved) {
  const Made made;
  Bench bench({}, scale(1), text_of(made.texts));
  bench.train(made.samples(), 5);
  BenchText nothing;  // a host that makes no rows
  Bench again({}, {}, nothing);
  again.load(bench.save(), 3, 5);
  EXPECT_TRUE(torch::equal(again.predict(made.samples()), bench.predict(made.samples())));
}

}  // namespace
