// L2P: a pool of prompts with keys; the frozen ViT's feature of an image picks the prompts put behind its class token.
#include <clb/nn/heads.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/prompt_pool.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompting.hpp>

namespace {

class L2p final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "l2p",
      .version = "1.0.0",
      .paper = "Wang et al., CVPR 2022, arXiv:2112.08654",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<L2p>& p) {
    p.integer("pool_size", &L2p::pool_size_, {1, 4096}, "prompts in the pool (M)");
    p.integer("top_k", &L2p::top_k_, {0, 64}, "prompts chosen per image (N), at most pool_size; 0 = no prompts, the head reads cls");
    p.integer("prompt_length", &L2p::length_, {1, 256}, "tokens per prompt (L_p)");
    p.real("init_low", &L2p::init_low_, {-10, 10}, "prompts and keys start uniform from here ...");
    p.real("init_high", &L2p::init_high_, {-10, 10}, "... to here: -1 to 1 in the PyTorch ports, 0 to 0.01 in the authors' JAX code");
    p.real("pull_weight", &L2p::pull_weight_, {0, 100}, "weight of the key-query similarity in the loss (lambda)");
    p.real("pool_lr_scale", &L2p::pool_lr_scale_, {0, 100}, "factor on the learning rate of prompts and keys; 0: they stay as drawn");
    p.choice("feature", &L2p::feature_, {"prompt_mean", "cls"}, "what the head reads");
    p.choice("prompt_position", &L2p::prompt_position_, {"cls", "none"}, "position embedding on prompts: PyTorch ports cls, paper none");
    p.flag("batch_vote_train", &L2p::batch_vote_train_, "one choice of prompts per training batch, as published");
    p.flag("batch_vote_test", &L2p::batch_vote_test_, "the same at test time, as published; leaks test-batch composition")
        .implies(clb::kBatchDependent);
    clb::add_test_prompts(p, &L2p::test_prompts_).neutral("trained");
    clb::add_options(p, &L2p::fit_);
  }

  void create() override {
    clb::require_top_k(top_k_, pool_size_);
    clb::require_init(init_low_, init_high_);
    vit_ = clb::backbone(ctx());
    pool_ = {{.prompts = pool_size_, .length = length_, .dim = vit_.dim(), .low = init_low_, .high = init_high_}, ctx().rng("pool")};
    if (test_prompts_ == "initial") initial_ = clb::as_drawn(ctx(), pool_);
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::normal(0.02)}, ctx().rng("head")};
  }

  clb::Inputs inputs() const override { return clb::queried_inputs(true); }

  void train_task() override {
    head_.grow(task().classes_seen);
    clb::EpochMeans similarity(ctx(), clb::kKeySimilarity);
    clb::fit(ctx(), fit_, ctx().train().train_view().images(), {{pool_, pool_lr_scale_}, head_}, [&](const clb::Batch& b) {
      const auto images = vit_.begin(b.images, 0);
      const auto choice = pool_.choose(vit_.query(images), top_k_, batch_vote_train_);
      pool_.count_use(choice);
      similarity.add(b, choice.cosines);
      const auto logits = clb::nn::mask_to(task().labels, forward(images, choice));
      const auto loss = torch::nn::functional::cross_entropy(logits, b.labels) - pull_weight_ * choice.similarity();  // eq. 5
      ctx().trace("loss", loss);
      return loss;
    });
    similarity.record();
    clb::record_usage(ctx(), "pool/0", pool_.take_usage());  // a pool of which only a few prompts are used shows here
  }

  torch::Tensor predict(const clb::Batch& b) override {
    auto choice = pool_.choose(b.features("main:cls"), top_k_, batch_vote_test_);
    if (test_prompts_ == "initial") choice.prompts = initial_.prompts_of(choice.ids);
    return forward(b.images, choice);
  }

  void state(clb::Archive& a) override { a("pool", pool_)("head", head_); }

 private:
  torch::Tensor forward(const clb::nn::Begun& images, const clb::nn::PromptChoice& choice) {
    const auto position = prompt_position_ == "cls" ? vit_.cls_position() : torch::Tensor();
    const int64_t prompts = feature_ == "cls" ? 0 : top_k_ * length_;  // that the head reads
    const auto tokens = vit_.first_tokens(images, 1 + prompts, clb::nn::PrependedPrompts(choice.prompts, position));
    const auto feature = prompts == 0 ? tokens.select(1, 0) : tokens.narrow(1, 1, prompts).mean(1);  // [n, d]
    const auto logits = head_(feature);
    ctx().trace("prompt_idx", choice.ids);
    ctx().trace("cosines", choice.cosines);
    ctx().trace("feature", feature);
    ctx().trace("logits", logits);
    return logits;
  }

  // Defaults: LAMDA-PILOT's CIFAR-100 B0-Inc10 setting, but for batch_vote_test, which is on there.
  int64_t pool_size_ = 10, top_k_ = 5, length_ = 5;
  double init_low_ = -1, init_high_ = 1, pull_weight_ = 0.1, pool_lr_scale_ = 1;
  std::string feature_ = "prompt_mean", prompt_position_ = "cls", test_prompts_ = "trained";
  bool batch_vote_train_ = true, batch_vote_test_ = false;
  clb::nn::FitOptions fit_{.optimizer = "adam", .lr = 1.875e-3, .epochs = 5, .batch_size = 16};

  clb::nn::Vit vit_;
  clb::nn::PromptPool pool_, initial_;  // initial_: as drawn
  clb::nn::GrowingLinear head_;
};

}  // namespace

CLB_METHOD(L2p)
