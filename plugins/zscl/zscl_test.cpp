// ZSCL against the released code (fixture "zscl"): the distillation, and a whole run of a tiny CLIP; and the invariants of its chapter.
#include "zscl.cpp"

#include <torch/optim.h>

#include <clb/base/clip_weights.hpp>

#include "golden/golden.hpp"
#include "support/method_bench.hpp"

namespace {

using clb::golden::Golden;
using clb::nn::Clip;
using clb::testing::BenchText;
using clb::testing::choice;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::value;
using Bench = clb::testing::MethodBench<Zscl>;

clb::nn::ClipOptions options_of(int64_t image_heads, int64_t text_heads, clb::nn::ImageSize image = 0) {
  return {.activation = clb::nn::Activation::kQuickGelu, .image_heads = image_heads, .text_heads = text_heads, .image = image};
}

// A parameter of ours by its name in the file.
std::string name_in_file(const std::string& name) {
  if (name.starts_with("image.")) return clb::base::clip_image_name(name.substr(6));
  return name.starts_with("text.") ? clb::base::clip_text_name(name.substr(5)) : name;
}

struct State {
  Clip clip;
  Tensor texts;
  clb::Task task;

  State(Bench& bench, Clip like) : clip(std::move(like)) { clb::testing::load(*this, bench.save()); }
  void state(clb::Archive& a) {
    task.state(a);
    a("clip", clip)("texts", texts);
  }
};

TEST(Zscl, DistillsAsTheReference) {
  CLB_GOLDEN(g, "zscl");
  const auto& c = g.config();
  const Tensor r = g["kd.r"].requires_grad_(), teacher = g["kd.rT"], sentences = unit_rows(g["kd.U"]), scale = g["kd.logit_scale"].exp();
  g.close("kd.zs", scale * at::matmul(unit_rows(r), sentences.t()), 4e-5);
  g.close("kd.zt", scale * at::matmul(unit_rows(teacher), sentences.t()), 3e-5);
  const Distilled kd = distilled(r, teacher, sentences, scale, c["T"]);
  g.close("kd.image_loss", kd.images.reshape({1}), 5e-5);
  g.close("kd.text_loss", kd.texts.reshape({1}), 3e-5);
  const Tensor loss = c["a"].get<double>() * kd.images + c["b"].get<double>() * kd.texts;
  g.close("kd.loss", loss.reshape({1}), 4e-4);
  loss.backward();
  g.close("kd.grad_r", r.grad(), 2e-5);
  const Tensor same = g["kd.rT"].requires_grad_();
  const Distilled equal = distilled(same, teacher, sentences, scale, c["T"]);
  g.close("kd.equal_image_loss", equal.images.reshape({1}), 2e-5);
  g.close("kd.equal_text_loss", equal.texts.reshape({1}), 1e-5);
  (c["a"].get<double>() * equal.images + c["b"].get<double>() * equal.texts).backward();
  g.close("kd.equal_grad_r", same.grad(), 5e-6);

  for (const auto& [name, points] : g.with_prefix("sched.")) {  // from update 0 to the last, whose rate is 0; the largest rate is the base
    const Tensor at = points.select(1, 0), rates = points.select(1, 1);
    const double base = rates.max().item<double>(), warm = std::round(base / rates[0].item<double>());
    const auto rate = clb::nn::warmup_cosine_rate(base, warm, at[-1].item<double>());
    std::vector<double> ours;
    for (int64_t k = 0; k < at.size(0); ++k) ours.push_back(rate(at[k].item<double>()));
    g.close_to("sched." + name, rates, torch::tensor(ours, torch::kFloat64), 1e-6 * base);
  }
}

// The fixture's run through the plugin.
class GoldenRun {
 public:
  explicit GoldenRun(Golden& golden) : g(golden), c(g.config()), weights(g.with_prefix("run.param.")) {
    heads = {c["clip"]["vheads"], c["clip"]["theads"]};
  }
  clb::nn::ImageSize image() const { return {g["run.images"].size(3), g["run.images"].size(4)}; }
  Clip start() const { return Clip(weights, options_of(heads.first, heads.second, image())); }

