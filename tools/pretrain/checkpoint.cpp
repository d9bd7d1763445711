#include "checkpoint.hpp"

#include <clb/base/file.hpp>
#include <clb/base/sha256.hpp>

namespace clb::pretrain {
namespace {

constexpr const char* kChecksum = "sha256";  // of the file without this entry
constexpr const char* kFormat = "clbench-pretrain-checkpoint/1";
constexpr const char* kData = "images drawn from formulas by clb-pretrain; no photograph, no data set";

// The path of the first value that differs: "/training/lr".
std::string difference(const base::Json& a, const base::Json& b) {
  const base::Json patch = base::Json::diff(a, b);
  return patch.empty() ? "" : patch[0].at("path").get<std::string>();
}

torch::ScalarType type_of(const std::string& name) {
  return name == "f16" ? torch::kFloat16 : name == "bf16" ? torch::kBFloat16 : torch::kFloat32;
}

std::string images_seen(const Learner& learner) { return std::to_string(learner.updates() * learner.recipe().training.batch_size); }

// Tensors and metadata of a file that nobody changed since it was written. One of an older clb-pretrain has no checksum to tell by.
std::pair<nn::TensorMap, nn::Metadata> read_whole(std::span<const uint8_t> bytes, const std::string& name) {
  nn::TensorMap state;
  nn::Metadata metadata;
  try {
    metadata = nn::read_safetensors_metadata(bytes, name);
    state = nn::read_safetensors(bytes, name);
  } catch (const base::Error& e) {
    throw DamagedCheckpoint(e.what());
  }
  if (!metadata.contains(kChecksum)) return {state, metadata};
  nn::Metadata rest = metadata;
  rest.erase(kChecksum);
  if (base::hex(base::sha256(nn::write_safetensors(state, rest))) != metadata.at(kChecksum))
    throw DamagedCheckpoint(name + " is damaged: its checksum differs");
  return {state, metadata};
}

}  // namespace

void save_checkpoint(const std::filesystem::path& file, Learner& learner, double seconds) {
  const nn::TensorMap state = learner.state();
  nn::Metadata metadata{
      {"format", kFormat}, {"recipe", base::canonical(learner.recipe().to_json())}, {"seconds", base::canonical(seconds)}};
  metadata[kChecksum] = base::hex(base::sha256(nn::write_safetensors(state, metadata)));
  base::write_file_atomic(file, nn::write_safetensors(state, metadata));
}

double load_checkpoint(const std::filesystem::path& file, Learner& learner) {
  const base::MappedFile mapped(file);
  const std::string name = file.string();
  const auto [state, metadata] = read_whole(mapped.bytes(), name);
  const auto text = [&](const char* key) { return metadata.contains(key) ? metadata.at(key) : std::string(); };
  if (text("format") != kFormat)
    throw base::Error(name + " is no checkpoint of clb-pretrain; give another folder, or train without --resume");
  const std::string differs = difference(base::parse_json(text("recipe"), name + ": recipe"), learner.recipe().to_json());
  if (!differs.empty()) {
    throw base::Error(name + " belongs to a recipe with another value of " + differs +
                      "; give the recipe that it began with, or another --folder");
  }
  learner.load(state);
  return base::parse_json(text("seconds"), name + ": seconds").get<double>();
}

bool is_checkpoint(std::string_view ends) { return ends.find(kFormat) != std::string_view::npos; }
bool is_weights_file(std::string_view ends) { return ends.find(kData) != std::string_view::npos; }

std::string weights_file(Learner& learner) {
  const Recipe& recipe = learner.recipe();
  nn::TensorMap tensors;
  for (const auto& [name, tensor] : learner.weights()) tensors[name] = tensor.to(torch::kCPU, type_of(recipe.output_type));
  nn::Metadata metadata{{"name", recipe.name},
                        {"recipe", base::canonical(recipe.to_json())},
                        {"seed", std::to_string(recipe.seed)},
                        {"images_seen", images_seen(learner)},
                        {"data", kData}};
  metadata.merge(learner.metadata());
  return nn::write_safetensors(tensors, metadata);
}

}  // namespace clb::pretrain
