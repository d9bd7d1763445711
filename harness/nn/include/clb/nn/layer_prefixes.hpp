// Prompts that a method puts together for several blocks and for each image, as prefixes of these blocks (prefix.hpp): CODA-Prompt,
// VQ-Prompt (halves of one prompt), DualPrompt, HiDe-Prompt (pairs of keys and values).
#pragma once

#include <clb/nn/prefix.hpp>
#include <string>
#include <vector>

namespace clb::nn {

// Throws Error (invalid) unless these are different blocks of a network of this depth; `name` is the parameter that lists them.
void require_blocks(const std::string& name, const std::vector<int64_t>& blocks, int64_t depth);

// prompts [blocks, n, 2 p, d]: the first p rows of each are keys, the others values. Throws Error (invalid) where they have no halves.
GivenPrefix prefix_of_halves(const std::vector<int64_t>& blocks, const torch::Tensor& prompts);

// pairs [blocks, n, 2, p, d]: keys, values.
GivenPrefix prefix_of_pairs(const std::vector<int64_t>& blocks, const torch::Tensor& pairs);

// Of the pairs in a pool [blocks, 2, m, p, d] those with the ids [n, k] (or [n], one each), side by side: [blocks, n, 2, k p, d].
//
// legacy: as DualPrompt's PyTorch port and its descendants (LAMDA-PILOT, HiDe-Prompt, Mammoth) lay them out. What they chose lies in memory
// as [blocks, 2, n, ...] and is read as [blocks, n, 2, ...] without being transposed, so that image b gets as its s-th part (0 keys, 1
// values) part (2 b + s) / n of image (2 b + s) mod n: what an image is told depends on the others in its batch. The JAX original does not.
torch::Tensor chosen_pairs(const torch::Tensor& pool, const torch::Tensor& ids, bool legacy = false);

}  // namespace clb::nn
