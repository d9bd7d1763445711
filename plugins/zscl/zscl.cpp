// ZSCL: fine-tunes both towers of CLIP on every task. Images and sentences that have nothing to do with the task hold the image tower to
// what the original CLIP makes of them, and the mean of the weights on the way becomes the model: so what the names of classes to come mean
// is not forgotten.
#include <clb/nn/loss.hpp>
#include <clb/nn/weight_average.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>
#include <clb/sdk/text.hpp>

namespace {

using clb::nn::unit_rows;
using torch::Tensor;

// T^2 times the cross-entropy between the softmax of teacher and student at temperature T: [n, m] each. Never 0: its least is the
// teacher's entropy.
Tensor distillation(const Tensor& teacher, const Tensor& student, double temperature) {
  return clb::nn::soft_cross_entropy(student / temperature, at::softmax(teacher / temperature, 1)) * temperature * temperature;
}

struct Distilled {
  Tensor images, texts;  // each image as a distribution over the sentences; each sentence as one over the images
};

// image, teacher_image: raw features [n, d]; sentences: the teacher's [m, d], length 1. As in the released code the sentences are always
// the teacher's, so that no gradient goes into the text tower.
Distilled distilled(const Tensor& image, const Tensor& teacher_image, const Tensor& sentences, const Tensor& scale, double temperature) {
  const Tensor student = scale * at::matmul(unit_rows(image), sentences.t()),
               teacher = scale * at::matmul(unit_rows(teacher_image), sentences.t());
  return {distillation(teacher, student, temperature), distillation(teacher.t(), student.t(), temperature)};
}

class Zscl final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "zscl",
      .version = "1.0.0",
      .paper = "Zheng et al., ICCV 2023, arXiv:2303.06628",
      .capabilities = clb::kTextTower | clb::kZeroShot | clb::kBf16 | clb::kBitwise,
  };
  static constexpr const char* assets[] = {"reference", "captions"};

  static void params(clb::Params<Zscl>& p) {
    p.choice("distill", &Zscl::distill_, {"reference", "none"}, "distillation from the original CLIP on the assets reference and captions")
        .implies(clb::kExternalData, "reference");
    p.real("image_weight", &Zscl::image_weight_, {0, 1000}, "weight of distilling each image over all captions (a)");
    p.real("text_weight", &Zscl::text_weight_, {0, 1000}, "weight of distilling each caption over the images of the batch (b)");
    p.real("temperature", &Zscl::temperature_, {0.01, 100}, "temperature of distillation (T)");
    p.integer("reference_batch", &Zscl::reference_batch_, {1, 65536}, "reference images per update");
    p.real("l2_weight", &Zscl::l2_weight_, {0, 1000}, "weight of the squared distance to the weights at the task's start (c)");
    p.real("label_smoothing", &Zscl::label_smoothing_, {0, 0.999}, "label smoothing of the cross-entropy");
    p.integer("average_every", &Zscl::average_every_, {0, 1e9}, "updates between the weights that are averaged (I); 0: no average");
    p.flag("extra_update", &Zscl::extra_update_, "one update more than epochs or iterations say, as the released loop makes it");
    clb::add_options(p, &Zscl::templates_);
    clb::FitParams(p, &Zscl::fit_)
        .optimizer()
        .lr()
        .betas()
        .weight_decay()
        .epochs()
        .iterations()
        .batch_size()
        .warmup_iterations()
        .clip_norm();
  }

  void create() override {
    sentences_ = clb::chosen_templates(ctx(), templates_);
    clip_ = clb::clip(ctx(), "main");
    if (!distilling()) return;
    teacher_ = clip_.image;   // as it was read: what is trained is a copy
    ctx().asset("captions");  // who forgot it hears so before anything is trained
  }
  clb::Inputs inputs() const override { return clb::Inputs::images(); }

  void train_task() override {
    clip_ = clb::nn::copy_of(clip_);
    clb::nn::Part towers(clip_, {"image.", "text."});  // all but logit_scale
    clb::nn::unfreeze(towers);
    learn(towers);
    clb::nn::freeze(clip_);
    asked_.forget();
    const torch::NoGradGuard no_grad;
    texts_ = texts(clb::classes_up_to(task().classes_seen));
  }

  // Classes to come are known by their names, which leave nothing behind.
  Tensor predict(const clb::Batch& b) override {
    const Tensor& rows = asked_.of(b.columns, texts_, [&](const auto& columns) { return texts(columns); });
    const Tensor logits = clip_.logits(clip_.image(b.images).to(torch::kFloat32), rows);  // [n, columns]
    ctx().trace("logits", logits);
    return logits;
  }

  void state(clb::Archive& a) override {
    a("clip", clip_)("texts", texts_);
    asked_.forget();
  }

 private:
  bool distilling() const { return distill_ == "reference" && (image_weight_ > 0 || text_weight_ > 0); }

  void learn(clb::nn::Module& towers) {
    const auto stream = ctx().train().train_view().images();
    clb::nn::FitOptions options = fit_;
    const int64_t length = fit_.iterations > 0 ? fit_.iterations : fit_.epochs * stream.batches(fit_.batch_size).info().batches_per_epoch;
    options.iterations = length + (extra_update_ && length > 0 ? 1 : 0);
    if (options.iterations == 0) options.epochs = 0;

    const Tensor tokens = clb::class_tokens(ctx(), sentences_.front(), task().labels, "main");  // [c of the task, context]
    const Tensor local = positions();
    const auto start = l2_weight_ > 0 ? snapshot(towers) : std::vector<Tensor>();
    clb::nn::Clip average = average_every_ > 0 ? clb::nn::copy_of(clip_) : clb::nn::Clip();
    std::optional<Reference> reference;
    if (distilling()) reference.emplace(*this);

    const auto loss = [&](const clb::Batch& b) {
      const Tensor logits = clip_.logits(clip_.image(b.images).to(torch::kFloat32), clip_.text(tokens).to(torch::kFloat32));
      const Tensor ce = at::cross_entropy_loss(logits, local.index_select(0, b.labels), {}, at::Reduction::Mean, -100, label_smoothing_);
      Tensor all = ce, l2;
      if (!start.empty()) all = all + l2_weight_ * (l2 = distance(towers, start));
      Distilled kd;
      if (reference) {
        kd = reference->next();
        all = all + image_weight_ * kd.images + text_weight_ * kd.texts;
      }
      ctx().trace({{"loss_ce", ce}, {"loss_l2", l2}, {"loss_image", kd.images}, {"loss_text", kd.texts}, {"loss", all}});
      return all;
    };
    int64_t updates = 0, averaged = 1;  // the weights at the start are the first
    clb::FitExtras extras{
        .schedule = clb::nn::warmup_cosine_rate(fit_.lr, static_cast<double>(fit_.warmup_iterations), static_cast<double>(length))};
    extras.after_update = [&](const clb::Batch&) {
      if (average_every_ > 0 && updates++ % average_every_ == 0) clb::nn::add_to_mean(average, clip_, averaged++);
    };
    clb::fit(ctx(), options, stream, {towers}, loss, extras);
    if (average_every_ > 0) clip_ = average;
  }

  // Batches of reference images without end, and the captions as the original CLIP sees them.
  struct Reference {
    explicit Reference(const Zscl& method)
        : method(method),
          sentences(unit_rows(method.ctx().text_rows(clb::all_captions(method.ctx(), "captions"), "main", clb::Context::TooLong::kCut))),
          batches(method.ctx().aux("reference").images().eval_view().shuffled().epochs(0).batches(method.reference_batch_)) {}
    Distilled next() {
      clb::Batch b;
      batches.next(b);
      Tensor teacher;
      {
        const torch::NoGradGuard no_grad;
        teacher = method.teacher_(b.images).to(torch::kFloat32);
      }
      const Tensor student = method.clip_.image(b.images).to(torch::kFloat32), scale = method.clip_.logit_scale.exp();
      return distilled(student, teacher, sentences, scale, method.temperature_);
    }
    const Zscl& method;
    Tensor sentences;  // [m, d], length 1: computed once, by the host
    clb::Batches batches;
  };

  // Of each class seen its place among those of the task, whose sentences alone compete.
  Tensor positions() const {
    std::vector<int64_t> place(static_cast<size_t>(task().classes_seen), 0);
    for (size_t k = 0; k < task().labels.size(); ++k) place[static_cast<size_t>(task().labels[k])] = static_cast<int64_t>(k);
    return torch::tensor(place, torch::dtype(torch::kInt64).device(ctx().device()));
  }

  static std::vector<Tensor> snapshot(clb::nn::Module& module) {
    std::vector<Tensor> numbers;
    module.parameters([&](const std::string&, Tensor& t) { numbers.push_back(t.detach().clone()); });
    return numbers;
  }
  static Tensor distance(clb::nn::Module& module, const std::vector<Tensor>& start) {  // squared
    std::vector<Tensor> parts;
    size_t k = 0;
    module.parameters([&](const std::string&, Tensor& t) { parts.push_back((t - start[k++]).square().sum()); });
    return at::stack(parts).sum();
  }

  Tensor texts(const std::vector<int64_t>& classes) const {  // [classes, d], length 1
    std::vector<Tensor> rows;
    for (const std::string& sentence : sentences_)
      rows.push_back(clip_.text(clb::class_tokens(ctx(), sentence, classes, "main")).to(torch::kFloat32));
    return clb::text_ensemble(at::stack(rows));
  }

  // Defaults: the released class-incremental CIFAR-100; its sentence is that of the preset.
  std::string distill_ = "reference";
  double image_weight_ = 5, text_weight_ = 5, temperature_ = 2, l2_weight_ = 0, label_smoothing_ = 0.2;
  int64_t reference_batch_ = 64, average_every_ = 10;
  bool extra_update_ = true;
  clb::TemplateOptions templates_{.templates = "first"};
  clb::nn::FitOptions fit_{.optimizer = "adamw", .lr = 7.1e-6, .epochs = 1, .batch_size = 64, .warmup_iterations = 30};

  std::vector<std::string> sentences_;
  clb::nn::Clip clip_;
  clb::nn::ClipImage teacher_;
  Tensor texts_;  // [classes seen, d], length 1
  clb::AskedRows asked_;
};

}  // namespace

CLB_METHOD(Zscl)
