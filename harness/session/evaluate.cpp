#include <algorithm>
#include <clb/sdk/tensor.hpp>
#include <clb/session/evaluate.hpp>
#include <clb/session/stream.hpp>
#include <numeric>

namespace clb::session {
namespace {

// The evaluated samples of all tasks up to the current one, ascending by index.
std::vector<int64_t> seen_samples(const Session& s) {
  std::vector<int64_t> samples;
  for (int64_t t = 0; t <= s.task; ++t) samples.insert(samples.end(), s.protocol.evaluated(t).begin(), s.protocol.evaluated(t).end());
  std::sort(samples.begin(), samples.end());
  return samples;
}

// Order in which the samples are served: positions in `samples`.
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

torch::Tensor checked_logits(const torch::Tensor& logits, int64_t n, int64_t classes, const torch::Device& device) {
  const auto describe = [&] {
    return "predict returned " + std::string(toString(logits.scalar_type())) + " " + c10::str(logits.sizes()) + " on " +
           logits.device().str();
  };
  if (!logits.defined()) throw PluginError(CLB_E_INVALID, "predict returned no logits");
  if (logits.dim() != 2 || logits.size(0) != n || logits.size(1) != classes || logits.scalar_type() != torch::kFloat32 ||
      logits.device() != device)
    throw PluginError(CLB_E_INVALID,
                      describe() + ", wanted Float [" + std::to_string(n) + ", " + std::to_string(classes) + "] on " + device.str());
  if (!logits.isfinite().all().item<bool>()) throw PluginError(CLB_E_NUMERIC, "predict returned logits that are not finite");
  return logits.to(torch::kCPU);
}

// Logits of all samples, rows in index order: [n, classes] float32 on the CPU.
torch::Tensor all_logits(Session& s, MethodHandle& method, const std::vector<int64_t>& samples) {
  const auto wanted = method.inputs();
  const Split split = s.evaluated_split();
  if (wanted.images) s.require_images();
  if (!wanted.kinds.empty()) s.require_features(wanted.kinds, split);
  const auto order = serving_order(s, samples);
  const int64_t n = static_cast<int64_t>(samples.size()), size = s.spec.protocol.test_batch_size, classes = s.protocol.classes_seen(s.task);
  const int64_t batches = (n + size - 1) / size;
  const auto indices_of = [&](int64_t step) {
    std::vector<int64_t> indices;
    for (int64_t k = step * size; k < std::min(n, (step + 1) * size); ++k)
      indices.push_back(samples[static_cast<size_t>(order[static_cast<size_t>(k)])]);
    return indices;
  };
  std::unique_ptr<Prefetcher> images;
  if (wanted.images) {
    images = std::make_unique<Prefetcher>(
        [&](int64_t step) {
          std::vector<ImageRequest> requests;
          for (int64_t index : indices_of(step)) requests.push_back({split, index, 0});
          return s.eval_images.batch(requests);
        },
        batches, s.spec.execution.loader_threads);
  }
  auto logits = torch::empty({n, classes}, torch::kFloat32);
  for (int64_t step = 0; step < batches; ++step) {
    s.check_cancelled();
    const auto indices = indices_of(step);
    HostBatch batch{.n = static_cast<int64_t>(indices.size()), .step = step};
    if (images) batch.images = images->next();
    for (const auto& kind : wanted.kinds) batch.features.emplace_back(kind.c_str(), s.features.gather(kind, split, indices));
    torch::manual_seed(s.keys.number("predict", {s.task, step}));
    const auto rows =
        torch::tensor(std::vector<int64_t>(order.begin() + step * size, order.begin() + step * size + batch.n), torch::kInt64);
    logits.index_copy_(0, rows, checked_logits(method.predict(batch), batch.n, classes, s.device));
    s.progress("samples", std::min(n, (step + 1) * size), n);
  }
  return logits;
}

// Counts of one group (a task): its own samples and, for `within`, its own columns.
base::EvalCount count_group(const torch::Tensor& logits, const torch::Tensor& targets, int64_t group, int64_t first, int64_t end) {
  const auto member = (targets >= first).logical_and(targets < end);
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

base::TaskDone evaluate(Session& s, MethodHandle& method) {
  const auto samples = seen_samples(s);
  const auto logits = all_logits(s, method, samples);
  const auto labels = s.store.labels(s.evaluated_split());
  std::vector<int64_t> positions;
  for (int64_t index : samples) positions.push_back(s.protocol.position(labels[static_cast<size_t>(index)]));
  const auto targets = torch::tensor(positions, torch::kInt64);

  base::TaskDone done{.task = s.task, .classes = s.protocol.original_classes(s.task)};
  for (int64_t t = 0; t <= s.task; ++t)
    done.evals.push_back(count_group(logits, targets, t, t == 0 ? 0 : s.protocol.classes_seen(t - 1), s.protocol.classes_seen(t)));
  const auto argmax = logits.argmax(1);
  done.predictions.assign(labels.size(), -1);
  for (size_t k = 0; k < samples.size(); ++k)
    done.predictions[static_cast<size_t>(samples[k])] = s.protocol.original(argmax[static_cast<int64_t>(k)].item<int64_t>());
  done.logit_hash = base::hex(base::sha256(std::span(static_cast<const uint8_t*>(logits.const_data_ptr()), logits.nbytes())));
  return done;
}

}  // namespace clb::session
