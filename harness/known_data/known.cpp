#include <fmt/format.h>

#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/base/toml/reader.hpp>
#include <clb/base/toml/sentence.hpp>
#include <clb/known_data/known.hpp>
#include <set>

namespace clb::known_data {
namespace {

namespace fs = std::filesystem;
using namespace base::toml;

constexpr uint64_t kMaxBytes = 1 << 20;
constexpr int64_t kMaxClasses = 1'000'000;

std::vector<std::string> texts(const Reader& reader, const char* key) {
  std::vector<std::string> list;
  const Node* node = reader.find(key);
  if (!node) return list;
  if (!node->list()) fail(node->place, fmt::format("{} must be a list of texts", reader.what(key)));
  for (const Node& element : *node->list()) list.push_back(to_string(element, reader.what(key)));
  return list;
}

using NamedOrders = std::vector<std::pair<std::string, Node>>;

NamedOrders orders_in(const Reader& reader, const std::string& key) {
  NamedOrders orders;
  const Node* node = reader.find(key);
  if (!node) return orders;
  for (const Entry& entry : Reader(*node, key).table().entries()) {
    if (!entry.value.list()) fail(entry.value.place, fmt::format("{}.{} must be a list of names", key, entry.key));
    orders.emplace_back(entry.key, entry.value);
  }
  return orders;
}

SplitFacts facts_in(const Reader& reader, int64_t classes, const std::vector<std::string>& domains) {
  SplitFacts facts{reader.integer("classes", classes, 1, kMaxClasses), reader.integer("train", 0, 1, kMaxInt),
                   reader.integer("test", 0, 1, kMaxInt), texts(reader, "domains")};
  if (facts.domains.empty()) facts.domains = domains;
  return facts;
}

// The first that is there, else the first.
fs::path root_in(const Reader& reader, const fs::path& file) {
  const Node* node = reader.find("root");
  if (!node) return {};
  std::error_code error, other;  // through links, as experiments: share is linked into the build tree
  const fs::path real = fs::canonical(file, error);
  fs::path found;
  for (const Node& one : node->list() ? *node->list() : List{*node}) {
    const fs::path root = ((error ? file : real).parent_path() / to_string(one, "root")).lexically_normal();
    if (found.empty() || (!fs::exists(found, other) && fs::exists(root, other))) found = root;
  }
  return found;
}

// A place below the data set's folder, for a file or what is unpacked.
std::string inner_path(const Node& node, const std::string& what) {
  const std::string text = to_string(node, what);
  const fs::path path = text;
  const bool leaves = path.is_absolute() || std::any_of(path.begin(), path.end(), [](const fs::path& p) { return p == ".."; });
  if (text.empty() || leaves || !path.has_filename() || text.starts_with('.'))
    fail(node.place, fmt::format("{} must be a path below the data set's folder, found \"{}\"", what, one_line(text)));
  return path.lexically_normal().string();
}

void read_digest(const Reader& reader, File& file) {
  for (const auto& [kind, digits] : std::map<std::string, size_t>{{"sha256", 64}, {"md5", 32}, {"sha1", 40}}) {
    const Node* node = reader.find(kind);
    if (!node) continue;
    if (!file.digest.empty()) fail(node->place, fmt::format("{} beside {}: one digest is enough", kind, file.digest_kind));
    file.digest_kind = kind;
    file.digest = to_string(*node, reader.what(kind));
    if (file.digest.size() != digits || file.digest.find_first_not_of("0123456789abcdef") != std::string::npos)
      fail(node->place, fmt::format("{} must be {} lower-case hexadecimal digits, found \"{}\"", kind, digits, one_line(file.digest)));
  }
}

// "imagenet-r.tar" of https://HOST/FOLDER/imagenet-r.tar?raw=1
std::string last_part(const std::string& url) {
  const std::string path = url.substr(0, url.find_first_of("?#"));
  return path.substr(path.rfind('/') + 1);
}

void read_source(const Reader& reader, File& file) {
  const Node* by_hand = reader.find("by_hand");
  const Node* url = reader.find("url");
  if (!by_hand == !url)
    fail(reader.place(),
         "a [[file]] needs url = \"https://...\", or by_hand = \"how a person gets it\" where it cannot be fetched, not both");
  if (by_hand) file.by_hand = to_string(*by_hand, "file.by_hand");
  if (!url) return;
  for (const Node& one : url->list() ? *url->list() : List{*url}) {
    file.urls.push_back(to_string(one, "file.url"));
    if (!file.urls.back().starts_with("https://") && !file.urls.back().starts_with("http://"))
      fail(one.place, fmt::format("file.url must begin with https:// or http://, found \"{}\"", one_line(file.urls.back())));
  }
  if (file.urls.empty()) fail(url->place, "file.url is an empty list; it needs at least one address");
}

File read_file(const Node& node) {
  const Reader reader(node, "file");
  check_keys(reader.table(), reader.name(), {"url", "by_hand", "to", "size", "sha256", "md5", "sha1", "unpack", "split"});
  File file;
  file.place = node.place;
  read_source(reader, file);
  if (const Node* to = reader.find("to")) {
    file.to = inner_path(*to, "file.to");
  } else {
    const std::string last = file.urls.empty() ? "" : last_part(file.urls.front());
    file.to = inner_path(Node{reader.place(), last}, "file.to (the end of its address where it is not given)");
  }
  file.size = static_cast<uint64_t>(reader.integer("size", 0, 1, kMaxInt));
  read_digest(reader, file);
  file.splits = texts(reader, "split");
  if (const Node* unpack = reader.find("unpack")) {
    const bool* flag = std::get_if<bool>(&unpack->value);
    if (!flag) file.unpack = inner_path(*unpack, "file.unpack");
    if (flag && *flag) file.unpack = "";
  }
  return file;
}

std::vector<File> files_in(const Reader& reader) {
  std::vector<File> files;
  const Node* node = reader.find("file");
  if (!node) return files;
  if (!node->list()) fail(node->place, "file must be a list of tables: [[file]]");
  std::set<std::string> places;
  for (const Node& one : *node->list()) {
    files.push_back(read_file(one));
    if (!places.insert(files.back().to).second)
      fail(one.place, fmt::format("two [[file]] belong at \"{}\"; give them different places with to", files.back().to));
  }
  return files;
}

void read_splits(const Reader& reader, Known& known) {
  const Node* node = reader.find("splits");
  if (!node) return;
  for (const Entry& entry : Reader(*node, "splits").table().entries()) {
    const Reader split(entry.value, "splits." + entry.key);
    check_keys(split.table(), split.name(), {"classes", "train", "test", "domains"});
    known.splits[entry.key] = facts_in(split, known.usual.classes, known.usual.domains);
  }
}

Known read(const Node& root, const fs::path& file) {
  check_keys(*root.table(), "",
             {"plugin", "title", "licence", "homepage", "params", "classes", "train", "test", "splits", "domains", "root", "class_orders",
              "domain_orders", "get", "names", "templates", "file"});
  const Reader reader(root, "");
  Known known;
  known.name = file.stem().string();
  known.plugin = to_string(reader.at("plugin", "\"image_folder\""), "plugin");
  known.title = reader.string("title", "");
  known.licence = reader.string("licence", "");
  known.homepage = reader.string("homepage", "");
  if (const Node* params = reader.find("params")) known.params = Reader(*params, "params").table();
  known.usual = facts_in(reader, to_int(reader.at("classes", "200"), "classes", 1, kMaxClasses), {});
  read_splits(reader, known);
  known.names = texts(reader, "names");
  known.templates = texts(reader, "templates");
  if (!known.names.empty() && static_cast<int64_t>(known.names.size()) != known.usual.classes)
    fail(reader.find("names")->place,
         fmt::format("names holds {} names, but there are {} classes", known.names.size(), known.usual.classes));
  known.root = root_in(reader, file);
  known.class_orders = orders_in(reader, "class_orders");
  known.domain_orders = orders_in(reader, "domain_orders");
  known.get = to_string(reader.at("get", "\"download it from ...\""), "get");
  known.files = files_in(reader);
  return known;
}

}  // namespace

bool Known::can_be_fetched() const {
  return std::any_of(files.begin(), files.end(), [](const File& file) { return !file.urls.empty(); });
}

std::string Known::split() const {
  const Node* node = params.find("split");
  const std::string* text = node ? std::get_if<std::string>(&node->value) : nullptr;
  return text ? *text : "";
}

std::vector<std::string> Known::split_names() const {
  std::set<std::string> all;
  for (const auto& [split, counts_of] : splits) all.insert(split);
  for (const File& file : files) all.insert(file.splits.begin(), file.splits.end());
  if (!split().empty()) all.insert(split());
  return {all.begin(), all.end()};
}

bool Known::wants(const File& file, const std::string& named) const {
  const std::string wanted = named.empty() ? split() : named;
  return wanted.empty() || file.splits.empty() || std::find(file.splits.begin(), file.splits.end(), wanted) != file.splits.end();
}

std::string Known::remedy() const {
  return can_be_fetched() ? fmt::format("`clbench data get {}` gets it", name)
                          : fmt::format("`clbench data info {}` says how to get it", name);
}

Known read_known(const fs::path& file) { return read(parse_toml(base::read_file(file, kMaxBytes), file.string()), file); }

std::optional<Known> find_known(const fs::path& share, const std::string& name) {
  const fs::path file = share / "datasets" / (name + ".toml");
  std::error_code error;
  if (name.empty() || name.find('/') != std::string::npos || !fs::is_regular_file(file, error)) return std::nullopt;
  return read_known(file);
}

std::vector<std::string> known_names(const fs::path& share) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(share / "datasets", error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".toml") names.push_back(entry->path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace clb::known_data
