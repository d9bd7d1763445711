#include "slices.hpp"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <algorithm>
#include <clb/nn/cpu_kernels.hpp>
#include <clb/nn/error.hpp>
#include <clb/nn/parallel.hpp>
#include <unordered_set>

#include "chunks.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Node;
using torch::autograd::variable_list;

constexpr int64_t kFewest = 4;         // slices, where there are as many images
constexpr int64_t kWorthIt = 500'000;  // bytes of a batch's; below, threads cost more than they bring

std::vector<int64_t> counts_of(int64_t n, int64_t bytes) {
  const int64_t each = std::max<int64_t>(1, std::min(kCachedBytes / bytes, (n + kFewest - 1) / kFewest));
  std::vector<int64_t> counts(static_cast<size_t>(n / each), each);
  if (n % each != 0) counts.push_back(n % each);
  return counts;
}

// The nodes that the graph behind `from` consists of, down to `ends` and without them.
std::unordered_set<Node*> behind(std::vector<Node*> from, const std::unordered_set<Node*>& ends) {
  std::unordered_set<Node*> seen;
  while (!from.empty()) {
    Node* node = from.back();
    from.pop_back();
    if (node == nullptr || ends.contains(node) || !seen.insert(node).second) continue;
    for (const auto& edge : node->next_edges()) from.push_back(edge.function.get());
  }
  return seen;
}

std::unordered_set<Node*> nodes_of(const variable_list& tensors) {
  std::unordered_set<Node*> nodes;
  for (const Tensor& t : tensors) nodes.insert(torch::autograd::impl::gradient_edge(t).function.get());
  return nodes;
}

// Whether one of the tensors was computed from another one: a gradient would be counted twice.
bool are_nested(const variable_list& tensors) {
  const std::unordered_set<Node*> nodes = nodes_of(tensors);
  std::vector<Node*> made_from;
  for (Node* node : nodes)
    for (const auto& edge : node->next_edges()) made_from.push_back(edge.function.get());
  const auto all = behind(made_from, {});
  return std::ranges::any_of(nodes, [&](Node* node) { return all.contains(node); });
}

// Every trained tensor that `output` was computed from is among `named`, or its gradient would be lost without a word.
void expect_named(const Tensor& output, const variable_list& named) {
  for (Node* node : behind({output.grad_fn().get()}, nodes_of(named)))
    if (dynamic_cast<torch::autograd::AccumulateGrad*>(node) != nullptr)
      throw Error(ErrorKind::kInternal, "an injection is split that uses a trained tensor which its parts() does not name");
}

struct Slices final : torch::CustomClassHolder {
  std::vector<int64_t> counts;
  std::vector<Tensor> outputs;  // each with a graph of its own
};

// The outputs as one tensor, whose backward goes through the graphs of all slices side by side.
struct Joined : torch::autograd::Function<Joined> {
  static Tensor forward(AutogradContext* ctx, const at::TensorList& trained, const c10::intrusive_ptr<Slices>& slices) {
    ctx->save_for_backward(trained.vec());
    ctx->saved_data["slices"] = c10::IValue::make_capsule(slices);
    std::vector<Tensor> values;
    for (const Tensor& t : slices->outputs) values.push_back(t.detach());
    return at::cat(values);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const auto trained = ctx->get_saved_variables();
    const auto slices = c10::static_intrusive_pointer_cast<Slices>(ctx->saved_data["slices"].toCapsule());
    const auto parts = gradients[0].split_with_sizes(slices->counts);
    std::vector<variable_list> of_slices(parts.size());
    side_by_side(parts.size(), [&](size_t k) {
      of_slices[k] = torch::autograd::grad({slices->outputs[k]}, trained, {parts[k]}, {}, /*create_graph=*/false, /*allow_unused=*/true);
      slices->outputs[k] = Tensor();  // and the graph with it
    });
    variable_list sums = std::move(of_slices[0]);
    for (size_t k = 1; k < of_slices.size(); ++k)
      for (size_t i = 0; i < sums.size(); ++i)
        if (of_slices[k][i].defined()) sums[i] = sums[i].defined() ? sums[i] + of_slices[k][i] : of_slices[k][i];
    sums.emplace_back();  // of `slices`
    return sums;
  }
};

}  // namespace

Tensor in_slices(const Tensor& images, const Injection& in, const Module& network, const VitShape& shape, const Pass& pass) {
  const int64_t n = images.size(0), bytes = shape.tokens() * shape.mlp * images.element_size();
  if (!images.is_cpu() || n < 2 || n * bytes < kWorthIt || images.requires_grad() || !cpu_kernels()) return pass(images, in);
  const bool gradients = at::GradMode::is_enabled();
  if (gradients && !trained_tensors(network).empty()) return pass(images, in);
  const std::vector<int64_t> counts = counts_of(n, bytes);
  const variable_list trained = gradients ? trained_tensors(in) : variable_list();
  if (are_nested(trained)) return pass(images, in);
  const InjectionSlices injections = in.split(counts);
  if (injections.empty()) return pass(images, in);

  const auto slices = c10::make_intrusive<Slices>();
  slices->counts = counts;
  slices->outputs.resize(counts.size());
  const std::vector<Tensor> parts = images.split_with_sizes(counts);
  side_by_side(counts.size(), [&](size_t k) { slices->outputs[k] = pass(parts[k], *injections[k]); });
  if (!slices->outputs[0].requires_grad()) return at::cat(slices->outputs);
  expect_named(slices->outputs[0], trained);
  return Joined::apply(at::TensorList(trained), slices);
}

}  // namespace clb::nn
