#include <clb/metrics.h>

#include <clb/sdk/tensor.hpp>
#include <clb/session/predict.hpp>
#include <clb/session/stream.hpp>

namespace clb::session {
namespace {

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

}  // namespace

torch::Tensor predict(Session& s, MethodHandle& method, const TestSamples& test) {
  const auto wanted = method.inputs();
  const auto forwards = static_cast<double>(wanted.images) + static_cast<double>(wanted.kinds.size());
  s.metrics.push_back({.name = CLB_METRIC_FORWARDS_PER_TEST_IMAGE, .task = s.task, .step = s.task, .value = forwards});
  if (wanted.images) data::require_images(s.spec);
  if (!wanted.kinds.empty()) s.require_features(wanted.kinds, test.split, test.samples);
  if (wanted.images) s.features.charge(static_cast<int64_t>(test.order.size()));
  const auto n = static_cast<int64_t>(test.order.size()), size = test.batch_size, batches = (n + size - 1) / size;
  const auto rows_of = [&](int64_t step) {
    return std::vector<int64_t>(test.order.begin() + step * size, test.order.begin() + std::min(n, (step + 1) * size));
  };
  std::unique_ptr<base::Prefetcher<torch::Tensor>> images;
  if (wanted.images) {
    images = std::make_unique<base::Prefetcher<torch::Tensor>>(
        [&](int64_t step) {
          std::vector<ImageRequest> requests;
          for (int64_t row : rows_of(step)) requests.push_back({test.split, test.samples[static_cast<size_t>(row)], 0});
          return s.eval_images.batch(requests);
        },
        batches, s.spec.execution.loader_threads);
  }
  const int64_t classes = s.protocol.classes_seen(s.task);
  auto logits = torch::zeros({static_cast<int64_t>(test.samples.size()), classes}, torch::kFloat32);
  for (int64_t step = 0; step < batches; ++step) {
    s.check_cancelled();
    const auto rows = rows_of(step);
    const auto row_tensor = torch::tensor(rows, torch::kInt64);
    std::vector<int64_t> indices;
    for (int64_t row : rows) indices.push_back(test.samples[static_cast<size_t>(row)]);
    HostBatch batch{.n = static_cast<int64_t>(rows.size()), .step = step};
    if (images) batch.images = images->next();
    for (const auto& kind : wanted.kinds) batch.features.emplace_back(kind.c_str(), s.features.gather(kind, test.split, indices));
    if (test.task_ids.defined()) batch.task_ids = test.task_ids.index_select(0, row_tensor).to(s.device);
    torch::manual_seed(s.keys.number("predict", {s.task, step}));
    s.call_plugin([&] { logits.index_copy_(0, row_tensor, checked_logits(method.predict(batch), batch.n, classes, s.device)); });
    s.progress("samples", std::min(n, (step + 1) * size), n);
  }
  return logits;
}

}  // namespace clb::session