  // average_every: 0 gives the weights after the last update.
  std::unique_ptr<Bench> trained(int64_t average_every) const {
    const int64_t n = g["run.images"].size(0);
    Settings settings{{"image_weight", value(c["a"].get<double>())},
                      {"text_weight", value(c["b"].get<double>())},
                      {"temperature", value(c["T"].get<double>())},
                      {"l2_weight", value(c["l2"].get<double>())},
                      {"label_smoothing", value(c["ls"].get<double>())},
                      {"lr", value(c["lr"].get<double>())},
                      {"iterations", value(c["total"].get<int64_t>())},
                      {"warmup_iterations", value(c["warm"].get<int64_t>())},
                      {"batch_size", value(g["run.images"].size(1))},
                      {"reference_batch", value(g["run.ref_images"].size(1))},
                      {"average_every", value(average_every)}};
    BenchText text;
    text.tokens = [ids = g["run.tokens"]](const std::vector<std::string>& sentences) {
      EXPECT_EQ(static_cast<int64_t>(sentences.size()), ids.size(0));
      return ids;
    };
    text.rows = [teacher = start(), ids = g["run.ref_tokens"]](const std::vector<std::string>& captions) {
      EXPECT_EQ(static_cast<int64_t>(captions.size()), ids.size(0));
      return teacher.text(ids);
    };
    text.images["reference"] = g["run.ref_images"].flatten(0, 1);
    for (int64_t k = 0; k < g["run.ref_tokens"].size(0); ++k) text.captions.push_back("caption " + std::to_string(k));
    auto bench = std::make_unique<Bench>(
        settings,
        clb::testing::BenchWeights{
            .tensors = weights, .heads = heads.first, .format = "openai_clip", .text_heads = heads.second, .image = image()},
        text);
    bench->most_batches = n;
    bench->train({.images = g["run.images"].flatten(0, 1), .labels = g["run.labels"].flatten()}, g["run.tokens"].size(0));
    return bench;
  }

  Golden& g;
  const clb::base::Json& c;
  clb::nn::TensorMap weights;
  std::pair<int64_t, int64_t> heads;
};

void close_weights(Golden& g, const std::string& at, Clip clip) {
  std::map<std::string, Tensor> ours;
  clip.parameters([&](const std::string& name, Tensor& t) { ours[name_in_file(name)] = t; });
  for (const auto& [name, want] : g.with_prefix(at)) g.close(at + name, ours.at(name).reshape(want.sizes()), 4e-6);
}

TEST(Zscl, AWholeRunIsTheReferences) {
  CLB_GOLDEN(g, "zscl");
  const GoldenRun run(g);
  const auto bench = run.trained(run.c["interval"]);
  const auto series = [&](const char* name) {
    std::vector<Tensor> values;
    for (const Tensor& t : bench->history.at(name)) values.push_back(t.reshape({}));
    return at::stack(values);
  };
  g.close("run.loss_ce", series("loss_ce"), 9e-6);
  if (bench->history.contains("loss_l2")) g.close("run.loss_l2", series("loss_l2"), 3e-5);  // unless its weight is 0
  if (bench->history.contains("loss_image")) g.close("run.loss_image", series("loss_image"), 2e-5);
  if (bench->history.contains("loss_text")) g.close("run.loss_text", series("loss_text"), 2e-5);
  g.close("run.loss_total", series("loss"), 2e-4);
  const auto rate = clb::nn::warmup_cosine_rate(run.c["lr"], run.c["warm"], run.c["total"]);
  std::vector<double> rates;
  for (int64_t k = 0; k < g["run.lrs"].size(0); ++k) rates.push_back(rate(static_cast<double>(k)));
  g.close("run.lrs", torch::tensor(rates, torch::kFloat64), 1e-12);
  close_weights(g, "run.w_end.", State(*bench, run.start()).clip);
  close_weights(g, "run.theta_end.", State(*run.trained(0), run.start()).clip);
}

TEST(Zscl, TheFirstGradientsAreTheReferences) {
  CLB_GOLDEN(g, "zscl");
  const GoldenRun run(g);
  Clip clip = run.start();
  const Clip teacher = run.start();
  clb::nn::unfreeze(clip);
  const Tensor sentences = unit_rows(teacher.text(g["run.ref_tokens"])).detach(), images = g["run.ref_images"][0];
  const Tensor logits = clip.logits(clip.image(g["run.images"][0]), clip.text(g["run.tokens"]));
  Tensor loss = at::cross_entropy_loss(logits, g["run.labels"][0], {}, at::Reduction::Mean, -100, run.c["ls"].get<double>());
  const Distilled kd = distilled(clip.image(images), teacher.image(images).detach(), sentences, teacher.logit_scale.exp(), run.c["T"]);
  const std::set<std::string> of_text = [&] {  // gradients of distillation alone
    (kd.images + kd.texts).backward({}, /*retain_graph=*/true);
    std::set<std::string> reached;
    clip.parameters([&](const std::string& name, Tensor& t) {
      if (name.starts_with("text.") && t.grad().defined()) reached.insert(name);
      t.mutable_grad() = Tensor();
    });
    return reached;
  }();
  EXPECT_TRUE(of_text.empty()) << "the text tower learns from the cross-entropy alone, but so does " << *of_text.begin();
  loss = loss + run.c["a"].get<double>() * kd.images + run.c["b"].get<double>() * kd.texts;  // the squared distance has no slope yet
  loss.backward();
  std::map<std::string, Tensor> gradients;
  clip.parameters([&](const std::string& name, Tensor& t) { gradients[name_in_file(name)] = t.grad(); });
  for (const auto& [name, want] : g.with_prefix("run.grad0.")) g.close("run.grad0." + name, gradients.at(name).reshape(want.sizes()), 2e-5);
}

// A tiny untrained CLIP whose tokens are numbers of sentences.
struct Made {
  static constexpr int64_t kHeads = 2, kClasses = 4;
  clb::nn::TensorMap tensors = [] {
    clb::nn::ClipShape shape{.image = {.image = 8, .patch = 4, .dim = 8, .depth = 1, .heads = kHeads, .mlp = 16}};
    shape.text_dim = 8;
    shape.text_depth = 1;
    shape.text_heads = kHeads;
    shape.text_mlp = 16;
    shape.context = 4;
    shape.vocabulary = 20;
    shape.features = 6;
    return clb::nn::random_clip(shape, 7);
  }();
  Tensor labels = torch::arange(24) % kClasses,
         images = 0.3 * at::randn({24, 3, 8, 8}, at::detail::createCPUGenerator(1)) + labels.reshape({24, 1, 1, 1}) / 4;

