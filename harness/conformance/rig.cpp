#include "rig.hpp"

#include <clb/meta.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/network_format.hpp>
#include <clb/base/sha256.hpp>
#include <clb/data/sample_file.hpp>
#include <clb/nn/clip.hpp>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

namespace clb::conformance {
namespace {

constexpr const char* kFingerprint = "made-for-conformance";

// A class is a colour wave of its own direction and pitch; an image adds a shift and noise.
std::vector<uint8_t> draw(int64_t seed, int64_t label, int64_t sample, bool textured) {
  const double wave = textured ? 30 : 60;
  const uint64_t noise = textured ? 80 : 20;
  std::seed_seq words{seed, label, sample, int64_t{1}};
  std::mt19937 random(words);
  std::mt19937 of_class(static_cast<uint32_t>(label * 7919 + 17));
  const double fx = 1 + of_class() % 5, fy = 1 + of_class() % 5, tint = of_class() % 3, shift = random() % 8;
  std::vector<uint8_t> pixels;
  for (int64_t y = 0; y < kSide; ++y)
    for (int64_t x = 0; x < kSide; ++x)
      for (int64_t c = 0; c < kChannels; ++c) {
        const double angle = 2 * std::numbers::pi * (fx * (static_cast<double>(x) + shift) + fy * static_cast<double>(y)) / kSide;
        const double value =
            128 + wave * std::sin(angle + 2 * (c == tint)) + static_cast<double>(random() % (2 * noise + 1)) - static_cast<double>(noise);
        pixels.push_back(static_cast<uint8_t>(std::clamp(value, 0.0, 255.0)));
      }
  return pixels;
}

// The samples of a split, in the order of its records, which go round the classes.
struct Sample {
  int64_t label, drawn;  // drawn: which of the images
};
std::vector<Sample> samples_of(int64_t classes, int64_t per_class, uint64_t swapped_order) {
  std::vector<Sample> samples;
  for (int64_t i = 0; i < classes * per_class; ++i) samples.push_back({i * 7 % classes, i});
  if (swapped_order == 0) return samples;
  std::mt19937_64 random(swapped_order);
  for (size_t last = samples.size() - 1; last > 0; --last) {  // Fisher and Yates, within a class
    size_t other = random() % (last + 1);
    while (samples[other].label != samples[last].label) other = random() % (last + 1);
    std::swap(samples[other].drawn, samples[last].drawn);
  }
  return samples;
}

void write_split(const base::fs::path& cache, const char* name, int64_t seed, const std::vector<Sample>& samples, bool textured) {
  data::SampleFileWriter writer(cache / "data" / kFingerprint / name);
  for (const Sample& s : samples)
    writer.add(draw(seed, s.label, s.drawn, textured), {.height = kSide, .width = kSide, .channels = kChannels}, s.label, 0);
  writer.finish();
}

// A vocabulary in which every character is a token: its pairs of symbols occur in no text.
std::string vocabulary() {
  constexpr int64_t kPairs = 49152 - 256 - 2;
  std::string text = "made for conformance\n";
  for (int64_t k = 0; k < kPairs; ++k) text.append("~").append(std::to_string(k)).append(" ~\n");
  return text;
}

std::string file_sha256(const base::fs::path& file, const std::string& bytes) {
  base::write_file_atomic(file, bytes);
  return base::hex(base::sha256(bytes));
}

// A small untrained CLIP for the role "clip", or for all roles of a method with a text tower that has none of this name.
base::WeightsSpec made_clip(const std::string& role, const base::fs::path& folder) {
  nn::ClipShape shape{.image = {.image = kSide, .patch = 8, .dim = 48, .depth = 3, .heads = 3, .mlp = 96}};
  shape.text_dim = 16;
  shape.text_depth = 2;
  shape.text_heads = 2;
  shape.text_mlp = 32;
  shape.context = 40;
  shape.features = 24;
  base::WeightsSpec weights{.role = role, .file = (folder / "clip.safetensors").string(), .sha256 = {}};
  weights.sha256 = file_sha256(weights.file, nn::write_safetensors(nn::random_clip(shape, 5)));
  weights.format = "openai_clip";
  weights.heads = shape.image.heads;
  weights.text_heads = shape.text_heads;
  return weights;
}

// Classes have names, text towers a vocabulary.
void add_text(base::RunSpec& spec, const base::fs::path& folder) {
  for (int64_t c = 0; c < spec.dataset.class_count; ++c)
    spec.text.names.push_back("wave " + std::string(1, static_cast<char>('a' + c % 26)) + std::to_string(c / 26));
  spec.text.templates = {"a photo of a {}.", "art of the {}."};
  const std::string file = (folder / "vocabulary").string(), sha256 = file_sha256(file, vocabulary());
  for (base::WeightsSpec& weights : spec.weights) {
    if (!base::has_text_tower(weights.format)) continue;
    weights.vocabulary = sha256;
    spec.execution.vocabulary_files[weights.role] = file;
  }
}

// An asset "captions" is a file of some lines, any other the made data set once more.
void add_asset(const std::string& name, base::RunSpec& spec, const base::fs::path& folder) {
  if (name == "captions") {
    const std::string file = (folder / "captions.txt").string();
    spec.assets[name] = file_sha256(file, "a red wave\na wave at night\nthe sea\na field of corn\nnothing much\n");
    spec.execution.asset_files[name] = file;
    return;
  }
  spec.assets[name] = base::asset_fingerprint(spec.dataset);
  spec.execution.asset_datasets[name] = spec.dataset;
}

base::RunSpec spec_of(const Subject& subject, const MadeStream& stream, const base::fs::path& folder) {
  base::RunSpec spec;
  spec.method = {subject.info.id, subject.file, "", subject.params, subject.capabilities, {}};
  spec.method.train_transform.resize = kSide;
  spec.method.train_transform.flip = 0.5;
  spec.dataset.id = "made";
  spec.dataset.fingerprint = kFingerprint;
  spec.dataset.class_count = stream.classes();
  const auto& roles = subject.info.roles;
  const bool one_clip = subject.claims(CLB_CAP_TEXT_TOWER) && std::find(roles.begin(), roles.end(), "clip") == roles.end();
  for (const std::string& role : roles) {
    if (role == "clip" || one_clip) {
      spec.weights.push_back(made_clip(role, folder));
      continue;
    }
    base::WeightsSpec weights{.role = role, .file = {}, .sha256 = "made"};
    weights.random = {.image = kSide, .patch = 8, .dim = 48, .depth = 6, .heads = 3, .seed = 5};
    spec.weights.push_back(weights);
  }
  if (subject.claims(CLB_CAP_TEXT_TOWER)) add_text(spec, folder);
  for (const std::string& asset : subject.info.assets) add_asset(asset, spec, folder);
  spec.protocol.task_sizes = stream.task_sizes;
  spec.protocol.class_order = stream.class_order;
  if (stream.class_order.empty()) {
    spec.protocol.class_order.resize(static_cast<size_t>(spec.dataset.class_count));
    std::iota(spec.protocol.class_order.begin(), spec.protocol.class_order.end(), 0);
  }
  spec.protocol.eval_transform.resize = kSide;
  spec.seed = subject.seed;
  spec.precision = stream.precision;
  spec.device = "cpu";
  spec.threads = 1;
  spec.execution.cache_dir = folder.string();
  return spec;
}

}  // namespace

int64_t MadeStream::classes() const { return std::accumulate(task_sizes.begin(), task_sizes.end(), int64_t{0}); }

std::vector<std::vector<uint8_t>> train_pixels(int64_t seed, const MadeStream& stream) {
  std::vector<std::vector<uint8_t>> all;
  for (const Sample& s : samples_of(stream.classes(), stream.train_per_class, stream.swapped_order))
    all.push_back(draw(seed, s.label, s.drawn, stream.textured));
  return all;
}

void configure_once(const std::string& precision) {
  static const bool once = (session::configure(torch::kCPU, precision, 1), true);  // LibTorch's thread pools cannot be set twice
  static_cast<void>(once);
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (base::fs::temp_directory_path() / "clbench_validate_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw base::Error("cannot make a folder in " + base::fs::temp_directory_path().string());
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  base::fs::remove_all(path_, ignored);
}

Rig::Rig(const Subject& subject, const MadeStream& stream) : sink_(open("/dev/null", O_WRONLY | O_CLOEXEC)) {
  const auto spec = spec_of(subject, stream, folder_.path());
  write_split(folder_.path(), "train", subject.seed, samples_of(stream.classes(), stream.train_per_class, stream.swapped_order),
              stream.textured);
  write_split(folder_.path(), "test", subject.seed + 1, samples_of(stream.classes(), stream.test_per_class, 0), stream.textured);
  emitter_ = std::make_unique<Emitter>(sink_);
  configure_once(spec.precision);
  session_ = std::make_unique<Session>(spec, torch::Device(torch::kCPU), "conformance", *emitter_, spans_);
  learner_ = std::make_unique<Learner>(*session_, session::load_method_table(subject.file));
  learner_->create();
}

Rig::~Rig() {
  learner_.reset();
  session_.reset();
  close(sink_);
}

int64_t Rig::tasks() const { return session_->protocol.tasks_to_run(); }

void Rig::learn_all() {
  for (int64_t t = 0; t < tasks(); ++t) learn(t);
}

std::string Rig::state() {
  std::string bytes;
  method().save([&](std::string_view part) { bytes.append(part); });
  return bytes;
}

void Rig::load(const std::string& state, int64_t task, uint64_t step, const std::vector<int64_t>& memory) {
  session_->task = task;
  session_->memory = memory;
  method().load({reinterpret_cast<const uint8_t*>(state.data()), state.size()}, step);
}

int64_t Rig::test_samples() const {
  int64_t n = 0;
  for (int64_t g : session_->protocol.evaluated_groups(session_->task))
    n += static_cast<int64_t>(session_->protocol.groups()[static_cast<size_t>(g)].samples.size());
  return n;
}

int64_t Rig::train_images() const { return static_cast<int64_t>(session_->protocol.all_train().size()); }

torch::Tensor Rig::logits(const Serving& serving) {
  session::TestSamples test{.split = Split::kTest,
                            .samples = {},
                            .order = serving.only,
                            .batch_size = serving.batch_size,
                            .task_ids = serving.task_ids,
                            .columns = serving.columns};
  for (int64_t g : session_->protocol.evaluated_groups(session_->task)) {
    const auto& samples = session_->protocol.groups()[static_cast<size_t>(g)].samples;
    test.samples.insert(test.samples.end(), samples.begin(), samples.end());
  }
  std::sort(test.samples.begin(), test.samples.end());
  if (test.batch_size == 0) test.batch_size = static_cast<int64_t>(test.samples.size());
  if (test.order.empty()) {
    const auto n = static_cast<int64_t>(test.samples.size());
    test.order.resize(test.samples.size());
    std::iota(test.order.begin(), test.order.end(), 0);
    if (serving.shuffled) test.order = stream::permutation(1, n);
  }
  return predict(*session_, method(), test);
}

}  // namespace clb::conformance
