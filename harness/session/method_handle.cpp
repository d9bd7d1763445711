#include <clb/ext/features.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/loader/globals.hpp>
#include <clb/loader/params.hpp>
#include <clb/loader/plugin_file.hpp>
#include <clb/python/header.hpp>
#include <clb/sdk/error_sink.hpp>
#include <clb/sdk/guard.hpp>
#include <clb/sdk/tensor.hpp>
#include <clb/session/method_handle.hpp>
#include <clb/session/python.hpp>
#include <cstring>

namespace clb::session {
namespace {

// Names of roles, assets or files in the table; none is NULL.
std::vector<std::string> names_of(const char* const* names, uint32_t count, const char* what) {
  if (count > 0 && names == nullptr) throw PluginError(CLB_E_INVALID, "the method's table has no array of its " + std::string(what), "", 0);
  for (uint32_t k = 0; k < count; ++k)
    if (names[k] == nullptr) throw PluginError(CLB_E_INVALID, "the method's table has NULL among its " + std::string(what), "", 0);
  return {names, names + count};
}

std::vector<std::string> roles_of(const clb_method& table, const std::string& file) {
  if (table.roles == nullptr) return {"main"};
  std::vector<std::string> roles;
  for (uint32_t k = 0; k < table.role_count; ++k) {
    const std::string role = table.roles[k] == nullptr ? "" : table.roles[k];
    if (role.empty() || role.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos)
      throw base::Error(file + ": role " + std::to_string(k) + " of its table is \"" + role +
                        "\"; a role of weights has small letters, digits and _");
    if (std::find(roles.begin(), roles.end(), role) == roles.end()) roles.push_back(role);
  }
  return roles;
}

// Stands in for optional members, so that nobody tests for NULL.
void fill_stubs(clb_method& m) {
  if (m.begin_task == nullptr) m.begin_task = [](void*, const clb_task*) { return CLB_OK; };
  if (m.end_task == nullptr) m.end_task = [](void*, const clb_task*) { return CLB_OK; };
  if (m.get_extension == nullptr) m.get_extension = [](void*, const char*) -> const void* { return nullptr; };
}

// Runs a call of the plugin; a failed one becomes PluginError with the plugin's own sentence and place.
template <class Call>
void check(const char* name, Call call, unsigned look = loader::Globals::kEach) {
  ErrorSink::clear();
  const loader::Globals before(name, look);
  if (const clb_status status = call(); status != CLB_OK) throw ErrorSink::take(status, std::string(name) + " failed");
  ErrorSink::throw_if_refused();
  before.expect_unchanged();
}

}  // namespace

namespace {

clb_method library_table(const std::string& file) {
  const auto entry = reinterpret_cast<clb_method_entry>(loader::load_plugin(file, "method", CLB_METHOD_ENTRY));
  const clb_method* plugin = entry();
  if (plugin == nullptr || plugin->struct_size < sizeof(uint32_t)) throw base::Error(file + ": " CLB_METHOD_ENTRY " returned no table");
  clb_method table{};
  std::memcpy(&table, plugin, std::min<size_t>(plugin->struct_size, sizeof table));
  table.struct_size = sizeof table;
  if (table.describe != nullptr) {
    static const clb_host host = ErrorSink::minimal_host();
    check("describe", [&] { return table.describe(&host, &table); });
  }
  return table;
}

}  // namespace

clb_method load_method_table(const std::string& file) {
  const loader::Globals before("loading " + file, loader::Globals::kAll);
  clb_method table = python::is_python(file) ? python_table(file) : library_table(file);
  if (table.param_count > 0 && (table.params == nullptr || table.param_stride < offsetof(clb_param, choices)))
    throw base::Error(file + ": its table names " + std::to_string(table.param_count) + " parameters without an array of them");
  if (!table.create || !table.destroy || !table.train_task || !table.inputs || !table.predict || !table.save || !table.load)
    throw base::Error(file + ": its table lacks a mandatory function (create, destroy, train_task, inputs, predict, save, load)");
  fill_stubs(table);
  before.expect_unchanged();
  return table;
}

// Paths of the further files that belong to the plugin's hash; a relative one is beside the plugin.
std::vector<std::string> sources_of(const clb_method& table, const std::string& file) {
  std::vector<std::string> sources;
  const base::fs::path folder = base::fs::absolute(file).parent_path();
  for (const std::string& source : names_of(table.sources, table.source_count, "sources")) {
    const base::fs::path path = (folder / source).lexically_normal();
    if (!base::fs::is_regular_file(path))
      throw base::Error(file + ": its source " + path.string() + " is missing; install it with the plugin");
    sources.push_back(path.string());
  }
  return sources;
}

base::MethodInfo method_info(const std::string& file) {
  if (python::is_python(file)) {
    const python::Header header = python::parse_header(loader::plugin_text(file), file);
    base::MethodInfo info = header.info;
    info.sources = python::source_paths(header);
    info.hash = loader::plugin_hash(file, info.sources);
    return info;
  }
  const clb_method table = load_method_table(file);
  const auto meta = base::read_plugin_meta(file);
  base::MethodInfo info{.id = meta.id, .version = meta.version, .paper = table.paper ? table.paper : "", .file = file};
  info.sources = sources_of(table, file);
  info.hash = loader::plugin_hash(file, info.sources);
  info.capabilities = meta.capabilities | table.capabilities;
  info.state_version = table.state_version;
  info.params = loader::params_info(table.params, table.param_count, table.param_stride, "method");
  info.assets = names_of(table.assets, table.asset_count, "assets");
  info.roles = roles_of(table, file);
  return info;
}

MethodHandle::~MethodHandle() {
  try {
    if (self_ != nullptr) table_.destroy(self_);
  } catch (...) {  // the run is over, and its results are told
  }
}

void MethodHandle::create(const clb_session& session) {
  check(
      "create", [&] { return table_.create(&session, &self_); }, loader::Globals::kAll);
  if (self_ == nullptr) throw PluginError(CLB_E_INTERNAL, "create succeeded without an object");
}
void MethodHandle::begin_task(const clb_task& task) {
  check(
      "begin_task", [&] { return table_.begin_task(self_, &task); }, loader::Globals::kAll);
}
void MethodHandle::train_task(const clb_task& task) {
  check(
      "train_task", [&] { return table_.train_task(self_, &task); }, loader::Globals::kAll);
}
void MethodHandle::end_task(const clb_task& task) {
  check(
      "end_task", [&] { return table_.end_task(self_, &task); }, loader::Globals::kAll);
}

std::vector<WantedPart> MethodHandle::inputs() {
  clb_inputs wanted{};
  wanted.struct_size = sizeof wanted;
  check("inputs", [&] { return table_.inputs(self_, &wanted); });
  auto parts = wanted_parts(wanted.parts, wanted.part_count);
  for (const auto& part : parts)
    if (part.kind == WantedPart::Kind::kLabels || part.kind == WantedPart::Kind::kSampleIds || part.kind == WantedPart::Kind::kCaptions)
      throw PluginError(CLB_E_INVALID, "inputs asks for " + part.name + ", which a question does not have", "", 0);
  return parts;
}

torch::Tensor MethodHandle::predict(const HostBatch& batch, std::span<const int64_t> columns) {
  const std::vector<clb_part> parts = batch.share();
  const clb_question question{.struct_size = sizeof question,
                              .part_count = static_cast<uint32_t>(parts.size()),
                              .parts = parts.data(),
                              .part_stride = sizeof(clb_part),
                              .n = batch.n,
                              .columns = columns.data(),
                              .column_count = static_cast<int64_t>(columns.size()),
                              .step = batch.step};
  DLManagedTensorVersioned* logits = nullptr;
  check("predict", [&] { return table_.predict(self_, &question, &logits); });
  return from_dlpack(logits);
}

torch::Tensor MethodHandle::extract(const std::string& kind, const torch::Tensor& images) {
  const auto* found = static_cast<const clb_extractor*>(table_.get_extension(self_, CLB_EXT_FEATURES));
  const clb_extractor extractor = found != nullptr ? detail::read_struct(found) : clb_extractor{};
  if (extractor.extract == nullptr)
    throw PluginError(CLB_E_UNSUPPORTED, "the method has declared the features \"" + kind + "\", but no extension " CLB_EXT_FEATURES, "",
                      0);
  const HostBatch batch{.n = images.size(0), .parts = {{CLB_PART_IMAGES, images}}};
  const std::vector<clb_part> parts = batch.share();
  const clb_batch raw{.struct_size = sizeof raw,
                      .part_count = static_cast<uint32_t>(parts.size()),
                      .parts = parts.data(),
                      .part_stride = sizeof(clb_part),
                      .n = batch.n,
                      .epoch = 0,
                      .step = 0};
  DLManagedTensorVersioned* values = nullptr;
  check("extract", [&] { return extractor.extract(self_, kind.c_str(), &raw, &values); });
  return from_dlpack(values);
}

void MethodHandle::save(const std::function<void(std::string_view)>& write) {
  struct Sink {
    const std::function<void(std::string_view)>& write;
    std::exception_ptr error;
  } sink{write, nullptr};
  const clb_writer writer{sizeof(clb_writer), 0, &sink, [](void* self, const void* bytes, uint64_t count) -> clb_status {
                            auto& s = *static_cast<Sink*>(self);
                            try {
                              if (bytes == nullptr && count > 0) throw PluginError(CLB_E_INVALID, "save writes from NULL");
                              s.write({static_cast<const char*>(bytes), count});
                              return CLB_OK;
                            } catch (...) {
                              s.error = std::current_exception();
                              return CLB_E_IO;
                            }
                          }};
  try {
    check("save", [&] { return table_.save(self_, &writer); });
  } catch (const PluginError&) {
    if (!sink.error) throw;
  }
  if (sink.error) std::rethrow_exception(sink.error);
}

void MethodHandle::load(std::span<const uint8_t> bytes, uint64_t step) {
  struct Source {
    std::span<const uint8_t> left;
    uint64_t step;
  } source{bytes, step};
  const clb_reader reader{sizeof(clb_reader), 0, &source, [](void* self, void* to, uint64_t count, uint64_t* got) -> clb_status {
                            auto& s = *static_cast<Source*>(self);
                            if (got == nullptr || (to == nullptr && count > 0)) return CLB_E_INVALID;
                            *got = std::min({count, static_cast<uint64_t>(s.left.size()), s.step});
                            std::memcpy(to, s.left.data(), *got);
                            s.left = s.left.subspan(*got);
                            return CLB_OK;
                          }};
  check(
      "load", [&] { return table_.load(self_, &reader); }, loader::Globals::kAll);
  if (!source.left.empty())
    throw PluginError(CLB_E_STATE, "load left " + std::to_string(source.left.size()) + " bytes of the saved state unread");
}

}  // namespace clb::session