  Samples of(int64_t first, int64_t end) const {
    const Tensor rows = (labels >= first).logical_and(labels < end).nonzero().squeeze(1);
    return Samples{.images = images, .labels = labels}.rows(rows);
  }
  static Tensor tokens(const std::vector<std::string>& sentences) {  // "... class 3." is 18, 3, 19
    std::vector<Tensor> rows;
    for (const std::string& s : sentences) {
      const size_t digit = s.find_first_of("0123456789");
      const int64_t number = s[digit] - '0' + (s.starts_with("other") ? 9 : 0);
      rows.push_back(torch::tensor({int64_t{18}, number, int64_t{19}, int64_t{0}}));
    }
    return at::stack(rows);
  }
  BenchText text() const {
    BenchText text{.templates = {"class {}", "other {}"}};
    text.tokens = tokens;
    text.rows = [tensors = tensors](const std::vector<std::string>& captions) {
      return clb::nn::ClipText(tensors, options_of(kHeads, kHeads))(tokens(captions));
    };
    text.images["reference"] = at::randn({7, 3, 8, 8}, at::detail::createCPUGenerator(3));
    for (int k = 0; k < 5; ++k) text.captions.push_back("other " + std::to_string(k));
    return text;
  }
  clb::testing::BenchWeights weights() const {
    return {.tensors = tensors, .heads = kHeads, .format = "openai_clip", .text_heads = kHeads};
  }
  Clip clip() const { return Clip(tensors, options_of(kHeads, kHeads)); }
};

Settings settings(const Settings& changes = {}) {
  Settings all{{"epochs", value(int64_t{2})},          {"batch_size", value(int64_t{4})},        {"lr", value(1e-3)},
               {"reference_batch", value(int64_t{3})}, {"warmup_iterations", value(int64_t{2})}, {"average_every", value(int64_t{1})}};
  for (const auto& [name, v] : changes) all[name] = v;
  return all;
}

std::map<std::string, Tensor> numbers_of(Clip clip) {
  std::map<std::string, Tensor> numbers;
  clip.parameters([&](const std::string& name, Tensor& t) { numbers[name] = t.detach().clone(); });
  return numbers;
}

void expect_equal(const std::map<std::string, Tensor>& ours, const std::map<std::string, Tensor>& theirs) {
  for (const auto& [name, t] : theirs) EXPECT_TRUE(torch::equal(ours.at(name), t)) << name;
}

const Settings kPlain{{"image_weight", value(0.0)}, {"text_weight", value(0.0)}, {"average_every", value(int64_t{0})}};

TEST(Zscl, WithoutItsTermsItIsFineTuning) {
  const Made made;
  Bench bench(settings(kPlain), made.weights(), made.text());
  const Samples all = made.of(0, 4);
  bench.train(all, 4);

  Clip clip = clb::nn::copy_of(made.clip());
  clb::nn::Part towers(clip, {"image.", "text."});
  clb::nn::unfreeze(towers);
  torch::optim::AdamW adam(clb::nn::trained_tensors(clip), torch::optim::AdamWOptions(1e-3).weight_decay(0));
  const Tensor tokens = Made::tokens({"class 0", "class 1", "class 2", "class 3"});
  const int64_t updates = 2 * 6 + 1;
  const auto rate = clb::nn::warmup_cosine_rate(1e-3, 2, 12);
  for (int64_t k = 0; k < updates; ++k) {
    const int64_t first = k % 6 * 4;
    const Tensor logits = clip.logits(clip.image(all.images.narrow(0, first, 4)), clip.text(tokens));
    adam.zero_grad();
    at::cross_entropy_loss(logits, all.labels.narrow(0, first, 4), {}, at::Reduction::Mean, -100, 0.2).backward();
    static_cast<torch::optim::AdamWOptions&>(adam.param_groups()[0].options()).lr(rate(static_cast<double>(k)));
    adam.step();
  }
  expect_equal(numbers_of(State(bench, made.clip()).clip), numbers_of(clip));
  EXPECT_EQ(bench.metrics.at("updates")[0].second, updates) << "one more than two epochs";
  EXPECT_TRUE(torch::equal(numbers_of(clip).at("logit_scale"), made.clip().logit_scale));
}

TEST(Zscl, TheModelIsTheMeanOfTheWeightsOnItsWay) {
  const Made made;
  const auto cut = [&](int64_t batches, int64_t every) {
    Settings changes{{"iterations", value(int64_t{6})}, {"extra_update", value(false)}, {"average_every", value(every)}};
    Bench bench(settings(changes), made.weights(), made.text());
    bench.most_batches = batches;
    bench.train(made.of(0, 4), 4);
    return numbers_of(State(bench, made.clip()).clip);
  };
  auto sum = numbers_of(made.clip());
  for (int64_t k = 1; k <= 3; ++k)
    for (const auto& [name, t] : cut(k, 0)) sum[name] = sum[name] + t;
  for (const auto& [name, t] : cut(3, 1)) EXPECT_TRUE(torch::allclose(t, sum[name] / 4, 1e-5, 1e-6)) << name;
  const auto first = cut(1, 0), start = numbers_of(made.clip());
  for (const auto& [name, t] : cut(3, 100)) EXPECT_TRUE(torch::allclose(t, (start.at(name) + first.at(name)) / 2, 1e-5, 1e-6)) << name;
  expect_equal(cut(0, 1), start);
}

TEST(Zscl, WithoutALearningRateNothingMoves) {
  const Made made;
  Bench bench(settings({{"lr", value(0.0)}}), made.weights(), made.text());
  bench.train(made.of(0, 2), 2);
  bench.train(made.of(2, 4), 4);
  const auto ours = numbers_of(State(bench, made.clip()).clip);
  for (const auto& [name, t] : numbers_of(made.clip())) EXPECT_TRUE(torch::allclose(ours.at(name), t, 1e-6, 1e-7)) << name;
}

TEST(Zscl, TheDistanceToTheStartPullsBack) {
  const Made made;
  const auto moved = [&](double l2) {
    Settings changes = kPlain;
    changes["l2_weight"] = value(l2);
    Bench bench(settings(changes), made.weights(), made.text());
    bench.train(made.of(0, 4), 4);
    const auto now = numbers_of(State(bench, made.clip()).clip);
    double squares = 0;
    for (const auto& [name, t] : numbers_of(made.clip())) squares += (now.at(name) - t).square().sum().item<double>();
    return squares;
  };
  EXPECT_LT(moved(100), 0.9 * moved(0));
}

TEST(Zscl, ClassesToComeAreNamedByTheModelAsItIsNow) {
  const Made made;
  Bench bench(settings(), made.weights(), made.text());
  bench.train(made.of(0, 2), 2);
  const std::string before = bench.save();
  const Tensor logits = bench.predict(made.of(0, 4), {0, 1, 2, 3});
  EXPECT_EQ(bench.save(), before);
  const Clip clip = State(bench, made.clip()).clip;
  const Tensor texts = clip.text(Made::tokens({"class 0", "class 1", "class 2", "class 3"}));
  EXPECT_TRUE(torch::allclose(logits, clip.logits(clip.image(made.of(0, 4).images), texts), 1e-4, 1e-4));
  EXPECT_TRUE(torch::allclose(bench.predict(made.of(0, 4)), logits.narrow(1, 0, 2), 1e-4, 1e-4));
}

TEST(Zscl, GoesOnFromWhatItSaved) {
  const Made made;
  Bench bench(settings(), made.weights(), made.text()), again(settings(), made.weights(), made.text());
  bench.train(made.of(0, 2), 2);
  again.load(bench.save(), 999, 2);
  EXPECT_TRUE(torch::equal(again.predict(made.of(0, 2)), bench.predict(made.of(0, 2))));
  EXPECT_EQ(again.save(), bench.save());
}

}  // namespace
