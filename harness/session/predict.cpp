#include <clb/meta.h>
#include <clb/metrics.h>

#include <clb/base/error.hpp>
#include <clb/data/image_batches.hpp>
#include <clb/sdk/tensor.hpp>
#include <clb/session/predict.hpp>
#include <numeric>
#include <optional>

namespace clb::session {
namespace {

using Kind = WantedPart::Kind;

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

// The classes that are to be told apart.
std::vector<int64_t> asked_columns(const Session& s, const std::vector<int64_t>& given) {
  const int64_t seen = s.protocol.classes_seen(s.task);
  std::vector<int64_t> columns = given;
  if (columns.empty()) {
    columns.resize(static_cast<size_t>(seen));
    std::iota(columns.begin(), columns.end(), 0);
  }
  if (columns.back() >= seen && (s.spec.method.capabilities & CLB_CAP_ZERO_SHOT) == 0)
    throw base::Error("the method " + s.spec.method.id + " does not claim zero_shot and cannot be asked for classes to come");
  return columns;
}

}  // namespace

torch::Tensor predict(Session& s, MethodHandle& method, const TestSamples& test) {
  const auto wanted = method.inputs();
  const auto kinds = feature_kinds(wanted);
  const int64_t passes = count_of(wanted, Kind::kImages);
  const auto forwards = static_cast<double>(passes + static_cast<int64_t>(kinds.size()));
  s.metrics.push_back({.name = CLB_METRIC_FORWARDS_PER_TEST_IMAGE, .task = s.task, .step = s.task, .value = forwards});
  if (passes > 0) data::require_images(s.spec);
  if (!kinds.empty()) s.require_features(kinds, test.split, test.samples);
  s.features.charge(passes * static_cast<int64_t>(test.order.size()));
  const auto n = static_cast<int64_t>(test.order.size()), size = test.batch_size, batches = (n + size - 1) / size;
  const auto rows_of = [&](int64_t step) {
    return std::vector<int64_t>(test.order.begin() + step * size, test.order.begin() + std::min(n, (step + 1) * size));
  };
  std::vector<const Images*> views;
  for (const auto& part : wanted)
    if (part.kind == Kind::kImages) views.push_back(&s.view_of(s.views, part.role, false));
  const auto requests = [&](int64_t step) {
    std::vector<ImageRequest> list;
    for (int64_t row : rows_of(step)) list.push_back({test.split, test.samples[static_cast<size_t>(row)], 0});
    return list;
  };
  std::optional<data::ImageBatches> images;
  if (passes > 0) images.emplace(views, requests, batches, s.spec.execution.loader_threads, s.spans);
  const auto columns = asked_columns(s, test.columns);
  const auto classes = static_cast<int64_t>(columns.size());
  auto logits = torch::zeros({static_cast<int64_t>(test.samples.size()), classes}, torch::kFloat32);
  for (int64_t step = 0; step < batches; ++step) {
    s.check_cancelled();
    const auto rows = rows_of(step);
    const auto row_tensor = torch::tensor(rows, torch::kInt64);
    std::vector<int64_t> indices;
    for (int64_t row : rows) indices.push_back(test.samples[static_cast<size_t>(row)]);
    HostBatch batch{.n = static_cast<int64_t>(rows.size()), .step = step};
    const auto made = images ? images->next() : std::vector<torch::Tensor>();
    size_t image = 0;
    for (const auto& part : wanted) {
      if (part.kind == Kind::kImages) batch.parts.emplace_back(part.name.c_str(), made[image++]);
      if (part.kind == Kind::kFeatures) batch.parts.emplace_back(part.name.c_str(), s.features.gather(part.name, test.split, indices));
      if (part.kind == Kind::kTaskIds && test.task_ids.defined())
        batch.parts.emplace_back(part.name.c_str(), test.task_ids.index_select(0, row_tensor).to(s.device));
    }
    torch::manual_seed(s.keys.number("predict", {s.task, step}));
    s.call_plugin([&] { logits.index_copy_(0, row_tensor, checked_logits(method.predict(batch, columns), batch.n, classes, s.device)); });
    s.progress("samples", std::min(n, (step + 1) * size), n);
  }
  return logits;
}

}  // namespace clb::session
