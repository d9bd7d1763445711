// S-Prompt++: each task has prefixes of its own in the first blocks and a learned key that finds them at test. The baseline that
// HiDe-Prompt and its successors compare with; it is no S-Prompts (plugins/sprompts), but DualPrompt with expert prompts alone.
#include <clb/nn/heads.hpp>
#include <clb/nn/key_choice.hpp>
#include <clb/nn/layer_prefixes.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/prefix_pool.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompting.hpp>

namespace {

using clb::nn::PrefixChoice;
using torch::Tensor;

class SPromptPp final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "sprompt_pp",
      .version = "1.0.0",
      .paper = "Wang et al., NeurIPS 2023, arXiv:2310.07234 (baseline)",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<SPromptPp>& p) {
    p.integers("blocks", &SPromptPp::blocks_, {0, 1000}, "blocks with prompts");
    p.integer("prompt_length", &SPromptPp::length_, {0, 256}, "rows of keys, and as many of values, of a prompt; 0: no prompts");
    p.integer("pool_size", &SPromptPp::pool_size_, {1, 4096}, "prompts (M), one for each task; 1: all tasks share it");
    p.flag("transfer", &SPromptPp::transfer_, "a task's prompt starts as that of the task before; its key does not");
    p.flag("seen_keys_only", &SPromptPp::seen_keys_only_, "at test keys of tasks to come do not compete; published: they do");
    p.real("init_low", &SPromptPp::init_low_, {-10, 10}, "prompts and keys start uniform from here ...");
    p.real("init_high", &SPromptPp::init_high_, {-10, 10}, "... to here");
    p.real("pull_weight", &SPromptPp::pull_weight_, {0, 100}, "weight of the key-query similarity in the loss (lambda)");
    p.real("prompt_lr_scale", &SPromptPp::prompt_lr_scale_, {0, 100}, "factor on the rate of prompts and keys; 0: they stay as drawn");
    p.flag("batch_vote_test", &SPromptPp::batch_vote_test_, "one choice per test batch, as published; leaks test-batch composition")
        .implies(clb::kBatchDependent);
    p.flag("legacy_prefix_reshape", &SPromptPp::legacy_prefix_reshape_,
           "prefixes are handed to samples as in the released code, mixing keys, values and neighbours in the batch")
        .implies(clb::kBatchDependent);
    p.flag("augment", &SPromptPp::augment_, "train with the training transform; off: on images as evaluated, with the cache's queries");
    clb::add_test_prompts(p, &SPromptPp::test_prompts_);
    clb::add_options(p, &SPromptPp::fit_);
  }

  void create() override {
    clb::require_init(init_low_, init_high_);
    vit_ = clb::backbone(ctx());
    clb::nn::require_blocks("blocks", blocks_, vit_.shape().depth);
    pool_ = drawn();
    if (prompt_lr_scale_ == 0) clb::nn::freeze(pool_);
    if (test_prompts_ == "initial") initial_ = drawn();
    usage_ = torch::zeros(pool_size_, torch::dtype(torch::kInt64).device(ctx().device()));
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::normal(0.02)}, ctx().rng("head")};
  }

  clb::Inputs inputs() const override { return clb::queried_inputs(prompted()); }

  void train_task() override {
    head_.grow(task().classes_seen);
    const int64_t own = own_prompt();
    const Tensor before = pool_.rows(own, 1).detach().clone();
    clb::EpochMeans similarity(ctx(), clb::kKeySimilarity);
    clb::SharedBlocks shared(vit_, prompted() ? clb::nn::first_of(blocks_) : vit_.shape().depth, augment_);
    clb::fit(ctx(), fit_, clb::queried_images(ctx(), augment_), {{pool_, prompt_lr_scale_}, head_}, [&](const clb::Batch& b) {
      const auto images = shared(b);
      const auto query = clb::queries(b, images, vit_, augment_);
      const auto choice = pool_.given(query, own, 1);
      similarity.add(b, choice.chosen_cosines());
      usage_ += clb::nn::count_ids(clb::nn::first_largest(choice.cosines.detach(), 1), pool_size_);  // whom the keys would choose
      const auto logits = clb::nn::mask_to(task().labels, forward(images, query, choice, pool_));
      const auto loss = torch::nn::functional::cross_entropy(logits, b.labels) - pull_weight_ * choice.similarity();
      ctx().trace("loss", loss);
      return loss;
    });
    ++tasks_learned_;
    similarity.record();
    record(pool_.rows(own, 1), before);
  }

  Tensor predict(const clb::Batch& b) override {
    const int64_t among = seen_keys_only_ ? std::clamp(tasks_learned_, int64_t{1}, pool_size_) : pool_size_;
    const auto& query = b.features("main:cls");
    return forward(b.images, query, pool_.nearest(query, 1, batch_vote_test_, among), test_prompts_ == "initial" ? initial_ : pool_);
  }

  void state(clb::Archive& a) override { a("tasks_learned", tasks_learned_)("pool", pool_)("head", head_)("usage", usage_); }

 private:
  bool prompted() const { return length_ > 0 && !blocks_.empty(); }

  clb::nn::PrefixPool drawn() const {
    const clb::nn::PrefixPoolOptions options{
        .blocks = blocks_, .prompts = pool_size_, .length = length_, .dim = vit_.dim(), .low = init_low_, .high = init_high_};
    clb::nn::PrefixPool pool(options, ctx().rng("experts"));
    clb::nn::move_to(pool, ctx().device());
    return pool;
  }

  int64_t own_prompt() {
    if (pool_size_ == 1) return 0;
    if (tasks_learned_ >= pool_size_) {
      throw clb::PluginError(
          CLB_E_INVALID, "the pool has no prompt for task " + std::to_string(tasks_learned_) + "; set pool_size to the number of tasks");
    }
    if (transfer_ && tasks_learned_ > 0) pool_.copy_prompts(tasks_learned_ - 1, tasks_learned_, 1);
    return tasks_learned_;
  }

  // Logits of all classes seen.
  Tensor forward(const clb::nn::Begun& images, const Tensor& query, const PrefixChoice& choice, const clb::nn::PrefixPool& pool) const {
    const auto chosen = pool.chosen(choice, legacy_prefix_reshape_);                                        // [b, n, 2, l, d]
    const auto feature = prompted() ? vit_.cls(images, clb::nn::prefix_of_pairs(blocks_, chosen)) : query;  // [n, d]
    const auto logits = head_(feature);
    ctx().trace({{"ids", choice.ids}, {"chosen", chosen}, {"feature", feature}, {"logits", logits}});
    return logits;
  }

  // Usage: how often the keys, as at test, would have chosen each prompt, over all images that training saw so far. What training itself
  // uses is one prompt per task.
  void record(const Tensor& now, const Tensor& before) const {
    clb::record_usage(ctx(), "prompt/0", usage_);
    if (prompted()) clb::record_change(ctx(), now, before);
  }

  // Defaults: HiDe-Prompt's CIFAR-100 setting of the baseline, but for the vote and the layout of prefixes, which are on there.
  std::vector<int64_t> blocks_{0, 1, 2, 3, 4};
  int64_t length_ = 20, pool_size_ = 10;
  double init_low_ = -1, init_high_ = 1, pull_weight_ = 1, prompt_lr_scale_ = 1;
  bool transfer_ = true, seen_keys_only_ = false, batch_vote_test_ = false, legacy_prefix_reshape_ = false, augment_ = true;
  std::string test_prompts_ = "trained";
  clb::nn::FitOptions fit_{.optimizer = "adam", .lr = 0.0028125, .epochs = 5, .batch_size = 24, .clip_norm = 1};

  clb::nn::Vit vit_;
  int64_t tasks_learned_ = 0;
  clb::nn::PrefixPool pool_, initial_;  // initial_: as drawn, where it is to predict
  clb::nn::GrowingLinear head_;
  Tensor usage_;  // [M] int64
};

}  // namespace

CLB_METHOD(SPromptPp)
