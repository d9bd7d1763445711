#include <clb/base/file.hpp>
#include <clb/python/header.hpp>

#include "block.hpp"

namespace clb::python {

bool is_python(const std::filesystem::path& file) { return file.extension() == ".py"; }

bool has_header(const std::filesystem::path& file) { return has_block(base::read_file(file)); }

base::PluginMeta read_meta(const std::filesystem::path& file) {
  return is_python(file) ? read_header(file).meta : base::read_plugin_meta(file);
}

}  // namespace clb::python
