#include <torch/version.h>

#include <clb/ext/expected.h>
#include <clb/ext/validation.h>

#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <clb/loader/params.hpp>
#include <clb/loader/plugin_file.hpp>
#include <clb/python/header.hpp>
#include <clb/sdk/error_sink.hpp>
#include <clb/session/python.hpp>
#include <map>
#include <string_view>

namespace clb::session {
namespace {

const clb_python* lent = nullptr;

// What a table points to, for the life of the process.
struct Table {
  explicit Table(const python::Header& from) : header(from), schema(header.info.params), paths(python::source_paths(header)) {
    paths.insert(paths.begin(), header.info.file);
    for (const std::string& path : paths) {
      const std::string_view text = loader::plugin_text(path);
      files.push_back({path.c_str(), text.data(), text.size()});
    }
    for (const std::string& role : header.info.roles) roles.push_back(role.c_str());
    for (const std::string& asset : header.info.assets) assets.push_back(asset.c_str());
    for (const std::string& source : header.info.sources) sources.push_back(source.c_str());
    for (const auto& [check, reason] : header.expected_failures)
      expected.push_back({sizeof(clb_expected_failure), 0, check.c_str(), reason.c_str()});
    for (const clb_param& param : schema.list())
      if (const auto value = header.validation.find(param.name); value != header.validation.end())
        validation.push_back({sizeof(clb_setting), 0, param.name, values.value(param.default_value.type, *value, param.name)});
    all_expected = {sizeof all_expected, static_cast<uint32_t>(expected.size()), expected.data(), sizeof(clb_expected_failure), 0};
    all_validation = {sizeof all_validation, static_cast<uint32_t>(validation.size()), validation.data(), sizeof(clb_setting), 0};
  }

  python::Header header;
  loader::Schema schema;
  loader::Values values;
  std::vector<std::string> paths;
  std::vector<clb_python_file> files;
  std::vector<const char*> roles, assets, sources;
  std::vector<clb_expected_failure> expected;
  std::vector<clb_setting> validation;
  clb_expected_failures all_expected{};
  clb_validation_values all_validation{};
};

// The one method of this process; another file takes its place, as `load` does in Python.
const Table* loaded = nullptr;

const void* extension(void*, const char* id) {
  const std::string_view name = id;
  if (name == CLB_EXT_FEATURES) return lent->extractor;
  if (name == CLB_EXT_EXPECTED && !loaded->expected.empty()) return &loaded->all_expected;
  if (name == CLB_EXT_VALIDATION && !loaded->validation.empty()) return &loaded->all_validation;
  return nullptr;
}

const Table& table_of(const std::string& file) {
  static auto& tables = *new std::map<std::string, Table>;
  const auto found = tables.find(file);
  if (found != tables.end()) return found->second;
  return tables.try_emplace(file, python::parse_header(loader::plugin_text(file), file)).first->second;
}

}  // namespace

const clb_python* python() { return lent; }

void set_python(const clb_python* python) {
  lent = python;
  if (python != nullptr) loader::set_python_versions(python->versions);
}

clb_method python_table(const std::string& file) {
  if (lent == nullptr)
    throw base::Error(file + ": is a method in Python, which clb-runner does not run by itself; clbench starts it with the Python that " +
                      "CLB_PYTHON names, and by hand `PYTHON " + (base::prefix() / "lib/clbench/python/start.py").string() +
                      " run FILE.json` does");
  const Table& table = table_of(file);
  static const clb_host host = ErrorSink::minimal_host();
  ErrorSink::clear();
  if (const clb_status status = lent->load(&host, table.files.data(), static_cast<uint32_t>(table.files.size())); status != CLB_OK)
    throw ErrorSink::take(status, file + " cannot be loaded");
  loaded = &table;
  const base::MethodInfo& info = table.header.info;
  clb_method m = *lent->functions;
  m.struct_size = sizeof m;
  m.state_version = static_cast<uint32_t>(info.state_version);
  m.paper = info.paper.c_str();
  m.params = table.schema.list().data();
  m.param_count = static_cast<uint32_t>(table.schema.list().size());
  m.param_stride = sizeof(clb_param);
  m.roles = table.roles.data();
  m.role_count = static_cast<uint32_t>(table.roles.size());
  m.assets = table.assets.data();
  m.asset_count = static_cast<uint32_t>(table.assets.size());
  m.sources = table.sources.data();
  m.source_count = static_cast<uint32_t>(table.sources.size());
  m.get_extension = extension;
  return m;
}

std::vector<std::string> own_command() {
  if (lent == nullptr) return {base::executable().string()};
  return {lent->command, lent->command + lent->command_count};
}

std::vector<std::filesystem::path> python_folders() {
  if (lent == nullptr) return {};
  return {lent->folders, lent->folders + lent->folder_count};
}

std::string libtorch_version() { return lent != nullptr && *lent->libtorch != '\0' ? lent->libtorch : TORCH_VERSION; }

}  // namespace clb::session
