// DualPrompt: prefixes that all tasks share in the first blocks (G), and in later ones prefixes of each task (E), found at test by their
// keys. Its parameters also give the forms that lie beside CODA-Prompt: DualPrompt with keys per block, and L2P++, whose keys choose in
// training too.
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

struct Prompts final : clb::nn::Module {
  void parts(clb::nn::Parts& p) override { p("general", general)("experts", experts); }
  Tensor general;  // [g, 2, L, d]: keys and values in g blocks
  clb::nn::PrefixPool experts;
};

class DualPrompt final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "dualprompt",
      .version = "1.0.0",
      .paper = "Wang et al., ECCV 2022, arXiv:2204.04799",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<DualPrompt>& p) {
    p.integers("g_blocks", &DualPrompt::g_blocks_, {0, 1000}, "blocks with a G-prompt, which all tasks share");
    p.integer("g_length", &DualPrompt::g_length_, {0, 256}, "rows of keys, and as many of values, of a G-prompt; 0: none");
    p.integers("e_blocks", &DualPrompt::e_blocks_, {0, 1000}, "blocks with E-prompts");
    p.integer("e_length", &DualPrompt::e_length_, {0, 256}, "rows of keys, and as many of values, of an E-prompt; 0: none");
    p.integer("pool_size", &DualPrompt::pool_size_, {1, 4096},
              "E-prompts (M): top_k for each task; as many as top_k: all tasks share them");
    p.integer("top_k", &DualPrompt::top_k_, {1, 64}, "E-prompts of a task, and of an image at test; at most pool_size");
    p.choice("choose_train", &DualPrompt::choose_train_, {"task", "key"}, "who chooses in training; key: the keys, as at test (L2P++)");
    p.choice("beyond_pool", &DualPrompt::beyond_pool_, {"refuse", "key"},
             "tasks that the pool has no prompt for; key: keys choose, as published");
    p.flag("key_per_block", &DualPrompt::key_per_block_, "each E-block chooses with keys of its own (CODA's code)");
    p.flag("transfer", &DualPrompt::transfer_, "a task's E-prompts start as those of the task before; keys do not");
    p.flag("seen_keys_only", &DualPrompt::seen_keys_only_, "at test keys of tasks to come do not compete; published: they do");
    p.real("init_low", &DualPrompt::init_low_, {-10, 10}, "prompts and keys start uniform from here ...");
    p.real("init_high", &DualPrompt::init_high_, {-10, 10},
           "... to here: -1 to 1 in the PyTorch ports, 0 to 0.01 in JAX, 0 to 1 in CODA's code");
    p.choice("key_loss", &DualPrompt::key_loss_, {"mean", "sum", "crossed"},
             "mean: minus the chosen keys' cosines, averaged over the batch; sum: 1 - cosine, summed over batch and blocks (CODA's code); "
             "crossed: the same with what all samples chose (its L2P++)");
    p.real("pull_weight", &DualPrompt::pull_weight_, {0, 100}, "weight of the key loss (lambda)");
    p.real("prompt_lr_scale", &DualPrompt::prompt_lr_scale_, {0, 100}, "factor on the rate of prompts and keys; 0: they stay as drawn");
    p.flag("batch_vote_train", &DualPrompt::batch_vote_train_, "where keys choose in training: one choice per batch, as published");
    p.flag("batch_vote_test", &DualPrompt::batch_vote_test_, "one choice per test batch, as published; leaks test-batch composition")
        .implies(clb::kBatchDependent);
    p.flag("legacy_prefix_reshape", &DualPrompt::legacy_prefix_reshape_,
           "prefixes are handed to samples as the PyTorch ports do, mixing keys, values and neighbours in the batch")
        .implies(clb::kBatchDependent);
    p.flag("augment", &DualPrompt::augment_, "train with the training transform; off: on images as evaluated, with the cache's queries");
    clb::add_test_prompts(p, &DualPrompt::test_prompts_);
    clb::add_options(p, &DualPrompt::fit_);
  }

  void create() override {
    clb::require_top_k(top_k_, pool_size_);
    clb::require_init(init_low_, init_high_);
    vit_ = clb::backbone(ctx());
    clb::nn::require_blocks("g_blocks", g_blocks_, vit_.shape().depth);
    clb::nn::require_blocks("e_blocks", e_blocks_, vit_.shape().depth);
    prompts_ = drawn();
    if (prompt_lr_scale_ == 0) clb::nn::freeze(prompts_);
    if (test_prompts_ == "initial") initial_ = drawn();
    usage_ = torch::zeros({prompts_.experts.key_sets(), pool_size_}, torch::dtype(torch::kInt64).device(ctx().device()));
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::normal(0.02)}, ctx().rng("head")};
  }

  clb::Inputs inputs() const override { return clb::queried_inputs(prompted()); }

  void train_task() override {
    head_.grow(task().classes_seen);
    const int64_t own = own_prompts();
    const Tensor before = trained(own);
    clb::EpochMeans similarity(ctx(), clb::kKeySimilarity);
    const int64_t first = std::min(clb::nn::first_of(g_blocks_), clb::nn::first_of(e_blocks_));
    clb::SharedBlocks shared(vit_, prompted() ? first : vit_.shape().depth, augment_);
    clb::fit(ctx(), fit_, clb::queried_images(ctx(), augment_), {{prompts_, prompt_lr_scale_}, head_}, [&](const clb::Batch& b) {
      const auto images = shared(b);
      const auto query = clb::queries(b, images, vit_, augment_);
      const auto& experts = prompts_.experts;
      const auto choice = own < 0 ? experts.nearest(query, top_k_, batch_vote_train_) : experts.given(query, own, top_k_);
      count_use(choice);
      similarity.add(b, choice.chosen_cosines());
      const auto logits = clb::nn::mask_to(task().labels, forward(images, query, choice, prompts_));
      const auto ce = torch::nn::functional::cross_entropy(logits, b.labels), pull = pull_weight_ * key_loss(choice);
      ctx().trace("ce", ce);
      ctx().trace("key_loss", pull);
      ctx().trace("loss", ce + pull);
      return ce + pull;
    });
    ++tasks_learned_;
    similarity.record();
    record(trained(own), before);
  }

  Tensor predict(const clb::Batch& b) override {
    const bool some = seen_keys_only_ && choose_train_ == "task";
    const int64_t among = some ? std::clamp(tasks_learned_ * top_k_, top_k_, pool_size_) : pool_size_;
    const auto& query = b.features("main:cls");
    const auto choice = prompts_.experts.nearest(query, top_k_, batch_vote_test_, among);
    return forward(b.images, query, choice, test_prompts_ == "initial" ? initial_ : prompts_);
  }

  void state(clb::Archive& a) override { a("tasks_learned", tasks_learned_)("prompts", prompts_)("head", head_)("usage", usage_); }

 private:
  bool prompted() const { return (g_length_ > 0 && !g_blocks_.empty()) || (e_length_ > 0 && !e_blocks_.empty()); }

  Prompts drawn() const {
    Prompts p;
    const std::vector<int64_t> general{static_cast<int64_t>(g_blocks_.size()), 2, g_length_, vit_.dim()};
    p.general = clb::nn::uniform(general, init_low_, init_high_, ctx().rng("general")).requires_grad_();
    p.experts = {{.blocks = e_blocks_,
                  .prompts = pool_size_,
                  .length = e_length_,
                  .dim = vit_.dim(),
                  .key_per_block = key_per_block_,
                  .low = init_low_,
                  .high = init_high_},
                 ctx().rng("experts")};
    clb::nn::move_to(p, ctx().device());
    return p;
  }

  // The first of the task's E-prompts, made ready; -1: keys choose in training too.
  int64_t own_prompts() {
    if (choose_train_ == "key") return -1;
    if (pool_size_ == top_k_) return 0;
    const int64_t own = tasks_learned_ * top_k_;
    if (own + top_k_ > pool_size_) {
      if (beyond_pool_ == "key") return -1;
      throw clb::PluginError(CLB_E_INVALID, "the pool has no prompt for task " + std::to_string(tasks_learned_) +
                                                "; set pool_size to the number of tasks times top_k, or beyond_pool to key");
    }
    if (transfer_ && own > 0) prompts_.experts.copy_prompts(own - top_k_, own, top_k_);
    return own;
  }

  // The numbers of the prompts that such a task trains, a copy.
  Tensor trained(int64_t own) const {
    const auto experts = own < 0 ? prompts_.experts.rows(0, pool_size_) : prompts_.experts.rows(own, top_k_);
    return at::cat({prompts_.general.detach().flatten(), experts.detach().flatten()});
  }

  Tensor key_loss(const PrefixChoice& choice) const {
    if (key_loss_ == "mean") return -choice.similarity();
    return key_loss_ == "sum" ? choice.distance() : choice.crossed_distance();
  }

  // Logits of all classes seen.
  Tensor forward(const clb::nn::Begun& images, const Tensor& query, const PrefixChoice& choice, const Prompts& p) const {
    const auto chosen = p.experts.chosen(choice, legacy_prefix_reshape_);  // [e, n, 2, k l, d]
    auto general = clb::nn::prefix_of_pairs(g_blocks_, p.general.unsqueeze(1)), experts = clb::nn::prefix_of_pairs(e_blocks_, chosen);
    const auto feature = prompted() ? vit_.cls(images, clb::nn::Together({&general, &experts})) : query;  // [n, d]
    const auto logits = head_(feature);
    ctx().trace({{"ids", choice.ids}, {"cosines", choice.cosines}, {"chosen", chosen}, {"feature", feature}, {"logits", logits}});
    return logits;
  }

  // How often the keys, as at test, would have chosen each E-prompt, over all images that training saw so far. What training itself uses
  // says nothing where the task chooses: it is one prompt per task.
  void count_use(const PrefixChoice& choice) {
    const auto nearest = clb::nn::first_largest(choice.cosines.detach(), top_k_);  // [s, n, k]
    for (int64_t s = 0; s < nearest.size(0); ++s) usage_[s].add_(clb::nn::count_ids(nearest[s], pool_size_));
  }

  void record(const Tensor& now, const Tensor& before) const {
    const bool of_blocks = key_per_block_ && !e_blocks_.empty();
    clb::record_usage(ctx(), "expert", of_blocks ? e_blocks_ : std::vector<int64_t>{0}, usage_);
    if (prompted()) clb::record_change(ctx(), now, before);
  }

  // Defaults: LAMDA-PILOT's CIFAR-100 B0-Inc10 setting, but for the vote and the layout of prefixes, which are on there.
  std::vector<int64_t> g_blocks_{0, 1}, e_blocks_{2, 3, 4};
  int64_t g_length_ = 5, e_length_ = 5, pool_size_ = 10, top_k_ = 1;
  std::string choose_train_ = "task", beyond_pool_ = "refuse", key_loss_ = "mean";
  double init_low_ = -1, init_high_ = 1, pull_weight_ = 0.1, prompt_lr_scale_ = 1;
  bool key_per_block_ = false, transfer_ = true, seen_keys_only_ = false;
  bool batch_vote_train_ = true, batch_vote_test_ = false, legacy_prefix_reshape_ = false, augment_ = true;
  std::string test_prompts_ = "trained";
  clb::nn::FitOptions fit_{.optimizer = "adam", .lr = 1e-3, .epochs = 5, .batch_size = 24};

  clb::nn::Vit vit_;
  int64_t tasks_learned_ = 0;
  Prompts prompts_, initial_;  // initial_: as drawn, where they are to predict
  clb::nn::GrowingLinear head_;
  Tensor usage_;  // [s, M] int64: s sets of keys
};

}  // namespace

CLB_METHOD(DualPrompt)
