#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/session/evaluate.hpp>
#include <clb/session/predict.hpp>
#include <limits>
#include <numeric>

namespace clb::session {
namespace {

// Counts of one group: its own samples and, for `within`, its own columns.
base::EvalCount count_group(const torch::Tensor& logits, const torch::Tensor& targets, const torch::Tensor& member, int64_t group,
                            int64_t first, int64_t end) {
  const auto own = logits.index({member});
  const auto want = targets.index({member});
  base::EvalCount count{.group = group, .n = own.size(0)};
  if (count.n == 0) return count;
  const auto hits = [&](const torch::Tensor& guess) { return guess.eq(want).sum().item<int64_t>(); };
  count.correct = hits(own.argmax(1));
  const auto best = std::get<1>(own.topk(std::min<int64_t>(5, own.size(1)), 1));
  count.correct5 = best.eq(want.unsqueeze(1)).any(1).sum().item<int64_t>();
  count.correct_within = hits(own.slice(1, first, end).argmax(1) + first);
  count.loss_sum = torch::nn::functional::cross_entropy(own.to(torch::kFloat64), want,
                                                        torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum))
                       .item<double>();
  return count;
}

}  // namespace

Evaluated evaluated_now(const Session& s) {
  Evaluated e{s.protocol.evaluated_groups(s.task), {}, {}};
  std::vector<std::pair<int64_t, int64_t>> members;  // (sample, group)
  for (int64_t g : e.groups)
    for (int64_t index : s.protocol.groups()[static_cast<size_t>(g)].samples) members.emplace_back(index, g);
  std::sort(members.begin(), members.end());
  std::vector<int64_t> group;
  for (const auto& [index, g] : members) {
    e.samples.push_back(index);
    group.push_back(g);
  }
  e.group = torch::tensor(group, torch::kInt64);
  return e;
}

std::vector<int64_t> serving_order(const Session& s, const std::vector<int64_t>& samples) {
  const auto n = static_cast<int64_t>(samples.size());
  if (s.spec.protocol.test_batches == "shuffled") return permutation(s.keys.number("test order", {s.task}), n);
  std::vector<int64_t> order(samples.size());
  std::iota(order.begin(), order.end(), 0);
  const auto labels = s.store.labels(s.evaluated_split());
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return s.protocol.position(labels[static_cast<size_t>(samples[a])]) < s.protocol.position(labels[static_cast<size_t>(samples[b])]);
  });
  return order;
}

void mask_to_groups(const Session& s, const torch::Tensor& of, torch::Tensor& logits) {
  for (int64_t id : s.protocol.evaluated_groups(s.task)) {
    const stream::Group& group = s.protocol.groups()[static_cast<size_t>(id)];
    const auto column = torch::arange(logits.size(1));
    const auto foreign = (column < group.first).logical_or(column >= group.end);
    logits.masked_fill_(of.eq(id).unsqueeze(1).logical_and(foreign.unsqueeze(0)), -std::numeric_limits<float>::infinity());
  }
}

base::TaskDone evaluate(Session& s, MethodHandle& method) {
  const auto evaluated = evaluated_now(s);
  auto logits = predict(s, method,
                        {.split = s.evaluated_split(),
                         .samples = evaluated.samples,
                         .order = serving_order(s, evaluated.samples),
                         .batch_size = s.spec.protocol.test_batch_size,
                         .task_ids = s.protocol.grants_task_ids() ? evaluated.group : torch::Tensor()});
  if (s.protocol.grants_task_ids()) mask_to_groups(s, evaluated.group, logits);
  const auto labels = s.store.labels(s.evaluated_split());
  std::vector<int64_t> positions;
  for (int64_t index : evaluated.samples) positions.push_back(s.protocol.position(labels[static_cast<size_t>(index)]));
  const auto targets = torch::tensor(positions, torch::kInt64);

  base::TaskDone done{.task = s.task, .classes = s.protocol.original_classes(s.task)};
  for (int64_t id : evaluated.groups) {
    const stream::Group& group = s.protocol.groups()[static_cast<size_t>(id)];
    done.evals.push_back(count_group(logits, targets, evaluated.group.eq(id), id, group.first, std::min(group.end, logits.size(1))));
  }
  const auto argmax = logits.argmax(1);
  done.predictions.assign(labels.size(), -1);
  for (size_t k = 0; k < evaluated.samples.size(); ++k)
    done.predictions[static_cast<size_t>(evaluated.samples[k])] = s.protocol.original(argmax[static_cast<int64_t>(k)].item<int64_t>());
  const std::string_view bytes(static_cast<const char*>(logits.const_data_ptr()), logits.nbytes());
  done.logit_hash = base::hex(base::sha256(bytes));
  if (const auto& execution = s.spec.execution; execution.keep_logits && !execution.run_dir.empty())
    base::write_file_atomic(base::fs::path(execution.run_dir) / ("logits-" + std::to_string(s.task) + ".f32"), bytes);
  return done;
}

}  // namespace clb::session
