// What a plugin file says of itself in its ELF section ".clb.meta", read without loading it.
#pragma once

#include <clb/meta.h>

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clb::base {

struct PluginMeta {
  std::filesystem::path file;
  std::string kind;  // "method" or "dataset"
  std::string id, version, libtorch, compiler, summary;
  uint32_t abi_major = 0, abi_minor = 0, cxx11_abi = 0;
  uint64_t capabilities = 0;
};

// [a-z][a-z0-9_]*, short enough for clb_plugin_meta_t.
bool is_plugin_id(std::string_view text);

// Reads only the ELF headers and the section. Error names the file and the field or offset that is wrong.
PluginMeta read_plugin_meta(const std::filesystem::path& file);
PluginMeta parse_plugin_meta(std::span<const uint8_t> elf, const std::string& name);

// Empty when this program can load the plugin, else one sentence: field, wanted, found, what to do. `libtorch` is the runner's version
// ("2.11.0"); empty skips that field (clbench itself has no LibTorch).
std::string mismatch(const PluginMeta& meta, const std::string& wanted_kind, const std::string& libtorch);

// What a plugin's hash is: the file's own, or with further files whose contents belong to it (clb_method.sources) that of all of them; of a
// method in Python the versions of what runs it as well ("Python 3.11.2, torch 2.11.0, numpy 2.4.1").
std::string plugin_identity(const std::string& file_sha256, const std::vector<std::string>& source_sha256,
                            const std::string& versions = "");

// The bit of a name that capability_names gives; 0: there is none of this name.
uint64_t capability_bit(std::string_view name);
// Names of the CLB_CAP_* bits, in bit order, as tables and --json show them ("frozen_features", "bf16", ...).
std::vector<std::string> capability_names(uint64_t bits);
std::vector<std::string> known_capabilities();

}  // namespace clb::base
