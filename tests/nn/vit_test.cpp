#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/nn/vit.hpp>
#include <fstream>
#include <functional>
#include <sstream>

#include "golden/golden.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

Vit golden_vit(const golden::Golden& golden) {
  const torch::Tensor input = golden["input"];
  const int64_t patch = golden.config()["patch_size"];
  return Vit(golden.with_prefix("param."),
             {.heads = golden.config()["num_heads"],
              .image = {input.size(2), input.size(3)},
              .pos_antialias = true,
              .grid = {input.size(2) / patch, input.size(3) / patch}},
             golden.path().string());
}

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

// A grid in a configuration: a side, or height and width.
ImageSize size_in(const base::Json& json) {
  return json.is_array() ? ImageSize(json.at(0).get<int64_t>(), json.at(1).get<int64_t>()) : ImageSize(json.get<int64_t>());
}

// "vit" has square images, "vit_rectangle" (timm 0.9.16, PyTorch 2.11) others.
void compare_with(golden::Golden& golden) {
  Vit vit = golden_vit(golden);
  std::map<std::string, Tensor> parameters;
  vit.parameters([&](const std::string& name, Tensor& t) { parameters[name] = t.requires_grad_(); });
  const Tensor input = golden["input"].requires_grad_();

  golden.close("patch_embed", vit.patch_embed(input), 7e-6);
  Tensor x = vit.embed(input);
  golden.close("tokens", x, 8e-6);
  for (int64_t i = 0; i < vit.shape().depth; ++i) {
    const std::string at = "block" + std::to_string(i);
    if (golden.has(at + ".norm1")) {
      const Block& block = vit.blocks()[i];
      const Tensor normed = block.norm1(x), qkv = block.attn.qkv(normed), attended = block.attn(normed);
      const auto parts = qkv.unflatten(-1, {3, vit.shape().heads, -1}).permute({2, 0, 3, 1, 4});  // [3, n, heads, tokens, d / heads]
      const double scale = 1 / std::sqrt(static_cast<double>(parts.size(-1)));
      const Tensor normed2 = block.norm2(x + attended);
      const Tensor fc1 = block.mlp.fc1(normed2);
      golden.close(at + ".norm1", normed, 2e-5);
      golden.close(at + ".qkv", qkv, 2e-5);
      golden.close(at + ".attn_prob", at::softmax(scale * parts[0].matmul(parts[1].transpose(-1, -2)), -1), 2e-6);
      golden.close(at + ".attn_out", attended, 5e-6);
      golden.close(at + ".norm2", normed2, 2e-5);
      golden.close(at + ".fc1", fc1, 2e-5);
      golden.close(at + ".gelu", block.mlp.hidden(normed2), 2e-5);
      golden.close(at + ".mlp_out", block.mlp(normed2), 7e-6);
    }
    x = vit.block(i, x);
    golden.close(at, x, 2e-5);
  }
  golden.close("norm", vit.norm(x), 2e-5);
  golden.close_to("norm of tokens()", golden["norm"], vit.tokens(input), 2e-5);

  const Tensor feature = vit.cls(input);
  golden.close("feature", feature, 8e-6);
  const Tensor loss = (feature * golden["v"]).sum();
  golden.close("loss", loss.reshape({1}), 2e-5);
  loss.backward();
  for (const auto& [name, gradient] : golden.with_prefix("grad.")) {
    golden.close("grad." + name, name == "input" ? input.grad() : parameters.at(name).grad(), 2e-5);
  }

  for (const bool antialias : {false, true}) {
    for (const char* name : {"pos.interp", "pos.interp_down"}) {
      const std::string key = std::string(name) + (antialias ? "_antialias" : "");
      const ImageSize to = size_in(golden.config().at(std::string(name).ends_with("down") ? "to2" : "to"));
      golden.close(key, interpolate_positions(golden["param.pos_embed"], to, antialias, vit.shape().grid()), 5e-6);
    }
  }
}

TEST(VitGolden, ForwardAndGradients) {
  CLB_GOLDEN(golden, "vit");
  compare_with(golden);
  golden.expect_all_compared({"input", "v", "param."});
}

TEST(VitGolden, RectangularImages) {
  CLB_GOLDEN(golden, "vit_rectangle");
  compare_with(golden);
  for (const bool antialias : {false, true})
    for (const char* name : {"to", "to2"})  // a square grid of pre-training
      golden.close("square." + std::string(name) + (antialias ? "_antialias" : ""),
                   interpolate_positions(golden["square.pos_embed"], size_in(golden.config().at(name)), antialias), 5e-6);
  golden.expect_all_compared({"input", "v", "param.", "square.pos_embed"});
}

