#include <clb/base/error.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/loader/globals.hpp>
#include <clb/loader/plugin_file.hpp>
#include <clb/sdk/error_sink.hpp>
#include <clb/sdk/tensor.hpp>
#include <clb/session/method_handle.hpp>
#include <clb/session/stream.hpp>
#include <cstring>

namespace clb::session {
namespace {

using base::Json;

const char* type_name(uint32_t type) {
  static constexpr const char* kNames[] = {"", "bool", "int", "float", "string", "choice", "int_list", "float_list"};
  return type < std::size(kNames) ? kNames[type] : "";
}

Json to_json(const clb_value& v) {
  switch (v.type) {
    case CLB_TYPE_BOOL:
      return v.as.i != 0;
    case CLB_TYPE_INT:
      return v.as.i;
    case CLB_TYPE_FLOAT:
      return v.as.f;
    case CLB_TYPE_STRING:
    case CLB_TYPE_CHOICE:
      return v.as.s;
    case CLB_TYPE_INT_LIST:
      return std::vector<int64_t>(v.as.ints, v.as.ints + v.count);
    case CLB_TYPE_FLOAT_LIST:
      return std::vector<double>(v.as.floats, v.as.floats + v.count);
    default:
      return nullptr;
  }
}

bool has_value(const clb_value& v) {
  const bool text = v.type == CLB_TYPE_STRING || v.type == CLB_TYPE_CHOICE,
             list = v.type == CLB_TYPE_INT_LIST || v.type == CLB_TYPE_FLOAT_LIST;
  return text ? v.as.s != nullptr : !list || v.count == 0 || v.as.ints != nullptr;
}

// The pointers of the schema's element k lead somewhere; what they lead to is checked elsewhere.
void expect_complete(const clb_param& p, uint32_t k) {
  bool good = p.name != nullptr && p.help != nullptr && has_value(p.default_value) && (p.implies == 0 || has_value(p.implied_when)) &&
              has_value(p.neutral);
  for (uint32_t c = 0; good && p.choices != nullptr && c < p.choice_count; ++c) good = p.choices[c] != nullptr;
  if (!good)
    throw PluginError(CLB_E_INVALID, "parameter " + std::to_string(k) + (p.name != nullptr ? " (" + std::string(p.name) + ")" : "") +
                                         " of the method has NULL for its name, help, a value or a choice");
  if (p.neutral.type != 0 && p.neutral.type != p.default_value.type)
    throw PluginError(CLB_E_INVALID,
                      "parameter " + std::string(p.name) + " of the method has a neutral value of another type than its default");
}

base::ParamInfo param_info(const clb_param& p) {
  base::ParamInfo info{.name = p.name, .type = type_name(p.default_value.type), .help = p.help, .default_value = to_json(p.default_value)};
  info.min = p.min;
  info.max = p.max;
  if (p.choices != nullptr) info.choices.assign(p.choices, p.choices + p.choice_count);
  info.implies = p.implies;
  if (p.implies != 0) info.implied_when = to_json(p.implied_when);
  if (p.counts == CLB_COUNTS_BLOCKS) info.counts = "blocks";
  info.neutral = to_json(p.neutral);  // null where there is none
  return info;
}

// Stands in for optional members, so that nobody tests for NULL.
void fill_stubs(clb_method& m) {
  if (m.begin_task == nullptr) m.begin_task = [](void*, const clb_task*) { return CLB_OK; };
  if (m.end_task == nullptr) m.end_task = [](void*, const clb_task*) { return CLB_OK; };
  if (m.extract == nullptr)
    m.extract = [](void*, const char*, const clb_batch*, DLManagedTensorVersioned**) -> clb_status { return CLB_E_UNSUPPORTED; };
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

clb_method load_method_table(const std::string& file) {
  const loader::Globals before("loading " + file, loader::Globals::kAll);
  const auto entry = reinterpret_cast<clb_method_entry>(loader::load_plugin(file, "method", CLB_METHOD_ENTRY));
  const clb_method* plugin = entry();
  if (plugin == nullptr || plugin->struct_size < sizeof(uint32_t)) throw base::Error(file + ": " CLB_METHOD_ENTRY " returned no table");
  clb_method table{};
  std::memcpy(&table, plugin, std::min<size_t>(plugin->struct_size, sizeof table));
  table.struct_size = sizeof table;
  if (table.param_count > 0 && (table.params == nullptr || table.param_stride < offsetof(clb_param, choices)))
    throw base::Error(file + ": its table names " + std::to_string(table.param_count) + " parameters without an array of them");
  if (!table.create || !table.destroy || !table.train_task || !table.inputs || !table.predict || !table.save || !table.load)
    throw base::Error(file + ": its table lacks a mandatory function (create, destroy, train_task, inputs, predict, save, load)");
  fill_stubs(table);
  before.expect_unchanged();
  return table;
}

clb_param param_of(const clb_method& table, uint32_t k) {
  clb_param p{};
  const auto* at = reinterpret_cast<const char*>(table.params) + size_t{k} * table.param_stride;
  std::memcpy(&p, at, std::min<size_t>(reinterpret_cast<const clb_param*>(at)->struct_size, sizeof p));
  return p;
}

base::MethodInfo method_info(const std::string& file) {
  const clb_method table = load_method_table(file);
  const auto meta = base::read_plugin_meta(file);
  base::MethodInfo info{.id = meta.id, .version = meta.version, .paper = table.paper ? table.paper : "", .file = file};
  info.hash = loader::plugin_hash(file);
  info.capabilities = meta.capabilities;
  info.state_version = table.state_version;
  for (uint32_t k = 0; k < table.param_count; ++k) {
    const clb_param p = param_of(table, k);
    expect_complete(p, k);
    info.params.push_back(param_info(p));
  }
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

WantedInputs MethodHandle::inputs() {
  clb_inputs wanted{};
  wanted.struct_size = sizeof wanted;
  check("inputs", [&] { return table_.inputs(self_, &wanted); });
  return {wanted.want_images != 0, checked_kinds(wanted.features, wanted.feature_count)};
}

torch::Tensor MethodHandle::predict(const HostBatch& batch) {
  clb_batch raw{};
  raw.struct_size = sizeof raw;
  std::vector<clb_feature> slots;
  batch.hand_over(raw, slots);
  DLManagedTensorVersioned* logits = nullptr;
  check("predict", [&] { return table_.predict(self_, &raw, &logits); });
  return from_dlpack(logits);
}

torch::Tensor MethodHandle::extract(const std::string& kind, const HostBatch& batch) {
  clb_batch raw{};
  raw.struct_size = sizeof raw;
  std::vector<clb_feature> slots;
  batch.hand_over(raw, slots);
  DLManagedTensorVersioned* values = nullptr;
  check("extract", [&] { return table_.extract(self_, kind.c_str(), &raw, &values); });
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
