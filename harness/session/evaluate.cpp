#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/session/evaluate.hpp>
#include <clb/session/predict.hpp>
#include <limits>
#include <numeric>

namespace clb::session {
namespace {

// First and end of the classes of each row's own group, [n] each.
std::pair<torch::Tensor, torch::Tensor> own_classes(const Session& s, const torch::Tensor& group) {
  std::vector<int64_t> first, end;
  for (const stream::Group& g : s.protocol.groups()) {
    first.push_back(g.first);
    end.push_back(g.end);
  }
  return {torch::tensor(first, torch::kInt64).index_select(0, group), torch::tensor(end, torch::kInt64).index_select(0, group)};
}

torch::Tensor outside_of(const torch::Tensor& first, const torch::Tensor& end, int64_t columns) {  // [n, columns] bool
  const auto column = torch::arange(columns).unsqueeze(0);
  return column.lt(first.unsqueeze(1)).logical_or(column.ge(end.unsqueeze(1)));
}

// What is counted of each row; all groups at once, since a stream may have hundreds.
struct Counters {
  explicit Counters(int64_t groups) : whole(torch::zeros({4, groups}, torch::kInt64)), loss(torch::zeros({groups}, torch::kFloat64)) {}

  void add(const torch::Tensor& logits, const torch::Tensor& target, const torch::Tensor& group, const torch::Tensor& outside) {
    const auto count = [&](int64_t row, const torch::Tensor& hit) { whole[row].index_add_(0, group, hit.to(torch::kInt64)); };
    count(0, torch::ones_like(target));
    count(1, logits.argmax(1).eq(target));
    const auto best = std::get<1>(logits.topk(std::min<int64_t>(5, logits.size(1)), 1));
    count(2, best.eq(target.unsqueeze(1)).any(1));
    count(3, logits.masked_fill(outside, -std::numeric_limits<float>::infinity()).argmax(1).eq(target));
    loss.index_add_(0, group,
                    torch::nn::functional::cross_entropy(logits.to(torch::kFloat64), target,
                                                         torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone)));
  }

  torch::Tensor whole;  // [4, groups]: n, correct, correct5, correct_within
  torch::Tensor loss;   // [groups]
};

std::vector<base::EvalCount> count_groups(const Session& s, const torch::Tensor& logits, const torch::Tensor& targets,
                                          const Evaluated& evaluated) {
  constexpr int64_t kAtOnce = 4096;  // rows, so that copies stay small
  Counters counters(static_cast<int64_t>(evaluated.groups.size()));
  for (int64_t row = 0; row < logits.size(0); row += kAtOnce) {
    const int64_t end = std::min(logits.size(0), row + kAtOnce);
    const auto group = evaluated.group.slice(0, row, end);
    const auto [first, last] = own_classes(s, group);
    counters.add(logits.slice(0, row, end), targets.slice(0, row, end), group, outside_of(first, last, logits.size(1)));
  }
  std::vector<base::EvalCount> counts;
  const auto whole = counters.whole.accessor<int64_t, 2>();
  for (int64_t g : evaluated.groups)
    counts.push_back({.group = g,
                      .n = whole[0][g],
                      .correct = whole[1][g],
                      .correct5 = whole[2][g],
                      .correct_within = whole[3][g],
                      .loss_sum = counters.loss[g].item<double>()});
  return counts;
}

// Those of eval_unseen; none: the classes seen.
std::vector<int64_t> asked_columns(const Session& s) {
  const int64_t count = s.protocol.shape().columns(s.task);
  if (count == s.protocol.classes_seen(s.task)) return {};
  std::vector<int64_t> columns(static_cast<size_t>(count));
  std::iota(columns.begin(), columns.end(), 0);
  return columns;
}

// A sample whose class has been learned is predicted among the classes seen, as without eval_unseen; the others among all.
void mask_unseen_columns(const Session& s, const torch::Tensor& group, torch::Tensor& logits) {
  const int64_t seen = s.protocol.classes_seen(s.task);
  if (logits.size(1) == seen) return;
  const auto known = group.lt(s.protocol.shape().seen_groups(s.task)).unsqueeze(1);
  logits.slice(1, seen).masked_fill_(known, -std::numeric_limits<float>::infinity());
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
  const auto [first, end] = own_classes(s, of);
  logits.masked_fill_(outside_of(first, end, logits.size(1)), -std::numeric_limits<float>::infinity());
}

base::TaskDone evaluate(Session& s, MethodHandle& method) {
  const auto evaluated = evaluated_now(s);
  auto logits = predict(s, method,
                        {.split = s.evaluated_split(),
                         .samples = evaluated.samples,
                         .order = serving_order(s, evaluated.samples),
                         .batch_size = s.spec.protocol.test_batch_size,
                         .task_ids = s.protocol.grants_task_ids() ? evaluated.group : torch::Tensor(),
                         .columns = asked_columns(s)});
  mask_unseen_columns(s, evaluated.group, logits);
  if (s.protocol.grants_task_ids()) mask_to_groups(s, evaluated.group, logits);
  const auto labels = s.store.labels(s.evaluated_split());
  std::vector<int64_t> positions;
  for (int64_t index : evaluated.samples) positions.push_back(s.protocol.position(labels[static_cast<size_t>(index)]));
  const auto targets = torch::tensor(positions, torch::kInt64);

  base::TaskDone done{.task = s.task, .classes = s.protocol.original_classes(s.task)};
  done.evals = count_groups(s, logits, targets, evaluated);
  const auto argmax = logits.argmax(1);
  const auto best = argmax.accessor<int64_t, 1>();
  done.predictions.assign(labels.size(), -1);
  for (size_t k = 0; k < evaluated.samples.size(); ++k)
    done.predictions[static_cast<size_t>(evaluated.samples[k])] = s.protocol.original(best[static_cast<int64_t>(k)]);
  const std::string_view bytes(static_cast<const char*>(logits.const_data_ptr()), logits.nbytes());
  done.logit_hash = base::hex(base::sha256(bytes));
  if (const auto& execution = s.spec.execution; execution.keep_logits && !execution.run_dir.empty())
    base::write_file_atomic(base::fs::path(execution.run_dir) / ("logits-" + std::to_string(s.task) + ".f32"), bytes);
  return done;
}

}  // namespace clb::session
