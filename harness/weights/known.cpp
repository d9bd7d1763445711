#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/toml/reader.hpp>
#include <clb/base/toml/sentence.hpp>
#include <clb/weights/known.hpp>
#include <map>

namespace clb::weights {
namespace {

namespace fs = std::filesystem;
using namespace base::toml;

constexpr uint64_t kMaxBytes = 1 << 20;
constexpr int64_t kMaxSize = 1 << 16;

std::string digest(const Node& node) {
  const std::string text = to_string(node, "sha256");
  if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    fail(node.place, fmt::format("sha256 must be 64 lower-case hexadecimal digits, found \"{}\"", text));
  return text;
}

std::vector<std::string> texts(const Node& node, const std::string& what) {
  if (!node.list()) return {to_string(node, what)};
  std::vector<std::string> all;
  for (const Node& one : *node.list()) all.push_back(to_string(one, what));
  return all;
}

std::vector<std::string> addresses(const Node& node) {
  std::vector<std::string> urls = texts(node, "url");
  for (const std::string& url : urls)
    if (!url.starts_with("https://") && !url.starts_with("http://"))
      fail(node.place, fmt::format("url must begin with https:// or http://, found \"{}\"", one_line(url)));
  return urls;
}

Preprocess read_preprocess(const Node& node) {
  const Reader reader(node, "preprocess");
  check_keys(reader.table(), reader.name(), {"mean", "std", "transform"});
  Preprocess p;
  const auto three = [&](const char* key, std::array<double, 3>& to) {
    const std::vector<double> values = to_number_list(reader.at(key, "[0.5, 0.5, 0.5]"), reader.what(key), 3);
    std::copy(values.begin(), values.end(), to.begin());
  };
  three("mean", p.mean);
  three("std", p.std);
  if (*std::min_element(p.std.begin(), p.std.end()) <= 0) fail(reader.find("std")->place, "preprocess.std must hold numbers above 0");
  p.transform = reader.string("transform", "");
  return p;
}

// A name of a file and no path: it is looked for in several folders.
std::string file_name(const Reader& reader, const std::string& fallback) {
  const Node* node = reader.find("file");
  if (!node) return fallback;
  const std::string name = to_string(*node, "file");
  if (name.empty() || name.find('/') != std::string::npos)
    fail(node->place, fmt::format("file must be a file's name without its folder, found \"{}\"", name));
  return name;
}

// What a description names, from its folder; through links: share is linked into the build tree.
fs::path beside(const fs::path& description, const std::string& name) {
  std::error_code error;
  const fs::path real = fs::canonical(description, error);
  return ((error ? description : real).parent_path() / name).lexically_normal();
}

}  // namespace

Known read_known(const fs::path& path) {
  const Node root = parse_toml(base::read_file(path, kMaxBytes), path.string());
  const Reader reader(root, "");
  check_keys(reader.table(), "",
             {"sha256", "file", "folder", "format", "activation", "image", "patch", "dim", "depth", "heads", "vocabulary", "labels",
              "pretraining", "licence", "source", "get", "url", "size", "preprocess"});
  Known known;
  known.place = root.place;
  known.name = path.stem().string();
  if (const Node* node = reader.find("sha256")) known.sha256 = digest(*node);
  known.file = file_name(reader, known.name + ".safetensors");
  if (const Node* node = reader.find("folder")) known.folder = beside(path, to_string(*node, "folder"));
  if (const Node* node = reader.find("vocabulary")) known.vocabulary = beside(path, to_string(*node, "vocabulary"));
  known.format = reader.string("format", known.format);
  known.activation = reader.choice("activation", "", {"gelu", "quick_gelu"});
  for (const auto& [key, size] : std::map<std::string, int64_t*>{
           {"image", &known.image}, {"patch", &known.patch}, {"dim", &known.dim}, {"depth", &known.depth}, {"heads", &known.heads}})
    *size = reader.integer(key, 0, 1, kMaxSize);
  if (const Node* node = reader.find("labels")) known.labels = texts(*node, "labels");
  known.pretraining = to_string(reader.at("pretraining", "\"ImageNet-1k, supervised\""), "pretraining");
  known.licence = to_string(reader.at("licence", "\"Apache-2.0\""), "licence");
  known.source = to_string(reader.at("source", "\"where the file comes from\""), "source");
  known.get = reader.string("get", "");
  if (const Node* node = reader.find("url")) known.urls = addresses(*node);
  known.size = static_cast<uint64_t>(reader.integer("size", 0, 1, kMaxInt));
  if (const Node* node = reader.find("preprocess")) known.preprocess = read_preprocess(*node);
  return known;
}

std::vector<Known> read_all_known(const std::vector<fs::path>& folders) {
  std::map<std::string, Known> all;
  for (const fs::path& folder : folders) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      const std::string name = entry->path().stem().string();
      if (entry->path().extension() != ".toml" || all.contains(name)) continue;
      try {
        all.emplace(name, read_known(entry->path()));
      } catch (const base::Error&) {  // somebody's folder may hold other TOML files; who asks for one by name hears what is wrong with it
      }
    }
  }
  std::vector<Known> sorted;
  for (auto& [name, known] : all) sorted.push_back(std::move(known));
  return sorted;
}

}  // namespace clb::weights