TEST(VitGolden, WithoutGradientsAndInChunksTheSame) {
  CLB_GOLDEN(golden, "vit");
  const Vit vit = golden_vit(golden);
  c10::InferenceMode inference;
  golden.close("feature", vit.cls(golden["input"]), 8e-6);
}

TEST(Vit, TakesTheImageSizeOfTheOptions) {
  const TensorMap weights = random_vit({.image = 32, .patch = 8, .dim = 24, .depth = 2, .heads = 3, .mlp = 48}, 1);
  const Vit vit(weights, {.heads = 3, .image = 48});
  EXPECT_EQ(vit.shape().image, 48);
  EXPECT_EQ(vit.cls(torch::zeros({2, 3, 48, 48})).sizes(), torch::IntArrayRef({2, 24}));
  EXPECT_NE(message_of([&] { vit.cls(torch::zeros({2, 3, 32, 32})); }).find("3 x 48 x 48"), std::string::npos);
  EXPECT_NE(message_of([&] { Vit(weights, {.heads = 3, .image = 50}); }).find("multiple"), std::string::npos);
}

TEST(Vit, ImagesNeedNotBeSquare) {
  const TensorMap weights = random_vit({.image = 32, .patch = 8, .dim = 24, .depth = 2, .heads = 3, .mlp = 48}, 1);
  const Vit vit(weights, {.heads = 3, .image = {24, 56}});
  EXPECT_EQ(vit.shape().grid(), ImageSize(3, 7));
  EXPECT_EQ(vit.cls(torch::zeros({2, 3, 24, 56})).sizes(), torch::IntArrayRef({2, 24}));
  EXPECT_NE(message_of([&] { vit.cls(torch::zeros({2, 3, 56, 24})); }).find("3 x 24 x 56"), std::string::npos);
  EXPECT_NE(message_of([&] { Vit(weights, {.heads = 3, .image = {24, 50}}); }).find("24 x 50"), std::string::npos);
  // Made for 24 x 56 pixels: the file has 21 positions, which are no square.
  const TensorMap wide = random_vit({.image = {24, 56}, .patch = 8, .dim = 24, .depth = 2, .heads = 3, .mlp = 48}, 1);
  EXPECT_EQ(Vit(wide, {.heads = 3, .image = {24, 56}}).shape().tokens(), 22);
  EXPECT_EQ(Vit(wide, {.heads = 3, .image = {24, 40}, .pos_antialias = true, .grid = {3, 7}}).shape().tokens(), 16);
  EXPECT_NE(message_of([&] { (Vit(wide, {.heads = 3})); }).find("say the size of the images"), std::string::npos);
  EXPECT_NE(message_of([&] { (Vit(wide, {.heads = 3, .image = 32})); }).find("21 patches"), std::string::npos);
}

TEST(Vit, NamesTheTensorThatIsWrong) {
  const VitShape shape{.image = 16, .patch = 8, .dim = 24, .depth = 2, .heads = 3, .mlp = 48};
  const auto complaint = [](const TensorMap& t) { return message_of([&] { Vit(t, {.heads = 3}, "w.safetensors"); }); };
  TensorMap weights = random_vit(shape, 1);
  for (const auto& [name, tensor] : random_vit(shape, 1)) {
    TensorMap without = weights;
    without.erase(name);
    // Blocks are counted by norm1.weight: without the last one its other tensors have no place.
    EXPECT_NE(complaint(without).find(name == "blocks.1.norm1.weight" ? "blocks.1." : name), std::string::npos) << complaint(without);
    TensorMap odd = weights;
    odd[name] = torch::zeros({5, 7});
    EXPECT_NE(complaint(odd), "") << name;
  }
  weights["head.weight"] = torch::zeros({10, 24});
  EXPECT_EQ(complaint(weights), "");
  weights["blocks.0.ls1.gamma"] = torch::ones(24);
  EXPECT_EQ(
      complaint(weights),
      "w.safetensors: tensor 'blocks.0.ls1.gamma' has no place in a plain ViT (layer scale); leaving it out would compute another network");
}

TEST(Vit, OwnsItsParameters) {
  TensorMap weights = random_vit({.image = 16, .patch = 8, .dim = 24, .depth = 1, .heads = 3, .mlp = 48}, 1);
  Vit vit(weights, {.heads = 3});
  const Tensor images = torch::rand({2, 3, 16, 16}), before = vit.cls(images);
  for (auto& [name, tensor] : weights) tensor.zero_();
  EXPECT_TRUE(torch::equal(before, vit.cls(images)));
}

