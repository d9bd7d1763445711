#include <clb/python/header.hpp>

#include <clb/meta.h>
#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/toml/param_value.hpp>
#include <clb/base/toml/sentence.hpp>

#include "block.hpp"
#include "params.hpp"

namespace clb::python {
namespace {

namespace fs = std::filesystem;
using base::toml::fail;
using base::toml::Node;
using base::toml::Reader;

constexpr uint64_t kLargestFile = uint64_t{16} << 20;

const std::vector<std::string> kHeaderKeys{
    "id", "version", "paper", "capabilities", "roles", "assets", "sources", "state_version", "param", "validation", "expected_failures"};

std::string needed(const Reader& reader, const fs::path& file, const std::string& key, const std::string& example, size_t longest) {
  const Node* node = reader.find(key);
  if (node == nullptr) {
    const std::string sentence = fmt::format("the header needs {}, for example # {} = {}", key, key, example);
    const auto& entries = reader.table().entries();
    if (entries.empty()) throw base::Error(file.string() + ": " + sentence);
    fail(entries.front().key_place, sentence);
  }
  const std::string text = base::toml::to_string(*node, key);
  if (text != base::toml::one_line(text)) fail(node->place, key + " must not hold a control character");
  if (text.size() >= longest) fail(node->place, fmt::format("{} has {} bytes, at most {} fit", key, text.size(), longest - 1));
  return text;
}

void check_roles(const Node& node, const std::vector<std::string>& names, const char* what) {
  for (size_t k = 0; k < names.size(); ++k)
    if (names[k].find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos)
      fail((*node.list())[k].place, fmt::format("\"{}\" is no name of {}: it has small letters, digits and _", names[k], what));
}

void read_validation(const Reader& reader, Header& header) {
  const Node* node = reader.find("validation");
  if (node == nullptr) return;
  for (const base::toml::Entry& entry : Reader(*node, "validation").table().entries()) {
    const base::ParamInfo* found = nullptr;
    for (const base::ParamInfo& param : header.info.params)
      if (param.name == entry.key) found = &param;
    if (found == nullptr)
      fail(entry.key_place, fmt::format("there is no parameter \"{}\" to give another value for validation", entry.key));
    header.validation[entry.key] = base::toml::param_value(*found, entry.value, "validation." + entry.key);
  }
}

void read_expected_failures(const Reader& reader, Header& header) {
  if (const Node* node = reader.find("expected_failures"))
    for (const base::toml::Entry& entry : Reader(*node, "expected_failures").table().entries())
      header.expected_failures[entry.key] = base::toml::to_string(entry.value, "the reason for " + entry.key);
}

}  // namespace

Header parse_header(std::string_view text, const fs::path& file) {
  const Node root = base::toml::parse_toml(toml_of_block(text, file), file.string());
  const Reader reader(root, "");
  base::toml::check_keys(reader.table(), "", kHeaderKeys);
  Header header;
  base::PluginMeta& meta = header.meta;
  meta.file = file;
  meta.kind = "method";
  meta.id = needed(reader, file, "id", "\"my_method\"", sizeof(clb_plugin_meta_t::id));
  if (!base::is_plugin_id(meta.id)) fail(reader.find("id")->place, "id must look like [a-z][a-z0-9_]*, found \"" + meta.id + "\"");
  meta.version = needed(reader, file, "version", "\"0.1.0\"", sizeof(clb_plugin_meta_t::version));
  meta.summary = needed(reader, file, "paper", "\"not published\"", sizeof(clb_plugin_meta_t::summary));
  meta.compiler = "Python";
  meta.abi_major = CLB_ABI_MAJOR;
  meta.abi_minor = CLB_ABI_MINOR;
  meta.cxx11_abi = _GLIBCXX_USE_CXX11_ABI;

  base::MethodInfo& info = header.info;
  if (const Node* node = reader.find("capabilities")) info.capabilities = read_capabilities(*node, "capabilities");
  meta.capabilities = info.capabilities;
  info.id = meta.id;
  info.version = meta.version;
  info.paper = meta.summary;
  info.file = file.string();
  info.state_version = reader.integer("state_version", 1, 1, INT32_MAX);
  if (const Node* node = reader.find("roles")) {
    info.roles = read_names(*node, "roles");
    check_roles(*node, info.roles, "a role");
  }
  if (const Node* node = reader.find("assets")) {
    info.assets = read_names(*node, "assets");
    check_roles(*node, info.assets, "an asset");
  }
  if (const Node* node = reader.find("sources")) info.sources = read_names(*node, "sources");
  if (const Node* node = reader.find("param")) info.params = read_params(*node);
  read_validation(reader, header);
  read_expected_failures(reader, header);
  return header;
}

Header read_header(const fs::path& file) { return parse_header(base::read_file(file, kLargestFile), file); }

std::vector<std::string> source_paths(const Header& header) {
  std::vector<std::string> paths;
  const fs::path folder = fs::absolute(header.meta.file).parent_path();
  for (const std::string& source : header.info.sources) {
    const fs::path path = (folder / source).lexically_normal();
    if (!fs::is_regular_file(path))
      throw base::Error(fmt::format("{}: its header names the source {}, and {} is no file; put it there, or take it out of the header",
                                    header.meta.file.string(), source, path.string()));
    paths.push_back(path.string());
  }
  return paths;
}

}  // namespace clb::python
