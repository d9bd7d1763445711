// Blocks of a frozen network that come before whatever a method trains: computed once where their result stays the same.
#pragma once

#include <clb/nn/vit.hpp>
#include <clb/sdk/context.hpp>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace clb {

// What the blocks of a frozen network before `block`, the first that a method changes, make of a stream's images: where these are the same
// in every epoch (Batch::repeats; the stream must bring sample_ids) computed once for all epochs, as long as it fits into kBytes, else,
// where the method asks for the query of the same images (`queried`), once for both.
class SharedBlocks {
 public:
  SharedBlocks(const nn::Vit& vit, int64_t block, bool queried) : vit_(vit), block_(block), queried_(queried) {}

  nn::Begun operator()(const Batch& b) {
    if (block_ < 0 || block_ >= vit_.shape().depth) return b.images;                  // the patches are changed, or nothing is
    if (b.repeats && block_ > 0 && b.sample_ids.defined()) return {kept(b), block_};  // the patches alone are not worth their memory
    return queried_ ? vit_.begin(b.images, block_) : b.images;
  }

 private:
  static constexpr size_t kBytes = size_t{512} << 20;

  torch::Tensor kept(const Batch& b) {  // [n, t, d]
    const torch::Tensor ids = b.sample_ids.to(torch::kCPU, torch::kInt64).contiguous();
    const auto* id = ids.const_data_ptr<int64_t>();
    std::vector<int64_t> unknown;
    std::vector<torch::Tensor> tokens(static_cast<size_t>(b.n));  // of each image, [t, d]
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto found = kept_.find(id[i]);
      if (found != kept_.end())
        tokens[i] = found->second;
      else
        unknown.push_back(static_cast<int64_t>(i));
    }
    if (!unknown.empty()) {
      const torch::Tensor rows = torch::tensor(unknown, b.images.device());
      const torch::Tensor begun = vit_.begin(b.images.index_select(0, rows), block_).x;
      for (size_t k = 0; k < unknown.size(); ++k) {
        const auto i = static_cast<size_t>(unknown[k]);
        tokens[i] = begun[static_cast<int64_t>(k)].clone();
        if ((kept_.size() + 1) * tokens[i].nbytes() <= kBytes) kept_.emplace(id[i], tokens[i]);
      }
    }
    return at::stack(tokens);
  }

  const nn::Vit& vit_;
  int64_t block_;
  bool queried_;
  std::unordered_map<int64_t, torch::Tensor> kept_;  // by sample id
};

}  // namespace clb
