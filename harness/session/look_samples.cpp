#include <clb/meta.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/data/image_decode.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/evaluate.hpp>
#include <clb/session/failure.hpp>
#include <clb/session/look_samples.hpp>
#include <fstream>

namespace clb::session {
namespace {

namespace fs = std::filesystem;
using base::Json;

// Positions in evaluated.samples.
std::vector<int64_t> chosen(const Session& s, const Evaluated& evaluated, int64_t count) {
  const auto n = static_cast<int64_t>(evaluated.samples.size());
  if (predicts_by_batch(s.spec)) {
    const int64_t size = s.spec.protocol.test_batch_size;
    auto order = serving_order(s, evaluated.samples);
    order.resize(static_cast<size_t>(std::min(n, (count + size - 1) / size * size)));
    return order;
  }
  auto order = permutation(s.keys.number("second look", {}), n);
  order.resize(static_cast<size_t>(std::min(n, count)));
  std::sort(order.begin(), order.end());
  return order;
}

// The label and the domain that every sample gets: any that the stream has.
int64_t one_label(const base::RunSpec& spec) { return spec.protocol.class_order.front(); }
int64_t one_domain(const base::RunSpec& spec) { return spec.protocol.domain_order.empty() ? 0 : spec.protocol.domain_order.front(); }

void write_store(data::Samples& store, Split split, const base::RunSpec& spec, const std::vector<int64_t>& indices, const fs::path& stem) {
  data::SampleFileWriter(stem / "train").finish();
  data::SampleFileWriter writer(stem / "test");
  for (int64_t index : indices) {
    auto sample = store.read(split, index);
    data::DecodedImage image;
    if (sample.encoded) {
      image = data::decode_image(sample.bytes, data::sample_name(sample.name, index));
      sample = {image.pixels, image.height, image.width, 3, false, nullptr, nullptr};
    }
    const data::SampleRecord shape{.height = static_cast<uint16_t>(sample.height),
                                   .width = static_cast<uint16_t>(sample.width),
                                   .channels = static_cast<uint8_t>(sample.channels)};
    writer.add(sample.bytes, shape, one_label(spec), one_domain(spec));
  }
  writer.finish();
}

void take(const base::RunSpec& spec, const LookWish& wish, const UsedFeatures& used, const fs::path& folder, Emitter& emitter) {
  Spans spans;
  base::RunSpec same = spec;
  if (same.execution.cache_dir.empty()) {  // the run has read every file just now
    same.dataset.fingerprint.clear();
    for (base::DatasetSpec& part : same.dataset.sequence) part.fingerprint.clear();
  }
  Session s(same, torch::kCPU, spec.execution.runner_hash, emitter, spans);
  s.task = wish.task;
  const Evaluated evaluated = evaluated_now(s);
  const auto samples_of = [&](int64_t count) {
    LookSamples look;
    for (int64_t row : chosen(s, evaluated, count)) {
      look.indices.push_back(evaluated.samples[static_cast<size_t>(row)]);
      if (s.protocol.grants_task_ids()) look.tasks.push_back(evaluated.group[row].item<int64_t>());
    }
    look.features = take_features(s, used, look.indices);
    return look;
  };
  LookSamples look = samples_of(wish.count_taken);
  if (wish.count_taken != wish.count && !computes_none(used, look.features)) look = samples_of(wish.count);
  write_store(s.store, s.evaluated_split(), spec, look.indices, folder / "data" / spec.dataset.fingerprint);
  write_features(s, look.features, folder);
  Json features = Json::array();
  for (const TakenFeatures& taken : look.features) features.push_back(taken.to_json());
  base::write_file_atomic(folder / "samples.json",
                          base::canonical({{"indices", look.indices}, {"tasks", look.tasks}, {"features", std::move(features)}}));
}

}  // namespace

bool predicts_by_batch(const base::RunSpec& spec) { return (spec.method.capabilities & CLB_CAP_BATCH_DEPENDENT) != 0; }

LookSamples take_look_samples(const base::RunSpec& spec, const LookWish& wish, const UsedFeatures& used, const fs::path& folder,
                              Emitter& emitter) {
  fs::create_directories(folder);
  const pid_t child = fork();
  if (child < 0) throw base::Error("a process for the samples of the second look cannot be started");
  if (child == 0) {
    int code = 0;
    try {
      take(spec, wish, used, folder, emitter);
    } catch (...) {
      code = 1;
      std::ofstream(folder / "error") << current_failure().text;
    }
    _exit(code);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const bool told = fs::exists(folder / "error");
    throw base::Error("the samples of the second look cannot be had: " + (told ? base::read_file(folder / "error") : "a crash"));
  }
  const Json json = base::parse_json(base::read_file(folder / "samples.json"), "samples.json");
  LookSamples look{json.at("indices").get<std::vector<int64_t>>(), json.at("tasks").get<std::vector<int64_t>>(), {}};
  for (const Json& taken : json.at("features")) look.features.push_back(TakenFeatures::from_json(taken));
  return look;
}

base::RunSpec without_labels(base::RunSpec spec, const fs::path& folder) {
  spec.dataset.train_per_class = spec.dataset.test_per_class = 0;
  spec.dataset.file.clear();  // the store is not held against files that this process cannot open
  spec.dataset.sequence.clear();
  spec.protocol.evaluate_on = "test";
  spec.execution.cache_dir = folder.string();
  spec.execution.store_limit = INT64_MAX;
  spec.execution.run_dir.clear();
  spec.execution.state_file.clear();
  return spec;
}

}  // namespace clb::session
