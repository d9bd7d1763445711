// DAP: prompts are made for each image at every block, from the block's own tokens, and modulated by what an embedding of the task says;
// the task of a test image is that of the key nearest to its frozen feature.
#include <clb/nn/heads.hpp>
#include <clb/nn/key_choice.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/prompt_generators.hpp>
#include <clb/nn/tensors.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompting.hpp>

namespace {

using torch::Tensor;

class Dap final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "dap",
      .version = "1.0.0",
      .paper = "Jung et al., ICCV 2023: Generating Instance-level Prompts for Rehearsal-free Continual Learning",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<Dap>& p) {
    p.integer("prompt_length", &Dap::length_, {0, 256}, "tokens made at each block (N_p); 0: none, a head on frozen features");
    p.integer("embedding", &Dap::embedding_, {1, 4096}, "numbers in the embedding of a task (E)");
    p.integer("pool_size", &Dap::pool_size_, {1, 4096}, "keys and embeddings, one for each task to come; 1: all tasks share one");
    p.flag("seen_keys_only", &Dap::seen_keys_only_, "keys of tasks to come do not compete at test; as released they do");
    p.real("pull_weight", &Dap::pull_weight_, {0, 100}, "weight of the key-query similarity in the loss (lambda)");
    p.choice("pull", &Dap::pull_, {"reference", "mean"}, "the similarity: its mean times the batch size, as released, or its mean");
    p.flag("last_block", &Dap::last_block_, "prompts at the last block too; off: ImageNet-R as released");
    p.flag("batch_vote_test", &Dap::batch_vote_test_, "one task for a whole test batch, as released; leaks test-batch composition")
        .implies(clb::kBatchDependent);
    p.flag("oracle", &Dap::oracle_, "a test image's own task, told, in place of the nearest key").implies(clb::kTaskIdTest);
    p.flag("mask_to_task", &Dap::mask_to_task_, "at test only classes of the chosen task can win, ImageNet-R as released");
    p.flag("fresh_optimizer", &Dap::fresh_optimizer_, "a new optimiser for each task; off: one for all, as released");
    p.flag("legacy_frozen_moves", &Dap::legacy_frozen_moves_,
           "after the first task the products along the tokens go on by the optimiser's moments, as under torch before 2.0");
    p.real("head_deviation", &Dap::head_deviation_, {0, 10}, "standard deviation of new rows of the head");
    clb::add_test_prompts(p, &Dap::test_prompts_).neutral("trained");
    clb::FitParams(p, &Dap::fit_)
        .optimizer()
        .lr()
        .momentum()
        .betas()
        .amsgrad()
        .weight_decay()
        .epochs()
        .batch_size()
        .shaped({"constant", "cosine", "multistep", "warmup_cosine"})
        .limits()
        .shuffle();
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    generator_ = {vit_.shape(), length_, embedding_, ctx().rng("generator")};
    tasks_ = {pool_size_, vit_.shape(), embedding_, ctx().rng("tasks")};
    if (test_prompts_ == "initial") {
      initial_generator_ = clb::as_drawn(ctx(), generator_);
      initial_tasks_ = clb::as_drawn(ctx(), tasks_);
    }
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::normal(head_deviation_)}, ctx().rng("head")};
  }

  clb::Inputs inputs() const override {
    auto wanted = clb::queried_inputs(length_ > 0);
    return oracle_ ? std::move(wanted).with_task_ids() : wanted;
  }

  void begin_task() override {
    if (pool_size_ > 1 && task().index >= pool_size_) {
      throw clb::PluginError(CLB_E_INVALID, "pool_size is " + std::to_string(pool_size_) + ", but task " +
                                                std::to_string(task().index + 1) + " begins; give a key for every task");
    }
  }

  void train_task() override {
    head_.grow(task().classes_seen);
    labels_.resize(std::max(labels_.size(), static_cast<size_t>(task().index) + 1));
    labels_[static_cast<size_t>(task().index)] = torch::tensor(task().labels, torch::dtype(torch::kInt64).device(ctx().device()));
    const bool later = task().index > 0;
    if (later && !legacy_frozen_moves_) clb::nn::freeze(generator_.products());
    const auto still = [this](const clb::Batch&) {  // zero-filled gradients
      generator_.products().parameters([](const std::string&, Tensor& t) { t.mutable_grad() = torch::zeros_like(t); });
    };
    clb::FitExtras extras;
    if (!fresh_optimizer_) extras.optimizer = &optimizer_;
    if (later && legacy_frozen_moves_) extras.before_update = still;
    clb::fit(
        ctx(), fit_, ctx().train().train_view().images(), {generator_, tasks_, head_}, [&](const clb::Batch& b) { return loss(b); },
        extras);
    // Of all tasks so far, each counted while it was trained: the key that would have been chosen, not the task's own, which always was.
    if (task().index > 0 && usage_.defined()) clb::record_usage(ctx(), "key/0", usage_);
  }

  Tensor predict(const clb::Batch& b) override {
    const Tensor ids = task_of(b);  // [n]
    const Tensor logits = head_(length_ > 0 ? prompted(b.images, ids, test_prompts_ == "initial") : b.features("main:cls"));
    ctx().trace("logits", logits);
    return mask_to_task_ ? masked(logits, ids) : logits;
  }

  void state(clb::Archive& a) override {
    a("generator", generator_)("tasks", tasks_)("head", head_)("labels", labels_)("usage", usage_)("optimizer", optimizer_);
  }

 private:
  static constexpr double kOtherTask = -1e11;  // as released: finite

  Tensor loss(const clb::Batch& b) {
    const clb::nn::Begun images = vit_.begin(b.images, 0);
    const Tensor query = vit_.query(images), similarity = cosines(query);
    const int64_t own = std::min(task().index, pool_size_ - 1);
    const Tensor chosen = similarity.detach().argmax(1);  // what would be chosen at test
    const Tensor counted = clb::nn::count_ids(chosen, pool_size_);
    usage_ = usage_.defined() ? usage_ + counted : counted;
    const Tensor logits = head_(length_ > 0 ? prompted(images, torch::full_like(chosen, own), false) : query);
    const Tensor masked = clb::nn::mask_to(task().labels, logits), mean_pull = similarity.select(1, own).mean();
    const Tensor pull = pull_ == "reference" ? mean_pull * static_cast<double>(b.n) : mean_pull;
    const Tensor loss = at::cross_entropy_loss(masked, b.labels) - pull_weight_ * pull;
    ctx().trace({{"query", query}, {"logits", logits}, {"logits_masked", masked}});
    ctx().trace({{"mean_pull", mean_pull}, {"reduce_sim", pull}, {"loss", loss}});
    return loss;
  }

  Tensor cosines(const Tensor& query) {  // [n, pool_size]
    const Tensor similarity = at::matmul(clb::nn::unit_rows(query.to(torch::kFloat32)), clb::nn::unit_rows(tasks_.keys).t());
    ctx().trace("similarity", similarity);
    return similarity;
  }

  // The class token's feature with prompts made for these tasks [n].
  Tensor prompted(const clb::nn::Begun& images, const Tensor& ids, bool initial) {
    const int64_t blocks = vit_.shape().depth - (last_block_ ? 0 : 1);
    const clb::nn::FilmPrompts& generator = initial ? initial_generator_ : generator_;
    const Tensor of_tasks = (initial ? initial_tasks_ : tasks_).embeddings.index_select(0, ids);
    const Tensor feature = vit_.cls(images, clb::nn::MadePrompts(generator, of_tasks, blocks));
    ctx().trace("feature", feature);
    return feature;
  }

  Tensor task_of(const clb::Batch& b) {  // [n]
    const int64_t seen = std::min(static_cast<int64_t>(labels_.size()), pool_size_);
    const Tensor similarity = cosines(b.features("main:cls"));
    Tensor ids = similarity.narrow(1, 0, seen_keys_only_ ? seen : pool_size_).argmax(1);
    if (batch_vote_test_) ids = clb::nn::voted_ids(ids.unsqueeze(1), pool_size_).squeeze(1);
    if (oracle_) {
      const Tensor& told = clb::told_tasks(b, "oracle");
      ids = at::where(told.lt(seen), told, ids);  // a task to come, or one of many that share a key, has none of its own
    }
    ctx().trace("task", ids);
    return ids;
  }

  Tensor masked(const Tensor& logits, const Tensor& ids) const {
    Tensor result = logits.clone();
    for (int64_t t = 0; pool_size_ > 1 && t < static_cast<int64_t>(labels_.size()); ++t) {  // a task to come has no classes yet
      const Tensor other =
          torch::ones(logits.size(1), ids.options().dtype(torch::kBool)).index_fill_(0, labels_[static_cast<size_t>(t)], 0);
      result.masked_fill_(ids.eq(t).unsqueeze(1).logical_and(other), kOtherTask);
    }
    return result;
  }

  // Defaults: the authors' CIFAR-100, but for the vote at test.
  int64_t length_ = 10, embedding_ = 16, pool_size_ = 10;
  double pull_weight_ = 0.1, head_deviation_ = 0.1414;  // sqrt(2 / 100 classes)
  std::string pull_ = "reference", test_prompts_ = "trained";
  bool seen_keys_only_ = false, last_block_ = true, batch_vote_test_ = false, oracle_ = false, mask_to_task_ = false;
  bool fresh_optimizer_ = false, legacy_frozen_moves_ = false;
  clb::nn::FitOptions fit_{.optimizer = "adam", .lr = 0.01, .epochs = 5, .batch_size = 128, .clip_norm = 1, .beta2 = 0.9, .amsgrad = true};

  clb::nn::Vit vit_;
  clb::nn::FilmPrompts generator_, initial_generator_;  // initial_...: as drawn
  clb::nn::TaskKeys tasks_, initial_tasks_;
  clb::nn::GrowingLinear head_;
  clb::nn::Optimizer optimizer_;
  std::vector<Tensor> labels_;  // of each task
  Tensor usage_;                // [pool_size] int64
};

}  // namespace

CLB_METHOD(Dap)
