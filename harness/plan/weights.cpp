#include "weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/base/sha256.hpp>

#include "files.hpp"
#include "toml.hpp"

namespace clb::plan {
namespace {

constexpr int64_t kMaxImage = 4096, kMaxDim = 65536, kMaxDepth = 1024, kMaxHeads = 1024;

std::string read_digest(const Node& node, const std::string& what) {
  std::string text = to_string(node, what);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    fail(node.place, fmt::format("{} must be 64 hexadecimal digits, found \"{}\"", what, text));
  return text;
}

void check_role(const Entry& entry) {
  const bool letters = entry.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  if (entry.key.empty() || !letters)
    fail(entry.key_place, fmt::format("a role of weights has small letters, digits and _, \"main\" for example, found \"{}\"", entry.key));
}

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const base::NetworkFormat& format : base::network_formats()) names.emplace_back(format.name);
  return names;
}

// What the file's header says, so that a file that no runner can load starts none.
base::NetworkShape shape_of(const Place& place, const std::string& file, const base::NetworkHints& hints) {
  try {
    const base::MappedFile mapped(file);
    return base::network_shape(base::parse_safetensors(mapped.bytes(), file), hints, file);
  } catch (const base::Error& error) {
    fail(place, error.what());
  }
}

void read_file_weights(const Reader& reader, const std::filesystem::path& folder, Catalogue& catalogue, std::vector<std::string>* missing,
                       WeightsEntry& entry) {
  base::WeightsSpec& spec = entry.spec;
  const Node& node = reader.at("file", "\"vit.safetensors\"");
  const std::filesystem::path file = resolve_path(node, reader.what("file"), folder);
  spec.file = file.string();
  spec.heads = reader.integer("heads", 0, 1, kMaxHeads);
  spec.text_heads = reader.integer("text_heads", 0, 1, kMaxHeads);
  const std::string format = reader.choice("format", "", format_names());
  if (!format.empty()) spec.format = format;
  const Node* digest = reader.find("sha256");
  if (!is_file(file)) {
    const std::string sentence =
        fmt::format("{0}: no such file {1}; give another path with --set {0}=FILE", reader.what("file"), spec.file);
    if (!missing) fail(node.place, sentence);
    missing->push_back(sentence);
    spec.sha256 = digest ? read_digest(*digest, reader.what("sha256")) : std::string(64, '0');
    return;
  }
  const base::NetworkShape shape = shape_of(node.place, spec.file, {.format = format, .heads = spec.heads, .text_heads = spec.text_heads});
  entry.shape = shape.image;
  spec.format = shape.format;
  const std::string found = catalogue.file_sha256(spec.file);
  if (!digest) fail(reader.place(), fmt::format("[{}] needs the digest of {}: sha256 = \"{}\"", reader.name(), spec.file, found));
  spec.sha256 = read_digest(*digest, reader.what("sha256"));
  if (spec.sha256 != found)
    fail(digest->place,
         fmt::format("{} has SHA-256 {}, the experiment names {}; name the first if this file is meant, else get the other one", spec.file,
                     found, spec.sha256));
}

void read_random_weights(const Reader& role, const Node& node, WeightsEntry& entry) {
  for (const char* key : {"file", "sha256", "heads", "text_heads", "format"})
    if (const Node* other = role.find(key)) fail(other->place, fmt::format("{} has no meaning beside random weights", role.what(key)));
  const Reader reader(node, role.what("random"));
  base::RandomWeights& vit = entry.spec.random;
  vit.image = reader.integer("image", vit.image, 1, kMaxImage);
  vit.patch = reader.integer("patch", vit.patch, 1, kMaxImage);
  vit.dim = reader.integer("dim", vit.dim, 1, kMaxDim);
  vit.depth = reader.integer("depth", vit.depth, 1, kMaxDepth);
  vit.heads = reader.integer("heads", vit.heads, 1, kMaxHeads);
  vit.seed = reader.integer("seed", vit.seed, 0, kMaxInt);
  if (vit.image % vit.patch != 0)
    fail(node.place, fmt::format("{}: image = {} must be a multiple of patch = {}", role.what("random"), vit.image, vit.patch));
  if (vit.dim % vit.heads != 0)
    fail(node.place, fmt::format("{}: dim = {} must be a multiple of heads = {}", role.what("random"), vit.dim, vit.heads));
  entry.spec.sha256 = base::hex(base::sha256(base::canonical(vit.to_json())));
  entry.shape =
      base::VitShape{.image = vit.image, .patch = vit.patch, .dim = vit.dim, .depth = vit.depth, .heads = vit.heads, .mlp = 4 * vit.dim};
}

}  // namespace

std::vector<WeightsEntry> read_weights(const Node& root, const std::filesystem::path& experiment_folder, Catalogue& catalogue,
                                       std::vector<std::string>* missing) {
  std::vector<WeightsEntry> all;
  const Node* weights = root.table()->find("weights");
  if (!weights) return all;
  for (const Entry& entry : weights->table()->entries()) {
    check_role(entry);
    const Reader reader(entry.value, "weights." + entry.key);
    WeightsEntry read{.spec = {}, .shape = {}, .place = entry.key_place};
    read.spec.role = entry.key;
    if (const Node* random = reader.find("random"))
      read_random_weights(reader, *random, read);
    else if (reader.find("file"))
      read_file_weights(reader, experiment_folder, catalogue, missing, read);
    else
      fail(reader.place(), fmt::format("[weights.{}] needs file = \"...\" or random = {{ image = 32, patch = 4, ... }}", entry.key));
    read.spec.pos_antialias = reader.flag("pos_antialias", read.spec.pos_antialias);
    all.push_back(std::move(read));
  }
  return all;
}

}  // namespace clb::plan
