#include "clb/nn/blocks.hpp"

#include <algorithm>

namespace clb::nn {
namespace {

using torch::Tensor;

constexpr int64_t kFewestRows = 4;  // of fewer the last bits of products and of LibTorch's attention depend on the thread and on addresses

Linear empty_linear(int64_t out, int64_t in, bool bias) { return Linear(torch::empty({out, in}), bias ? torch::empty({out}) : Tensor()); }

Tensor plus(const Tensor& x, const Tensor& beside) { return beside.defined() ? x + beside : x; }

// x + what an operation gives for `input`.
Tensor added(const Tensor& x, const Linear& op, const Tensor& input, Site site, int64_t block, const Injection& in) {
  return in.changes_operations() ? x + in.at(site, block, input, op(input)) : op.add_to(x, input);
}

}  // namespace

Block::Block(const BlocksShape& s, const BlockStyle& style)
    : norm1(s.dim, style.eps),
      attn(empty_linear(3 * s.dim, s.dim, style.bias), empty_linear(s.dim, s.dim, style.bias), s.heads, style.causal),
      norm2(s.dim, style.eps),
      mlp(empty_linear(s.mlp, s.dim, style.bias), empty_linear(s.dim, s.mlp, style.bias), style.activation) {}

Tensor Block::operator()(const Tensor& x) const {
  const Tensor y = attn.proj.add_to(x, attn.mixed(norm1(x)));
  return mlp.add_to(y, norm2(y));
}

Tensor Block::first_row(const Tensor& x) const {
  // It attends to all tokens; the others need keys and values alone.
  const Tensor normed = norm1(x), y = x.narrow(1, 0, 1) + attn.across(normed.narrow(1, 0, 1), normed);
  return mlp.add_to(y, norm2(y));
}

// With an injection: the same steps with a hook behind each. The first `rows` of x + attention(norm1 x).
Tensor Block::attended(int64_t i, const Tensor& x, int64_t rows, const Injection& in) const {
  const auto first = [&](const Tensor& t) { return rows >= t.size(1) ? t : t.narrow(1, 0, rows); };
  const Tensor normed = in.at(Site::kNorm1, i, x, norm1(x));
  const Tensor qkv = in.at(Site::kQkv, i, normed, attn.qkv(normed));
  const std::vector<Tensor> parts = qkv.chunk(3, -1);
  const Tensor queries = first(parts[0]);
  KeysValues context(parts[1], parts[2]);
  in.keys_values(i, x, context);
  const bool as_projected = queries.is_same(parts[0]) && context.keys().is_same(parts[1]) && context.values().is_same(parts[2]);
  const Tensor mask = attn.causal ? context.causal_mask().narrow(0, 0, queries.size(1)) : Tensor();
  const ChangeWeights change = [&](const Tensor& weights) { return in.attention_weights(i, weights); };
  const Tensor mixed = in.changes_attention(i) ? attend_changed(queries, context.keys(), context.values(), attn.heads, change, mask)
                       : as_projected          ? attend_self(qkv, attn.heads, mask)
                                               : attend(queries, context.keys(), context.values(), attn.heads, mask);
  const Tensor y = added(first(x), attn.proj, mixed, Site::kProj, i, in);
  return plus(y, in.beside_attention(i, first(x), first(normed)));
}

// x + mlp(norm2 x)
Tensor Block::fed_forward(int64_t i, const Tensor& x, const Injection& in) const {
  const Tensor normed = in.at(Site::kNorm2, i, x, norm2(x));
  if (!in.changes_operations()) return plus(mlp.add_to(x, normed), in.beside_mlp(i, x, normed));
  const Tensor hidden = activate(mlp.activation, in.at(Site::kFc1, i, normed, mlp.fc1(normed)));  // [n, t, mlp]
  return plus(x + in.at(Site::kFc2, i, hidden, mlp.fc2(hidden)), in.beside_mlp(i, x, normed));
}

Tensor Block::operator()(int64_t i, const Tensor& x, const Injection& in) const {
  const Tensor entered = in.before_block(i, x);
  return in.after_block(i, fed_forward(i, attended(i, entered, entered.size(1), in), in));
}

Tensor Block::leading(int64_t i, const Tensor& x, int64_t count, const Injection& in) const {
  const Tensor entered = in.before_block(i, x);
  const int64_t rows = std::min(std::max(kFewestRows, count), entered.size(1));
  return fed_forward(i, attended(i, entered, rows, in), in).narrow(1, 0, count);
}

Blocks::Blocks(const BlocksShape& shape, const BlockStyle& style) {
  for (int64_t i = 0; i < shape.depth; ++i) blocks_.add(Block(shape, style));
}

Tensor Blocks::operator()(const Tensor& x) const {
  Tensor y = x;
  for (const Block& block : blocks_) y = block(y);
  return y;
}

Tensor Blocks::operator()(const Tensor& x, const Injection& in, int64_t first) const {
  Tensor y = x;
  for (int64_t i = first; i < depth(); ++i) y = blocks_[i](i, y, in);
  return y;
}

Tensor Blocks::first_row(const Tensor& x, int64_t first) const {
  Tensor y = x;
  for (int64_t i = first; i + 1 < depth(); ++i) y = blocks_[i](y);
  return blocks_[depth() - 1].first_row(y).squeeze(1);
}

Tensor Blocks::leading(const Tensor& x, int64_t count, const Injection& in, int64_t first) const {
  if (!in.by_token()) return (*this)(x, in, first).narrow(1, 0, count);
  Tensor y = x;
  for (int64_t i = first; i + 1 < depth(); ++i) y = blocks_[i](i, y, in);
  return blocks_[depth() - 1].leading(depth() - 1, y, count, in);
}

Tensor Blocks::first_rows(const Tensor& x, int64_t first, const Injection& in) const {
  std::vector<Tensor> rows;
  Tensor y = x;
  for (int64_t i = 0; i < depth(); ++i) {
    y = blocks_[i](i, y, in);
    if (i >= first) rows.push_back(y.select(1, 0));
  }
  return at::stack(rows, 1);
}

}  // namespace clb::nn