TEST(Vit, RandomWeightsDependOnSeedAndNameAlone) {
  const VitShape small{.image = 16, .patch = 8, .dim = 24, .depth = 1, .heads = 3, .mlp = 48};
  VitShape deep = small;
  deep.depth = 3;
  TensorMap a = random_vit(small, 7), b = random_vit(deep, 7), c = random_vit(small, 8);
  for (const auto& [name, tensor] : a) EXPECT_TRUE(torch::equal(tensor, b.at(name))) << name;
  EXPECT_FALSE(torch::equal(a["blocks.0.mlp.fc1.weight"], c["blocks.0.mlp.fc1.weight"]));
  EXPECT_FALSE(torch::equal(b["blocks.0.mlp.fc1.weight"], b["blocks.1.mlp.fc1.weight"]));
  const double bound = std::sqrt(6.0 / (24 + 48));
  EXPECT_LE(a["blocks.0.mlp.fc1.weight"].abs().max().item<double>(), bound);
  EXPECT_NEAR(a["blocks.0.mlp.fc1.weight"].std().item<double>(), bound / std::sqrt(3.0), 0.02);
  EXPECT_NEAR(a["pos_embed"].std().item<double>(), 0.02, 0.005);
  EXPECT_EQ(a["blocks.0.attn.qkv.bias"].abs().max().item<double>(), 0);
}

TEST(Vit, ChunksAndBatchesAgree) {
  const Vit vit(random_vit({.image = 32, .patch = 4, .dim = 64, .depth = 2, .heads = 2, .mlp = 256}, 3), {.heads = 2});
  const Tensor images = torch::rand({150, 3, 32, 32});
  const Tensor whole = vit.cls(images);  // with gradients: one piece
  c10::InferenceMode inference;
  EXPECT_LT((vit.cls(images) - whole).abs().max().item<double>(), 1e-5);
  EXPECT_LT((vit.cls(images[149].unsqueeze(0)) - whole[149]).abs().max().item<double>(), 1e-5);
  const Tensor half = vit.to(torch::kCPU, torch::kBFloat16).cls(images.to(torch::kBFloat16));
  EXPECT_EQ(half.scalar_type(), torch::kBFloat16);
  EXPECT_LT((half.to(torch::kFloat32) - whole).abs().max().item<double>(), 0.1);
}

// The published DeiT-Tiny against features and logits that were computed in float64 elsewhere.
TEST(VitDeitTiny, ReferenceOutput) {
  const std::filesystem::path root = std::filesystem::path(CLB_SOURCE_DIR) / ".." / "shared" / "data" / "deit_tiny";
  if (!std::filesystem::exists(root / "reference_output.txt")) GTEST_SKIP() << root.string() << " is absent";
  const auto file = std::make_shared<base::MappedFile>(root / "deit_tiny_patch16_224.safetensors");
  const TensorMap weights = read_safetensors(file->bytes(), file->path().string(), file);
  const Vit vit(weights, {}, file->path().string());
  EXPECT_EQ(vit.shape(), VitShape{});  // the defaults are DeiT-Tiny's

  std::vector<double> features, logits;
  std::ifstream reference(root / "reference_output.txt");
  for (std::string line; std::getline(reference, line);) {
    std::istringstream words(line);
    std::string kind;
    int64_t index = 0;
    double value = 0;
    if (words >> kind >> index >> value) (kind == "feat" ? features : logits).push_back(value);
  }
  const Tensor want_features = torch::tensor(features, torch::kFloat64), want_logits = torch::tensor(logits, torch::kFloat64);
  ASSERT_EQ(want_features.numel(), 192);
  ASSERT_EQ(want_logits.numel(), 1000);

  c10::InferenceMode inference;
  const Tensor images = ((torch::arange(3 * 224 * 224) * 7919).remainder(256).to(torch::kFloat64) / 127.5 - 1).reshape({1, 3, 224, 224});
  const Tensor feature = vit.cls(images.to(torch::kFloat32));
  const Tensor logit = at::linear(feature, weights.at("head.weight"), weights.at("head.bias"));
  const auto error = [](const Tensor& got, const Tensor& want) {
    return (got.squeeze(0).to(torch::kFloat64) - want).abs().max().item<double>();
  };
  std::printf("  deit_tiny fp32: largest error of features %.3g, of logits %.3g\n", error(feature, want_features),
              error(logit, want_logits));
  EXPECT_LE(error(feature, want_features), 2e-4);
  EXPECT_LE(error(logit, want_logits), 2e-4);
  EXPECT_LE(error(vit.tokens(images.to(torch::kFloat32)).select(1, 0), want_features), 2e-4);

  const Tensor half = vit.to(torch::kCPU, torch::kBFloat16).cls(images.to(torch::kBFloat16)).to(torch::kFloat32);
  const double cosine = at::cosine_similarity(half, feature).item<double>();
  std::printf("  deit_tiny bf16: largest error of features %.3g, cosine with fp32 %.6f\n", error(half, want_features), cosine);
  EXPECT_GT(cosine, 0.999);
}

}  // namespace
}  // namespace clb::nn
