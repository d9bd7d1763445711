#include "clb/nn/layer_prefixes.hpp"

#include <algorithm>
#include <clb/nn/error.hpp>

namespace clb::nn {

using torch::Tensor;

void require_blocks(const std::string& name, const std::vector<int64_t>& blocks, int64_t depth) {
  for (auto block = blocks.begin(); block != blocks.end(); ++block) {
    if (*block < 0 || *block >= depth) {
      throw Error(ErrorKind::kInvalid, name + " holds block " + std::to_string(*block) + ", but the network has " + std::to_string(depth) +
                                           "; name some of 0 to " + std::to_string(depth - 1));
    }
    if (std::find(blocks.begin(), block, *block) != block)
      throw Error(ErrorKind::kInvalid, name + " holds block " + std::to_string(*block) + " twice; name it once");
  }
}

GivenPrefix prefix_of_halves(const std::vector<int64_t>& blocks, const Tensor& prompts) {
  const int64_t rows = prompts.size(2);
  if (rows % 2 != 0) {
    throw Error(ErrorKind::kInvalid,
                "a prompt of " + std::to_string(rows) + " rows cannot be halved into keys and values; an even number was expected");
  }
  const Tensor keys = prompts.narrow(2, 0, rows / 2), values = prompts.narrow(2, rows / 2, rows / 2);
  return {blocks, keys.unbind(0), values.unbind(0)};
}

GivenPrefix prefix_of_pairs(const std::vector<int64_t>& blocks, const Tensor& pairs) {
  return {blocks, pairs.select(2, 0).unbind(0), pairs.select(2, 1).unbind(0)};
}

Tensor chosen_pairs(const Tensor& pool, const Tensor& ids, bool legacy) {
  const int64_t layers = pool.size(0), n = ids.size(0), d = pool.size(-1);
  const int64_t rows = (ids.dim() == 1 ? 1 : ids.size(1)) * pool.size(3);
  const Tensor chosen = pool.index_select(2, ids.flatten());  // [layers, 2, n k, p, d]
  if (legacy) return chosen.reshape({layers, n, 2, rows, d});
  return chosen.reshape({layers, 2, n, rows, d}).transpose(1, 2);
}

}  // namespace clb::nn
