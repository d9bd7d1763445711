#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <clb/loader/plugin_file.hpp>
#include <clb/session/python.hpp>
#include <clb/session/session.hpp>

namespace clb::session {
namespace {

// Of the images after the evaluation transform; the network's position embeddings are interpolated to it.
base::ImageSize checked_size(const Images& images, const base::RunSpec& spec) {
  if (images.size().area() > 0) return images.size();
  throw base::Error("the evaluation transform \"" + spec.protocol.eval_transform.name +
                    "\" gives images of no fixed size; it needs a crop or a square resize");
}

}  // namespace

Session::Session(const base::RunSpec& run, torch::Device on, const std::string& runner, Emitter& events, base::Spans& measured)
    : spec(run),
      emitter(events),
      spans(measured),
      device(on),
      dtype(weights_dtype(run.precision)),
      runner_hash(runner),
      keys(run.seed),
      store(
          run.dataset, run.execution, [this](const std::string& text) { warn(text); },
          [this](const std::string& what, int64_t done, int64_t total) {
            check_cancelled();
            emitter.progress({.phase = "load", .task = -1, .done = done, .total = total, .what = what});
          }),
      sample_ids(keys, static_cast<int64_t>(store.labels(Split::kTrain).size())),
      protocol(run, {store.labels(Split::kTrain), store.domains(Split::kTrain)}, {store.labels(Split::kTest), store.domains(Split::kTest)}),
      views(store, run, device, image_dtype(run.precision)),
      backbones(spec, data::has_images(run) ? checked_size(views.at("", false), run) : base::ImageSize(), device, dtype,
                image_dtype(run.precision)),
      features(surroundings()),
      text(surroundings()) {}

features::Surroundings Session::surroundings() {
  const auto cpu = processor();
  return {.spec = spec,
          .device = device,
          .dtype = dtype,
          .runner_hash = runner_hash,
          .processor = device.is_cuda() ? device_name(device) : cpu.model + " [" + cpu.flags + "]",
          .libtorch = libtorch_version(),
          .shared_cache = base::shared_cache_dir().value_or("").string(),
          .keys = keys,
          .store = store,
          .views = views,
          .backbones = backbones,
          .spans = spans,
          .task = task,
          .warn = [this](const std::string& text) { warn(text); },
          .progress = [this](const std::string& what, int64_t done, int64_t total) { progress(what, done, total); },
          .check_cancelled = [this] { check_cancelled(); },
          .expect_unchanged = [this] { expect_unchanged(); }};
}

void Session::check_cancelled() const {
  if (cancelled()) throw PluginError(CLB_E_CANCELLED, "cancelled", "", 0);
}

void Session::expect_unchanged() {
  loader::expect_plugins_unchanged();
  backbones.expect_unchanged();
}

bool Session::is_own_thread(const char* function) {
  if (std::this_thread::get_id() == thread_) return true;
  off_thread_ = function;
  return false;
}

void Session::expect_own_thread() const {
  if (const char* function = off_thread_)
    throw PluginError(CLB_E_INVALID,
                      std::string("the plugin called the host's ") + function +
                          " on a thread of its own; of the host's functions only log, set_error and progress may be called on any thread",
                      "", 0);
}

void Session::progress(const std::string& what, int64_t done, int64_t total) {
  emitter.progress({.phase = spans.phase(), .task = task, .done = done, .total = total, .what = what});
}

const Images& Session::view_of(const data::Views& of, const std::string& role, bool augmented) {
  if (!role.empty()) backbones.at(role);
  return of.at(role, augmented);
}

void Session::require_features(std::vector<std::string> kinds, Split split, std::vector<int64_t> wanted) {
  std::erase_if(kinds, [&](const std::string& kind) { return !features.is_derived(kind) && complete.contains({kind, split}); });
  if (kinds.empty()) return;
  std::sort(wanted.begin(), wanted.end());
  std::vector<int64_t> all;
  if (split == Split::kTrain) all = protocol.all_train();
  if (split == evaluated_split()) {
    const auto evaluated = protocol.all_evaluated();
    all.insert(all.end(), evaluated.begin(), evaluated.end());
    std::sort(all.begin(), all.end());
  }
  for (const auto& kind : kinds) {
    const bool derived = features.is_derived(kind);
    features.ensure(kind, split, derived ? wanted : all);
    if (!derived) complete.emplace(kind, split);
  }
}

}  // namespace clb::session
